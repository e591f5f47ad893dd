"""Results on disk: a folder an item, with its pictures and a result.json that is written last."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

from codec.base import CodecError
from codec.files import write_whole
from codec.paper.result import Picture, Result, Row

NAME = "result.json"
FORMAT = 1


class Kept(NamedTuple):
    """A result as it was kept; its pictures are without their content."""

    result: Result
    told: dict[str, str]
    """What was asked for, and the model's id."""


class Files:
    """What `evaluate` keeps its rows in: a file each, in a folder, by names that say what they were made of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str) -> bytes | None:
        """What was kept; None for nothing, or for what is no JSON."""
        try:
            content = (self.folder / f"{name}.json").read_bytes()
            json.loads(content)
        except (FileNotFoundError, ValueError):
            return None
        return content

    def keep(self, name: str, content: bytes) -> None:
        """Keep it, whole or not at all. Raises OSError."""
        write_whole(self.folder / f"{name}.json", content)


def keep(out: Path, key: str, result: Result, told: dict[str, str]) -> None:
    """Write pictures, then result.json. Raises OSError."""
    folder = out / key
    pictures = [dataclasses.replace(each, content=b"") for each in result.pictures]
    for each in result.pictures:
        write_whole(folder / each.name, each.content)
    content = dataclasses.asdict(dataclasses.replace(result, pictures=pictures))
    for each in content["pictures"]:
        del each["content"]
    text = json.dumps({"format": FORMAT, "told": told, "result": content}, indent=1, ensure_ascii=False)
    write_whole(folder / NAME, f"{text}\n".encode())


def kept(out: Path, key: str) -> Kept | None:
    """What was kept; None for nothing, or for what an earlier version wrote. Raises CodecError for a file in shards."""
    path = out / key / NAME
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            return None
        content = found["result"]
        content["rows"] = [Row(**row) for row in content["rows"]]
        content["pictures"] = [Picture(content=b"", **each) for each in content["pictures"]]
        return Kept(Result(**content), found["told"])
    except (ValueError, KeyError, TypeError) as error:
        raise CodecError(f"{path}: not a result of satsim paper ({error}); delete it and run the item again") from None
