"""What numbers of a link must be to each other, and models of your own; ValueError with the mend where they are not."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

if TYPE_CHECKING:
    from satsim.links.linkspec import (
        Copies,
        GilbertElliott,
        ListedWindows,
        LognormalDelay,
        Passes,
        PeriodicWindows,
    )


def moves(spec: GilbertElliott) -> GilbertElliott:
    """Two states that can be left, unless it is told where it starts."""
    if spec.start == "stationary" and spec.good_to_bad + spec.bad_to_good == 0:
        raise ValueError("good_to_bad and bad_to_good are both 0; raise one, or set start to good or bad")
    return spec


def in_order(spec: ListedWindows) -> ListedWindows:
    """Windows in order of time, without overlaps."""
    if any(a >= b for a, b in itertools.pairwise(itertools.chain(*spec.open_s))):
        raise ValueError(f"open_s is {list(map(list, spec.open_s))}; expected start before end, and no overlaps")
    return spec


def fits(spec: PeriodicWindows) -> PeriodicWindows:
    """A window within its period."""
    if spec.open_s > spec.period_s:
        raise ValueError(f"open_s is {spec.open_s:g}; expected at most period_s, which is {spec.period_s:g}")
    return spec


def starts_at_a_time(spec: Passes) -> Passes:
    """A start that is a time."""
    try:
        datetime.fromisoformat(spec.start)
    except ValueError:
        raise ValueError(f"start is {spec.start!r}; expected UTC such as 2026-08-01T12:00:00Z") from None
    return spec


def spread(spec: LognormalDelay) -> LognormalDelay:
    """Nine of ten messages later than half of them."""
    for median_s, p90_s in [(spec.median_s, spec.p90_s), *((row.median_s, row.p90_s) for row in spec.larger)]:
        if p90_s < median_s:
            raise ValueError(f"p90_s is {p90_s:g}; expected at least median_s, which is {median_s:g}")
    return spec


def shorter_first(spec: Copies) -> Copies:
    """The shorter gap first."""
    if spec.gap_s[0] > spec.gap_s[1]:
        raise ValueError(f"gap_s is {list(spec.gap_s)}; expected the shorter gap first")
    return spec


def own_model(kind: str, data: Any) -> Any:
    """What a link says of a model of your own that is known, as `model` and `options`."""
    from codec.own.finding import hint

    if not isinstance(data, Mapping):
        return data
    name, options = data.get("model"), data.get("options", {})
    if not isinstance(name, str) or not isinstance(options, Mapping):
        return data
    if ":" not in name:
        if not is_known(kind, name):
            raise ValueError(f"model is {name!r}; {hint(kind, name)}")
        check_options(kind, name, options_in(data))
    return {"model": name, "options": options_in(data)}


def is_known(kind: str, name: str) -> bool:
    """Whether one of your own was registered or installed under this name."""
    from codec.own import installed
    from codec.own.finding import registered

    return name in (*registered(kind), *installed(kind))


def options_in(data: Mapping[Any, Any]) -> dict[str, Any]:
    """The keys of a model but for its name; those below `options`, as it is saved, are as good as those beside it."""
    beside = {str(key): value for key, value in data.items() if key not in ("model", "options")}
    return {**data.get("options", {}), **beside}


def check_options(kind: str, name: str, options: Mapping[str, Any]) -> None:
    """Raise ValueError where what makes `name` cannot be found, may not run here, or lacks or needs options."""
    from codec.base import CodecError
    from codec.own.finding import check_fit, find

    try:
        check_fit(kind, name, find(kind, name).factory, options)
    except CodecError as error:
        raise ValueError(str(error)) from None


def own_transport(name: str) -> str:
    """The name of a transport of your own that is known, or module:attribute."""
    from codec.own.finding import hint

    if ":" not in name and not is_known("transport", name):
        near = hint("transport", name)
        raise ValueError(f"name is {name!r}; expected one of your own{f' ({near})' * near.startswith('did')}")
    return name


def transport_options(options: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    """Options that the transport takes; none for one of ours."""
    name = info.data.get("name")
    if options and name in OUR_TRANSPORTS:
        raise ValueError(f"transport {name} takes no options; write {next(iter(options))} beside its name, if at all")
    if name is not None and ":" not in name and name not in OUR_TRANSPORTS:
        check_options("transport", name, options)
    return options


OUR_TRANSPORTS = ("auto", "once", "carousel", "arq")
OWN_LOSS = BeforeValidator(partial(own_model, "loss"))
OWN_DELAY = BeforeValidator(partial(own_model, "delay"))
LEFT_FIRST = Field(union_mode="left_to_right")
OwnTransport = Annotated[str, AfterValidator(own_transport)]
OwnOptions = Annotated[dict[str, Any], AfterValidator(transport_options)]
