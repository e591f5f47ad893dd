"""What a run leaves in its folder: checkpoint, log, weights and contact sheet, all as of one step.

The checkpoint is the truth, written first, and holds the log's rows. All else follows from it and is written anew when
a run is resumed, so that what a kill left between two of these files does not outlive the next start.
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from codec.base import CodecError, Image
from codec.files import replacing, write_whole
from codec.progic.codec import to_image
from codec.progic.model import ProGIC, save_model
from codec.training.state import State

Row = dict[str, Any]
MARGIN = 84
"""Pixels left of the contact sheet's rows, for what they are."""
TITLE = 24


def write_checkpoint(out: Path, state: State) -> None:
    """Write `checkpoint.pt`, whole or not at all. Raises OSError."""
    content = BytesIO()  # a disk that is full is told of in riddles where torch writes to it
    torch.save(state, content)
    write_whole(out / "checkpoint.pt", content.getbuffer())


def read_checkpoint(out: Path, device: str) -> State:
    """The state in `checkpoint.pt`, on the device. Raises CodecError where it is not to be read."""
    path = out / "checkpoint.pt"
    try:
        state: State = torch.load(path, weights_only=True, map_location=device)
    except Exception as error:
        raise CodecError(unfit(out, error)) from error
    return state


def unfit(out: Path, error: Exception) -> str:
    """Why a run cannot go on from its checkpoint, in one line."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"{out / 'checkpoint.pt'}: this run cannot go on from it ({reason}); name another folder as out"


def write_followers(out: Path, rows: list[Row], average: ProGIC, shown: Image, title: str) -> None:
    """Write log, weights and contact sheet as of the checkpoint, each whole or not at all."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    write_whole(out / "log.jsonl", text.encode())
    save_model(average, out / "model.safetensors")
    sheet = contact_sheet(average, shown, title)
    with replacing(out / "sheet.png") as partial:
        sheet.save(partial)


def append_row(out: Path, row: Row) -> None:
    """Add a row to `log.jsonl`."""
    with (out / "log.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")


@torch.no_grad()
def contact_sheet(average: ProGIC, shown: Image, title: str) -> PillowImage.Image:
    """Some crops, uint8[B, H, W, 3], the same ones throughout; rows: original, then decoded from 1, 2 .. N packets.

    A packet holds a stage, as a rule. Each row says what it is.
    """
    device = average.quantizer.codebooks.device
    x = torch.from_numpy(shown).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
    indices = average.encode(x.contiguous(memory_format=torch.channels_last))
    rows, names = [x], ["original"]
    for held in range(1, average.config.stages + 1):
        partial = indices.clone()
        partial[:, held:] = -1
        rows.append(average.decode(partial))
        names.append("1 packet" if held == 1 else f"{held} packets")
    pixels = to_image(torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)[None].cpu())
    height, width = pixels.shape[:2]
    sheet = PillowImage.new("RGB", (MARGIN + width, TITLE + height), "white")
    sheet.paste(PillowImage.fromarray(np.ascontiguousarray(pixels)), (MARGIN, TITLE))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    draw.text((6, TITLE / 2), title, "black", font, anchor="lm")
    for k, name in enumerate(names):
        draw.text((MARGIN - 6, TITLE + (k + 0.5) * height / len(rows)), name, "black", font, anchor="rm")
    return sheet
