"""Many runs of one scheme: what is on the screens when, by a table of all runs at once or event by event."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from satsim.links.linkspec import LinkSpec
from satsim.scenario.scenario import SendersSpec, TransportSpec
from satsim.simulation.events import Showings, blank, note_run
from satsim.simulation.simulation import simulate
from satsim.simulation.table import fill_by_table, why_no_table


def show_runs(
    messages: Sequence[Sequence[bytes]],
    link: LinkSpec,
    seeds: Sequence[int],
    *,
    transport: TransportSpec | str = "once",
    order: Sequence[int] | None = None,
    duration_s: float = inf,
    senders: SendersSpec | None = None,
    engine: str | None = None,
) -> Showings:
    """What receivers decode in the run under each of `seeds`; the other arguments are those of `simulate`.

    `engine` "table" makes all runs at once, with NumPy, "events" one after the other, with SimPy; None takes the table
    where it can be. Both give the same numbers, bit for bit. Raises ValueError where the table is asked for and cannot
    be (`why_no_table`), and as `simulate` does.
    """
    if engine not in (None, "table", "events"):
        raise ValueError(f"engine is {engine!r}; expected table, events, or None")
    spec = TransportSpec.model_validate(transport)
    reason = why_no_table(link, spec, senders)
    if engine == "table" and reason:
        raise ValueError(f"engine is table, but {reason}; expected events")
    if not reason and engine != "events":
        showings = blank(messages, len(seeds), "table")
        fill_by_table(showings, messages, link, seeds, spec, order, duration_s, senders)
        return showings
    showings = blank(messages, len(seeds), "events")
    for run, seed in enumerate(seeds):
        events = simulate(messages, link, seed, transport=spec, order=order, duration_s=duration_s, senders=senders)
        note_run(showings, run, events, link.cost)
    return showings
