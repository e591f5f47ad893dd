"""A loss model from a log kept in the field: does it matter that losses come several in a row?

field_log.csv has a line for each message: when it was sent, and when it arrived, if it did. It is made up.
"""

import csv
from itertools import pairwise
from pathlib import Path

import satsim

with Path(__file__).with_name("field_log.csv").open(newline="") as file:
    lost = [row["arrived_s"] == "" for row in csv.DictReader(file)]
share = sum(lost) / len(lost)
chances = {before: [now for last, now in pairwise(lost) if last == before] for before in (False, True)}
after_arrival, after_loss = (sum(chances[before]) / len(chances[before]) for before in (False, True))
print(f"{100 * share:.0f} % of {len(lost)} messages were lost: {100 * after_loss:.0f} % of those after a lost one,")
print(f"{100 * after_arrival:.0f} % of those after one that came.")


def as_logged(rng, after_loss, after_arrival):
    """Lost messages follow lost ones as often as they did in the field."""
    last = bool(rng.random() < after_arrival / (1 - after_loss + after_arrival))  # as often as in the long run

    def is_lost(time_s):
        nonlocal last
        last = bool(rng.random() < (after_loss if last else after_arrival))
        return last

    return is_lost


satsim.register_loss("as_logged", as_logged)
logged = {"loss": {"model": "as_logged", "after_loss": after_loss, "after_arrival": after_arrival}}
way = {"name": "AVIF", "codec": "avif", "options": {"budget_packets": 3}, "transport": "once"}
for name, link in {"scattered": {"loss_ratio": share}, "as in the log": logged}.items():
    [row] = satsim.run("forest_fire", link=link, schemes=[way], senders={"count": 300}, metrics=["psnr"]).summary
    print(f"losses {name}: {row['photos_shown']} of {row['photos']} photos of three packets arrive")
