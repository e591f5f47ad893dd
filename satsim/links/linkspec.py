"""What a link is made of, as checked data: size, pace, delay, loss, contact windows, acknowledgements, costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from satsim.air.packets import HEADER_BYTES
from satsim.links import checks

DAY_S = 86_400.0
Ratio = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=30 * DAY_S)]
Span = Annotated[float, Field(gt=0, le=30 * DAY_S)]


class Checked(BaseModel):
    """Frozen; unknown keys, infinities and NaN are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False, str_strip_whitespace=True)


OUR_MODELS = ("gilbert_elliott", "two_state", "lutz", "blockage", "trace", "lognormal", "wait_for_pass")


class Own(Checked):
    """A model of your own, installed, registered, or as module:attribute; every other key is an option of it."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": True})
    model: Annotated[str, Field(json_schema_extra={"not": {"enum": list(OUR_MODELS)}})]
    options: dict[str, Any] = Field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.model)


def whose(data: Any) -> str:
    """Whether `data` names a model of ours, or none, or one of your own."""
    if isinstance(data, dict):
        return "own" if isinstance(data.get("model"), str) and data["model"] not in OUR_MODELS else "ours"
    return "own" if isinstance(data, Own) else "ours"


class GilbertElliott(Checked):
    """Two states that change from message to message (Gilbert 1960, Elliott 1963)."""

    model: Literal["gilbert_elliott"]
    good_to_bad: Ratio
    """Chance that a message after a good one meets the bad state."""
    bad_to_good: Ratio
    loss_good: Ratio = 0.0
    loss_bad: Ratio = 1.0
    start: Literal["stationary", "good", "bad"] = "stationary"

    _checked = model_validator(mode="after")(checks.moves)


class TwoState(Checked):
    """Two states in continuous time, each left at a constant rate; the state counts at the moment of sending."""

    model: Literal["two_state"]
    mean_good_s: Span
    mean_bad_s: Span
    loss_good: Ratio = 0.0
    loss_bad: Ratio = 1.0


class Lutz(Checked):
    """A moving terminal that drives through shadows: `two_state` from road lengths (Lutz et al. 1991) and a speed."""

    model: Literal["lutz"]
    environment: Literal["highway", "city"]
    elevation_deg: Annotated[float, Field(ge=13, le=43)]
    speed_kmh: Annotated[float, Field(gt=0, le=1000)]
    loss_good: Ratio = 0.0
    loss_bad: Ratio = 1.0


class Blockage(Checked):
    """A site whose view of a geostationary satellite is blocked or not (3GPP TR 38.811 6.6.1-1); suburban: or rural."""

    model: Literal["blockage"]
    environment: Literal["dense_urban", "urban", "suburban"]
    elevation_deg: Annotated[float, Field(ge=10, le=90)]
    loss_clear: Ratio = 0.0
    loss_blocked: Ratio = 1.0
    move_every_s: Span | None = None
    """A new site, drawn anew, after each such time; None: the user stays."""


class Trace(Checked):
    """The fates that a CSV file recorded: columns sent_s and arrived_s (empty: lost), or lost (0 or 1) alone."""

    model: Literal["trace"]
    path: Path
    """Relative to the scenario file."""
    by: Literal["message", "time"] = "message"
    """message: row n is for the n-th message; time: the last row sent no later. After the end comes the start."""


OurLoss = Annotated[GilbertElliott | TwoState | Lutz | Blockage | Trace, Field(discriminator="model")]
Loss = Annotated[Annotated[OurLoss, Tag("ours")] | Annotated[Own, checks.OWN_LOSS, Tag("own")], Discriminator(whose)]


class ListedWindows(Checked):
    """Contact between the given times."""

    model: Literal["list"]
    open_s: Annotated[tuple[tuple[Seconds, Span], ...], Field(min_length=1)]
    """Pairs of start and end, in order of time."""

    _checked = model_validator(mode="after")(checks.in_order)


class PeriodicWindows(Checked):
    """Contact for `open_s` once every `period_s`."""

    model: Literal["periodic"]
    period_s: Span
    open_s: Span
    first_s: Seconds | Literal["random"] = "random"
    """When the first opens; random: anywhere within a period, also amid a window."""

    _checked = model_validator(mode="after")(checks.fits)


class RenewalWindows(Checked):
    """Open and closed by turns, each for an exponential time; begins in the stationary state."""

    model: Literal["renewal"]
    mean_open_s: Span
    mean_closed_s: Span


class Passes(Checked):
    """Passes of a satellite from its two-line elements, by Skyfield (`pip install 'satsim-link[orbit]'`)."""

    model: Literal["tle"]
    path: Path
    """TLE file, relative to the scenario file."""
    satellite: str = ""
    """Its name in the file; may be left out where the file has but one."""
    latitude_deg: Annotated[float, Field(ge=-90, le=90)]
    longitude_deg: Annotated[float, Field(ge=-180, le=180)]
    height_m: Annotated[float, Field(ge=-500, le=9000)] = 0.0
    mask_deg: Annotated[float, Field(ge=0, lt=90)] = 10.0
    """Least elevation at which there is contact."""
    start: str
    """UTC of the photo, as in 2026-08-01T12:00:00Z."""

    _checked = model_validator(mode="after")(checks.starts_at_a_time)


Windows = Annotated[ListedWindows | PeriodicWindows | RenewalWindows | Passes, Field(discriminator="model")]


class LargerMessages(Checked):
    """Quantiles of messages of at least `from_bytes`."""

    from_bytes: Annotated[int, Field(gt=0)]
    median_s: Span
    p90_s: Span


class LognormalDelay(Checked):
    """A lognormal delay through two quantiles."""

    model: Literal["lognormal"]
    median_s: Span
    p90_s: Span
    larger: tuple[LargerMessages, ...] = ()
    """Other quantiles for larger messages; the last row whose from_bytes is reached holds."""

    _checked = model_validator(mode="after")(checks.spread)


class WaitForPass(Checked):
    """A message is taken at any time and waits for the next contact (of the satellite with its gateway, say)."""

    model: Literal["wait_for_pass"]
    windows: Windows


OurDelay = Annotated[LognormalDelay | WaitForPass, Field(discriminator="model")]
Delay = Annotated[Annotated[OurDelay, Tag("ours")] | Annotated[Own, checks.OWN_DELAY, Tag("own")], Discriminator(whose)]


class Copies(Checked):
    """The terminal itself sends each message several times, as simplex services do; each copy has its own fate."""

    count: Annotated[int, Field(ge=2, le=20)]
    gap_s: tuple[Seconds, Seconds]
    """From one copy to the next: uniform between these two."""

    _checked = model_validator(mode="after")(checks.shorter_first)


class Ack(Checked):
    """What the sender hears of a message."""

    kind: Literal["none", "session", "satellite", "end"] = "none"
    """session: when it ends, with the arrival; satellite: once the satellite has it; end: from the ground."""
    delay_s: Seconds = 0.0
    """satellite: from sending to the word; end: from arrival to the word."""
    timeout_s: Span | None = None
    """end: silence for so long after sending counts as failure; None: twice the delay of this message without its
    random part, plus delay_s, the receiver's poll_s and a second."""
    false_negative_ratio: Ratio = 0.0
    """Share of messages that got through though the sender hears of failure."""


class Cost(Checked):
    """What a message costs. A price that is None is not known."""

    currency: str = "USD"
    credit_bytes: Annotated[int, Field(gt=0)] | None = None
    """Messages are billed in credits of so many bytes, each begun one counted."""
    price_per_credit: Annotated[float, Field(ge=0)] | None = None
    price_per_message: Annotated[float, Field(ge=0)] | None = None
    failed_free: bool = False
    """Lost messages are not billed."""
    joules_per_message: Annotated[float, Field(ge=0)] | None = None
    """Energy that the terminal spends on one attempt."""

    @model_validator(mode="after")
    def _has_credits(self) -> Cost:
        if self.price_per_credit is not None and self.credit_bytes is None:
            raise ValueError("credit_bytes is missing; price_per_credit needs it")
        return self


class LinkSpec(Checked):
    """A satellite message link and the two machines at its ends.

    `loss` and `loss_ratio` work together: a message gets through if it survives both. So do `delay`, `delay_s` and
    `delay_s_per_byte`, which add up.

    Over a preset: a plain key, or a table that names its `model`, replaces the preset's whole group (loss and
    loss_ratio; the three of delay). A table without `model` changes the preset's table key by key; null takes it away.
    """

    preset: str | None = None
    """A service that `satsim links` lists; every other key changes it."""
    packet_bytes: Annotated[int, Field(gt=HEADER_BYTES, le=1_000_000)] = 360
    """Largest message, header included."""
    interval_s: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """From one slot to the next."""
    retry_interval_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """From a failed attempt to the next one of the same message; None: interval_s."""
    windows: Windows | None = None
    """When the terminal can send; None: always."""
    delay_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    """From a message's slot to its arrival: the constant part."""
    delay_s_per_byte: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """And the part that grows with the message, header included; the radio sends nothing else the while."""
    delay: Delay | None = None
    """And the random part."""
    reorder_ratio: Ratio = 0.0
    """Share of messages held back, so that later ones overtake them."""
    reorder_s: Seconds = 0.0
    """Held back for a uniform time up to this."""
    poll_s: Seconds = 0.0
    """The receiver looks for messages at multiples of this; 0: each is pushed to it."""
    lifetime_s: Span | None = None
    """The network throws away what is older on arrival; None: nothing."""
    loss_ratio: Ratio = 0.0
    """Share of messages lost independently of each other."""
    loss: Loss | None = None
    """Loss that comes in bursts, or from a site, or from a record."""
    ground_loss_ratio: Ratio = 0.0
    """Share lost between satellite and receiver, of which a session or satellite acknowledgement knows nothing."""
    duplicate_ratio: Ratio = 0.0
    """Share of arriving messages that arrive twice."""
    bit_error_ratio: Ratio = 0.0
    """Share of bits that arrive inverted."""
    copies: Copies | None = None
    ack: Ack = Ack()
    cost: Cost = Cost()
    encode_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """From the shutter to the first slot, on the handheld."""
    decode_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """From a message's arrival to the picture on the screen."""
    measured_times: bool = False
    """In place of the two, the seconds that coding takes on this machine; the run then differs from time to time."""

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, data: Any) -> Any:
        if not isinstance(data, str) and not (isinstance(data, dict) and data.get("preset") is not None):
            return data
        from satsim.links.presets import merge_preset

        return merge_preset(data)
