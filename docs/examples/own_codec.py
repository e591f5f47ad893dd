"""A codec of one's own in twenty lines, against AVIF: a mosaic of 24x24 colours, dealt out to packets in turn."""

from pathlib import Path

import numpy as np
from PIL import Image

import satsim


class Mosaic:
    """Each payload: the number of payloads, and every so-manieth colour."""

    name, model_id, side = "mosaic", 1, 24

    def encode(self, image, payload_bytes):
        small = np.asarray(Image.fromarray(image).resize((self.side, self.side), Image.Resampling.BOX)).reshape(-1, 3)
        count = -(-len(small) // ((payload_bytes - 1) // 3))
        return [bytes([count]) + small[k::count].tobytes() for k in range(count)]

    def decode(self, received, height, width):
        colours = {}
        for k, payload in received.items():
            places = range(k, self.side**2, payload[0])
            colours |= zip(places, np.frombuffer(payload[1:], np.uint8).reshape(-1, 3), strict=True)
        if not (known := sorted(colours)):
            return None
        channels = [np.interp(range(self.side**2), known, [colours[at][c] for at in known]) for c in range(3)]
        small = np.stack(channels, -1).round().astype(np.uint8).reshape(self.side, self.side, 3)
        return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


satsim.register_codec("mosaic", Mosaic)
ways = [{"name": codec, "codec": codec} for codec in ("mosaic", "avif")]
photo = Path(__file__).with_name("my_photo.jpg")
result = satsim.run("forest_fire", image=photo, schemes=ways, metrics=["psnr"], link={"loss_ratio": 0.2}, seed=3)
for row in result.timeline:
    quality = "nothing to show" if row["value"] is None else f"{row['value']:.1f} dB"
    print(f"{row['time_s']:4.0f} s  {row['scheme']:6}  {row['packets_held']} packets  {quality}")
