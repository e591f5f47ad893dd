"""A study as a table: which way of sending meets a goal at least cost, where one message in five is lost?"""

from pathlib import Path

import satsim

result = satsim.run_study(
    "forest_fire",
    "dists-lite <= 0.35 by 5 min with 0.9",
    image=Path(__file__).with_name("my_photo.jpg"),
    space={
        "codecs": ["progic", "avif"],
        "stages": [1, 3],
        "copies": [1, 2],
        "repair": [0, 1],
        "scales": [1],
        "transports": ["once"],
    },
    replications=200,
    metrics=["dists-lite"],
    link={"loss_ratio": 0.2},
)

print(f"{'messages':>8}  {'sure of it':>10}  design")
for row in sorted(result.designs, key=lambda row: row["messages"]):
    print(f"{row['messages']:8.1f}  {100 * row['share']:8.1f} %  {row['design']}")
print(result.sentence)
