"""Simulated packets a second, against a bare SimPy loop that waits as often, in one run.

python benchmarks/simulation.py [--packets N]

The story has loss in bursts, delay, session acknowledgements, retries and decoding. Its waits are a slot, an
acknowledgement and an arrival for each attempt that gets through (no arrival for one that does not), and a decoding for
each packet: the first ratio counts all of these. The simulation itself needs the clock for slots and acknowledgements
alone, as nothing depends on the rest; the second ratio counts only those.
"""

from __future__ import annotations

import argparse
import statistics
from collections import Counter

from bare import bare, seconds

from satsim.air.packets import pack, packetize
from satsim.links.linkspec import Ack, LinkSpec, TwoState
from satsim.scenario.scenario import TransportSpec
from satsim.simulation.events import Event
from satsim.simulation.simulation import simulate

ROUNDS = 15


def main() -> None:
    """Print packets a second and both ratios: medians over pairs of runs, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=4000, help="up to 4096")
    count = parser.parse_args().packets
    packets = packetize([bytes(320)] * count, codec="progic", model_id=1, height=256, width=256)
    messages = [[pack(packet) for packet in packets]]
    bursts = TwoState(model="two_state", mean_good_s=60, mean_bad_s=10, loss_bad=0.5)
    link = LinkSpec(interval_s=1, delay_s=5, loss_ratio=0.1, loss=bursts, ack=Ack(kind="session"), decode_s=0.1)
    transport = TransportSpec(name="arq", give_up_s=None)

    def ours() -> list[Event]:
        return simulate(messages, link, seed=1, transport=transport, duration_s=1e9)

    kinds = Counter(event.kind for event in ours())
    assert kinds["shown"] == count
    made = 2 * kinds["sent"]
    told = made + kinds["delivered"] + kinds["duplicate"] + kinds["shown"]
    pairs = [(seconds(ours), seconds(lambda: bare(told))) for _ in range(ROUNDS)]
    ratio = statistics.median(theirs / own for own, theirs in pairs)
    own_s = statistics.median(own for own, _ in pairs)
    print(f"{kinds['sent']} attempts for {count} packets, {told} waits in the story, {made} of them on the clock")
    print(f"simulate: {kinds['sent'] / own_s:,.0f} attempts a second")
    print(f"against bare SimPy with the story's waits: {ratio:.2f}")
    print(f"against bare SimPy with the waits on the clock: {ratio * made / told:.2f}")


if __name__ == "__main__":
    main()
