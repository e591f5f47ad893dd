"""What becomes of a photo of yours, sent once a minute, one message in ten lost?

python own_photo.py [PHOTO]        without one, the drawn photo beside this program
"""

import sys
from pathlib import Path

import satsim

photo = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("my_photo.jpg")
result = satsim.run("forest_fire", image=photo, metrics=["psnr"], link={"loss_ratio": 0.1}, seed=5)

for way in result.summary:
    first = way["first_image_s"]
    when = "no picture in seven minutes" if first is None else f"first picture after {first:.0f} s"
    print(f"{way['scheme']}: {when}, {way['packets_lost']} of {way['packets_sent']} messages lost")

result.save("results/own_photo")
print("To see it, open results/own_photo/report.html in a browser.")
