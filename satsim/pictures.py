"""What a receiver sees, as picture files and as a record for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from codec.base import Image as Picture
from codec.files import replacing
from satsim.air.inbox import ImageKey
from satsim.errors import ScenarioError
from satsim.receiving import Received
from satsim.replays import ReplayState


def write_pictures(received: Received, out: Path, state: ReplayState | None = None) -> dict[ImageKey, Path]:
    """Write each image that is shown, to `out`, or of several to a name beside it that tells the image; where it went.

    Also one whose place `state` knows to be taken by another image gets such a name, and none takes the place of
    itself from fewer packets. Raises as `write_picture` does.
    """
    shown = received.shown
    tell_form = len({seen.key.compact for seen in shown}) > 1
    pictures = {} if state is None else state.pictures
    paths = {}
    for seen in shown:
        number, known = [*map(int, seen.key.number)], seen.key.payload_count - len(seen.missing)
        path = out.with_name(f"{out.stem}_{_name(seen.key, tell_form)}{out.suffix}")
        if len(shown) == 1 and (not out.exists() or pictures.get(str(out.resolve()), (number, 0))[0] == number):
            path = out
        if path.exists() and pictures.get(str(path.resolve()), (number, 0))[1] > known:
            received.report.append(f"{path}: stays, for it was made of more packets; move it away to have this one")
            continue
        assert seen.picture is not None
        write_picture(seen.picture, path)
        pictures[str(path.resolve())] = number, known
        paths[seen.key] = path
    return paths


def _name(key: ImageKey, tell_form: bool) -> str:
    return f"{key.sender}_{key.image_id}" + ("_compact" if key.compact and tell_form else "")


def as_record(received: Received, paths: Mapping[ImageKey, Path]) -> dict[str, Any]:
    """What was received and where it was written, for other programs."""
    return {
        "images": [
            {
                "file": str(paths[seen.key]) if seen.key in paths else None,
                "sender": seen.key.sender,
                "image_id": seen.key.image_id,
                "codec": seen.key.codec,
                "model_id": seen.key.model_id,
                "width": seen.key.width,
                "height": seen.key.height,
                "compact": seen.key.compact,
                "position": seen.key.position and seen.key.position._asdict(),
                "payload_count": seen.key.payload_count,
                "held": seen.held,
                "repair_packets": seen.repairs,
                "missing": seen.missing,
                "error": str(seen.error) if seen.error else None,
            }
            for seen in received.images
        ],
        "contradictions": received.contradictions,
        "report": received.report,
    }


def check_picture_name(out: Path) -> None:
    """Raise ScenarioError where no picture format that can be written has this suffix, or a folder has this name."""
    suffix = out.suffix.lower()
    Image.preinit()
    if suffix not in Image.EXTENSION:
        Image.init()  # all formats, which take a fifth of the time of a decode to come in
    if Image.EXTENSION.get(suffix) not in Image.SAVE:
        raise ScenarioError(f"{out}: no picture format has the suffix {out.suffix!r}; expected .png, say")
    if out.is_dir():
        raise ScenarioError(f"{out}: is a folder; name a picture in it, such as {out / 'received.png'}")


def write_picture(picture: Picture, out: Path) -> None:
    """Write `out` whole or not at all; the suffix names the format. Raises ScenarioError for one unknown, OSError."""
    check_picture_name(out)
    with replacing(out) as partial:
        Image.fromarray(picture).save(partial)
