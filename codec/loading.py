"""From a name to a codec: ours, a rival, or your own; and how much it may send, told in packets."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from codec.base import BudgetError, Codec, CodecError

if TYPE_CHECKING:
    from codec.progic.shape import ProgicConfig

CODECS = {
    "progic": "codec.progic.codec:ProgicCodec",
    "progic-whole": "codec.progic.codec:WholeProgic",
    "progic-full": "codec.progic.extras.full:FullProgic",
    "jpeg": "codec.rivals.jpeg:make_codec",
    "webp": "codec.rivals.webp:make_codec",
    "avif": "codec.rivals.avif:make_codec",
    "heic": "codec.rivals.heic:make_codec",
    "jpegxl": "codec.rivals.jpegxl:make_codec",
    "vvc": "codec.rivals.vvc:make_codec",
    "jpeg2000": "codec.rivals.jpeg2000:make_codec",
    "ssdv": "codec.rivals.tolerant.ssdv:make_codec",
    "pcsi": "codec.rivals.tolerant.pcsi:make_codec",
    "external": "codec.rivals.external:make_codec",
}
"""Name -> what makes the codec, written as a codec of your own is named; imported when it is asked for."""


def codec_names() -> list[str]:
    """Every name that `load_codec` knows; imports none of them."""
    return list(CODECS)


def options_of(name: str) -> list[str] | None:
    """The options that the codec `name` takes; None where it takes any. Raises CodecError for an unknown name."""
    known = inspect.signature(_factory(name)).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values())
    return None if takes_any else list(known)


def load_codec(name: str = "progic", /, **options: Any) -> Codec:
    """The codec `name` with its options; your own class as "package.module:Class" (`codec/own` says who may).

    Raises CodecError for an unknown name or option, and what the codec itself raises.
    """
    if name not in CODECS:
        from codec.own.guards import own_codec

        return own_codec(name, options)
    return fitting_factory(name, options)(**options)


def fitting_factory(name: str, options: Mapping[str, Any]) -> Callable[..., Codec]:
    """What makes the codec `name`. Raises CodecError for an unknown name, or for options that it lacks or needs."""
    factory = _factory(name)
    try:
        inspect.signature(factory).bind(**options)
    except TypeError:
        from codec.own.finding import check_fit

        check_fit("codec", name, factory, options)
    return factory


def _factory(name: str) -> Callable[..., Codec]:
    """What makes the codec `name`, one of ours or your own. Raises CodecError, also for code that nobody allowed."""
    if name not in CODECS or name == "external":
        from codec.own import check_code

        check_code(name)
        if name not in CODECS:
            from codec.own.finding import find

            own: Callable[..., Codec] = find("codec", name).factory
            return own
    module, _, attribute = CODECS[name].partition(":")
    try:
        factory: Callable[..., Codec] = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise CodecError(f"codec is {name!r}; it cannot be imported ({error})") from error
    return factory


def fit_options(
    name: str, options: dict[str, Any], payload_bytes: int, height: int, width: int, spare_bytes: int = 0
) -> dict[str, Any]:
    """`options` of codec `name` with `budget_packets`, packets of `payload_bytes` each, turned into bytes or stages.

    A file gets the bytes of these packets less `spare_bytes` of each, and ProGIC the stages that fit into them whole.
    A codec that needs `budget_bytes` and is given no budget may fill as many packets as so many `stages` of ProGIC do,
    all if none are named. Raises CodecError for a budget that is none, BudgetError where no stage fits.
    """
    from codec.progic.shape import DEFAULT_MODEL, PRESETS, model_path, read_weights

    known = options_of(name)
    if known is None or "budget_packets" in known:
        return options
    left = {key: value for key, value in options.items() if key != "budget_packets"}
    packets = options.get("budget_packets")
    if packets is not None and (isinstance(packets, bool) or not isinstance(packets, int) or packets < 1):
        raise CodecError(f"{name}: budget_packets is {packets!r}; expected a whole number, 1 or more")
    if packets is not None and "budget_bytes" in left:
        raise CodecError(f"{name}: budget_packets and budget_bytes are both given; leave one out")
    if "budget_bytes" in known and "budget_bytes" not in left:
        if packets is None:
            shape = PRESETS[DEFAULT_MODEL]
            stages = whole(name, left.pop("stages", shape.stages), shape.stages)
            packets = packets_of(shape, stages, payload_bytes, height, width)
        return left | {"budget_bytes": packets * (payload_bytes - spare_bytes)}
    if packets is None:
        return options
    if not name.startswith("progic"):
        raise CodecError(f"{name}: takes no budget; leave out budget_packets")
    config = read_weights(model_path(str(left.get("model", DEFAULT_MODEL))), parts=()).config
    most = whole(name, left.get("stages", config.stages), config.stages)
    fitting = [k for k in range(1, most + 1) if packets_of(config, k, payload_bytes, height, width) <= packets]
    if not fitting:
        needed = packets_of(config, 1, payload_bytes, height, width)
        raise BudgetError(
            f"{name}: a stage of {width}x{height} pixels takes {needed} packets of {payload_bytes} bytes;"
            f" budget_packets is {packets}"
        )
    return left | {"stages": max(fitting)}


def packets_of(config: ProgicConfig, stages: int, payload_bytes: int, height: int, width: int) -> int:
    """Packets that so many stages of a ProGIC model fill. Raises BudgetError where not one index fits a packet."""
    from codec.progic.layout import make_cut

    rows, columns = config.grid(height, width)
    cut = make_cut(stages, rows * columns, config.index_bits, payload_bytes)
    return stages * cut.payloads_per_stage // cut.stages_per_payload


def whole(name: str, stages: Any, most: int) -> int:
    """`stages`. Raises CodecError where they are no whole number from 1 to `most`."""
    if isinstance(stages, bool) or not isinstance(stages, int) or not 1 <= stages <= most:
        raise CodecError(f"{name}: stages is {stages!r}; expected 1 to {most}")
    return stages
