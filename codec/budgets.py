"""How much a codec may send, told in packets: turned into the options that the codec itself takes."""

from __future__ import annotations

from typing import Any

from codec.base import BudgetError, CodecError
from codec.loading import options_of
from codec.progic.layout import make_cut
from codec.progic.shape import DEFAULT_MODEL, PRESETS, ProgicConfig, model_path, read_weights


def fit_options(
    name: str, options: dict[str, Any], payload_bytes: int, height: int, width: int, spare_bytes: int = 0
) -> dict[str, Any]:
    """`options` of codec `name` with `budget_packets`, packets of `payload_bytes` each, turned into bytes or stages.

    A file gets the bytes of these packets less `spare_bytes` of each, and ProGIC the stages that fit into them whole.
    A codec that needs `budget_bytes` and is given no budget may fill as many packets as so many `stages` of ProGIC do,
    all if none are named. Raises CodecError for a budget that is none, BudgetError where no stage fits.
    """
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
            stages = _whole(name, left.pop("stages", shape.stages), shape.stages)
            packets = packets_of(shape, stages, payload_bytes, height, width)
        return left | {"budget_bytes": packets * (payload_bytes - spare_bytes)}
    if packets is None:
        return options
    if not name.startswith("progic"):
        raise CodecError(f"{name}: takes no budget; leave out budget_packets")
    config = read_weights(model_path(str(left.get("model", DEFAULT_MODEL))), parts=()).config
    most = _whole(name, left.get("stages", config.stages), config.stages)
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
    rows, columns = config.grid(height, width)
    cut = make_cut(stages, rows * columns, config.index_bits, payload_bytes)
    return stages * cut.payloads_per_stage // cut.stages_per_payload


def _whole(name: str, stages: Any, most: int) -> int:
    if isinstance(stages, bool) or not isinstance(stages, int) or not 1 <= stages <= most:
        raise CodecError(f"{name}: stages is {stages!r}; expected 1 to {most}")
    return stages
