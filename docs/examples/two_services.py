"""Iridium against BeiDou in one figure: the same photo over both, minute by minute."""

from pathlib import Path

import matplotlib.pyplot as plt

import satsim

photo = Path(__file__).with_name("my_photo.jpg")
services = {"Iridium, under trees": "sbd_9603_canopy", "BeiDou-3, regional": "bds3_regional"}
way = {"name": "ProGIC", "codec": "progic"}

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for name, preset in services.items():
    result = satsim.run("forest_fire", image=photo, link=preset, schemes=[way], metrics=["psnr"], seed=4)
    [summary] = result.summary
    print(f"{name}: {summary['bytes_sent']} bytes in {summary['packets_sent']} messages")
    print(f"  first picture after {summary['first_image_s']:.0f} s, all of it after {summary['last_change_s']:.0f} s")
    [link] = satsim.list_links().where(preset=preset)
    print(f"  assumed, neither measured nor published: {link['assumed']}")

    rows = [row for row in result.timeline if row["value"] is not None]
    minutes = [row["time_s"] / 60 for row in rows] + [result.scenario.duration_s / 60]
    quality = [row["value"] for row in rows]
    axes.step(minutes, [*quality, quality[-1]], where="post", label=name)
axes.set(xlabel="minutes after the photo", ylabel="PSNR in dB, more is better", xlim=(0, None))
axes.legend(loc="lower right")
figure.savefig("two_services.png")
