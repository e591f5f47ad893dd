"""A metric of one's own: are the flames still where they were? ProGIC and AVIF, packet by packet."""

import numpy as np

import satsim


class Flames:
    """Of all pixels that burn in the photo or in what was received, the share that burns in both."""

    name, label, unit, higher_is_better = "flames", "Flames in place", "", True

    def score(self, reference, image):
        before, after = self.burning(reference), self.burning(image)
        either = np.count_nonzero(before | after)
        return np.count_nonzero(before & after) / either if either else 1.0

    @staticmethod
    def burning(image):
        red, green, blue = np.moveaxis(image.astype(int), -1, 0)
        return (red > 180) & (red - blue > 90) & (red - green > 20)


satsim.register_metric("flames", Flames())
ways = [
    {"name": "ProGIC", "codec": "progic"},
    {"name": "AVIF, 1 packet", "codec": "avif", "options": {"budget_packets": 1}},
    {"name": "AVIF, 5 packets", "codec": "avif"},
]
result = satsim.run("forest_fire", schemes=ways, metrics=["flames"])
for row in result.timeline:
    if row["value"] is not None:
        print(f"{row['scheme']:16} {row['packets_held']} packets: {100 * row['value']:3.0f} % of the flames in place")
