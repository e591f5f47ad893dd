"""A link in words: what a responder can expect of it, before anything is simulated."""

from __future__ import annotations

from codec.own import shown
from satsim.air.packets import COMPACT_BYTES, HEADER_BYTES
from satsim.links.estimates import first_contact_s, photo_on
from satsim.links.linkspec import (
    Blockage,
    Cost,
    GilbertElliott,
    LinkSpec,
    LognormalDelay,
    Own,
    PeriodicWindows,
    RenewalWindows,
    TwoState,
    WaitForPass,
    Windows,
)
from satsim.links.presets import Preset, assumed_numbers, leaves
from satsim.words import span

MARK = "~"
HEADINGS = ("preset", "bytes", "interval", "contact", "latency", "loss", "ack")
LEGEND = (
    f"{MARK} has an assumed number in it; the others are measured or published. bytes: largest message, header of "
    f"{HEADER_BYTES} or {COMPACT_BYTES} included. latency: from sending to arrival, once there is contact."
)


def in_one_line(name: str) -> tuple[str, ...]:
    """The preset under `HEADINGS`; MARK after whatever rests on an assumed number."""
    link = LinkSpec.model_validate({"preset": name})
    assumed = assumed_numbers(link)

    def marked(text: str, *fields: str) -> str:
        return text + MARK if any(field.startswith(fields) for field in assumed) else text

    return (
        name,
        marked(str(link.packet_bytes), "packet_bytes"),
        marked(span(link.interval_s), "interval_s"),
        marked(contact_words(link.windows), "windows"),
        marked(latency_words(link), "delay"),
        marked(loss_words(link), "loss", "copies", "duplicate_ratio"),
        marked(link.ack.kind, "ack.kind"),
    )


def contact_words(windows: Windows | None) -> str:
    """When the terminal can send."""
    match windows:
        case None:
            return "always"
        case PeriodicWindows():
            return f"{span(windows.open_s)} every {span(windows.period_s)}"
        case RenewalWindows():
            return f"about {span(windows.mean_open_s)}, then {span(windows.mean_closed_s)} without"
        case _:
            return f"by {windows.model}"


def latency_words(link: LinkSpec) -> str:
    """From sending to arrival, as a sum of its parts."""
    least, most = link.delay_s, link.delay_s + link.delay_s_per_byte * link.packet_bytes
    parts = []
    if most > least:
        parts.append(f"{least:.3g} to {most:.3g} s by size")
    elif most or link.delay is None:
        parts.append(span(most))
    match link.delay:
        case LognormalDelay() as delay:
            parts.append(f"median {span(delay.median_s)}, 9 of 10 in {span(delay.p90_s)}")
            if delay.larger:
                parts[-1] += f" (larger ones in {span(delay.larger[-1].p90_s)})"
        case WaitForPass(windows=windows):
            wait = first_contact_s(windows)
            parts.append("wait for a gateway" + ("" if wait is None else f", mean {span(wait)}"))
        case Own() as own:
            parts.append(f"by {shown(own.model)}")
    return " + ".join(parts)


def loss_words(link: LinkSpec) -> str:
    """What is lost, and what that hangs on."""
    parts = []
    if link.loss_ratio or link.loss is None:
        parts.append(percent(link.loss_ratio))
    loss = link.loss
    if loss is not None:
        match loss:
            case GilbertElliott():
                bad = loss.good_to_bad / (loss.good_to_bad + loss.bad_to_good or 1)
                mean = bad * loss.loss_bad + (1 - bad) * loss.loss_good
                run = f", bad runs of {1 / loss.bad_to_good:.3g}" if loss.bad_to_good else ""
                parts.append(percent(mean) + run)
            case TwoState():
                parts.append(
                    f"{percent(loss.loss_good)} for {span(loss.mean_good_s)}, then {percent(loss.loss_bad)} for "
                    f"{span(loss.mean_bad_s)}"
                )
            case Blockage():
                parts.append(f"{percent(loss.loss_clear)}, or {percent(loss.loss_blocked)} where the site is blocked")
            case _:
                parts.append(f"by {shown(loss.model)}")
    if link.copies is not None:
        parts[-1] += f" of each of {link.copies.count} copies"
    if link.duplicate_ratio:
        parts.append(f"{percent(link.duplicate_ratio)} twice")
    return "; ".join(parts)


def percent(ratio: float) -> str:
    return f"{100 * ratio:.3g} %"


def photo_words(link: LinkSpec) -> list[str]:
    """What a ProGIC photo of 256x256 pixels needs here, in sentences."""
    photo = photo_on(link)
    if photo is None:
        return [f"A message leaves {link.packet_bytes - HEADER_BYTES} bytes beside the header: too few for ProGIC."]
    if photo.stages_per_message > 1:
        fit = f"{photo.stages_per_message} ProGIC stages of 320 bytes ride together in one message"
    elif photo.messages_per_stage > 1:
        fit = f"a ProGIC stage of 320 bytes needs {photo.messages_per_stage} messages"
    else:
        fit = "a ProGIC stage of 320 bytes fits in one message"
    spare = link.packet_bytes - photo.message_bytes
    return [
        f"Of {link.packet_bytes} bytes, {photo.header_bytes} are the header: {fit} (bytes to spare: {spare}).",
        f"All five stages: {photo.messages} message{'s' * (photo.messages > 1)} of {photo.message_bytes} bytes"
        + ("" if photo.seconds is None else f", about {span(photo.seconds)} if nothing is lost")
        + f"; {_price_words(photo.price, link.cost)}.",
    ]


def _price_words(price: float | None, cost: Cost) -> str:
    return "price not known" if price is None else f"{price:.2f} {cost.currency}"


def unit_of(field: str, cost: Cost) -> str:
    """The unit of a dotted key of a link, as its name tells; empty for a plain number or a word."""
    last = field.rpartition(".")[2]
    if last.startswith("price_per"):
        return cost.currency
    for ending, unit in (
        ("_s_per_byte", "s/B"),
        ("_s", "s"),
        ("_bytes", "B"),
        ("_deg", "degrees"),
        ("_kmh", "km/h"),
        ("_m", "m"),
        ("_ratio", "share"),
    ):
        if last.endswith(ending):
            return unit
    return "share" if last.startswith("loss_") or last in ("good_to_bad", "bad_to_good") else ""


def numbers_of(preset: Preset) -> tuple[list[tuple[str, str, str, str, str]], list[str]]:
    """Each value of a preset (dotted key, value, unit, basis with the number of its source, note), and the sources."""
    cost = LinkSpec.model_validate({"preset": preset.name}).cost
    sources = list(dict.fromkeys(number.source for number in preset.numbers.values() if number.source))
    rows = []
    for field, value in leaves(preset.link):
        basis, note = "", ""
        if field in preset.numbers:
            number = preset.numbers[field]
            basis, note = str(number.basis), number.note
            basis += f" [{sources.index(number.source) + 1}]" if number.source else ""
        rows.append((field, _value_words(value), unit_of(field, cost), basis, note))
    return rows, sources


def _value_words(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return " to ".join(map(_value_words, value))
        case float():
            return f"{value:.8g}"
        case _:
            return str(value)
