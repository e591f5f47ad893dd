"""Code of your own that a scenario names as module:attribute: found beside it, and checked before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codec.base import CodecError
from codec.own import CODE_ALLOWED, check_code
from codec.own.finding import check_fit, find, located
from satsim.errors import ScenarioError
from satsim.links.linkspec import LinkSpec, Own
from satsim.scenario.settings import MOST_FAULTS, codec_faults

if TYPE_CHECKING:
    from satsim.scenario.scenario import Scenario


def settled(scenario: Scenario, source: str, folder: Path) -> Scenario:
    """`scenario` with the files of its modules in `folder` named by their paths, so that worker processes find them.

    Raises ScenarioError, a line for each name that cannot be used, or that may not run here.
    """
    if CODE_ALLOWED.get():
        scenario = with_places(scenario, lambda name: located(name, folder))
    if faults := [*dict.fromkeys([*codec_faults(scenario.schemes), *other_faults(scenario)])]:
        raise ScenarioError("\n".join(f"{source}: {fault}" for fault in faults[:MOST_FAULTS]))
    return scenario


def with_places(scenario: Scenario, place: Callable[[str], str]) -> Scenario:
    """`scenario` with what `place` makes of each name with a colon."""

    def placed(name: str) -> str:
        return place(name) if ":" in name else name

    def link(spec: LinkSpec | None) -> LinkSpec | None:
        parts = {key: getattr(spec, key, None) for key in ("loss", "delay")}
        own = {key: part for key, part in parts.items() if isinstance(part, Own)}
        changes = {key: part.model_copy(update={"model": placed(part.model)}) for key, part in own.items()}
        return spec.model_copy(update=changes) if spec and changes else spec

    schemes = [
        one.model_copy(
            update={
                "codec": placed(one.codec),
                "transport": one.transport.model_copy(update={"name": placed(one.transport.name)}),
                "link": link(one.link),
            }
        )
        for one in scenario.schemes
    ]
    changes = {"schemes": tuple(schemes), "link": link(scenario.link), "metrics": tuple(map(placed, scenario.metrics))}
    return scenario.model_copy(update=changes)


def other_faults(scenario: Scenario) -> Iterator[str]:
    """A line for each name of a metric, transport, loss or delay with a colon that cannot be used."""
    for k, name in enumerate(scenario.metrics):
        if ":" in name:
            yield from fault("metric", name, None, f"metrics.{k}")
    for k, scheme in enumerate(scenario.schemes):
        if ":" in scheme.transport.name:
            transport = scheme.transport
            yield from fault("transport", transport.name, transport.options, f"schemes.{k}.transport.name")
        yield from link_faults(scheme.link, f"schemes.{k}.link")
    yield from link_faults(scenario.link, "link")


def link_faults(link: LinkSpec | None, place: str) -> Iterator[str]:
    """The same for the models of one link."""
    for kind in ("loss", "delay"):
        part = getattr(link, kind, None)
        if isinstance(part, Own) and ":" in part.model:
            yield from fault(kind, part.model, part.options, f"{place}.{kind}.model")


def fault(kind: str, name: str, options: dict[str, Any] | None, place: str) -> Iterator[str]:
    """What is wrong with one name, if anything; of a metric, whether it may run."""
    try:
        check_code(name, kind)
        if options is not None:
            check_fit(kind, name, find(kind, name).factory, options)
        else:
            find(kind, name)
    except CodecError as error:
        said = str(error)
        yield place + said.removeprefix(kind) if said.startswith(f"{kind} is ") else f"{place}: {said}"
