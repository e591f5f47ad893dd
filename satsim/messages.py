"""By hand, without a simulation: a photo to the messages that go on the air, and any of them back to a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

import codec
from satsim.packets import ImageKey, Inbox, PacketError, name_on_air, pack, packetize
from satsim.photo import load_photo
from satsim.scenario import ImageSpec, LinkSpec, ScenarioError, check_part, parse_yaml
from satsim.timeline import Picture


def encode_photo(
    frame: dict[str, Any], packet_bytes: int, name: str, settings: Sequence[str], sender: int, image_id: int
) -> list[bytes]:
    """The messages of one photo, in order; `frame` holds the fields of ImageSpec, `settings` codec options "key=value".

    Raises ScenarioError, PhotoError, CodecError or PacketError.
    """
    image = load_photo(check_part(ImageSpec, frame, "image"))
    link = check_part(LinkSpec, {"packet_bytes": packet_bytes}, "link")
    coder = codec.load_codec(name, **dict(_option(setting) for setting in settings))
    payloads = coder.encode(image, link.payload_bytes)
    height, width = image.shape[:2]
    packets = packetize(
        payloads,
        codec=name_on_air(coder.name),
        model_id=coder.model_id,
        height=height,
        width=width,
        sender=sender,
        image_id=image_id,
    )
    return [pack(packet) for packet in packets]


def _option(setting: str) -> tuple[str, Any]:
    key, equals, text = setting.partition("=")
    if not equals:
        raise ScenarioError(f"--option {setting}: expected key=value, such as stages=3")
    try:
        return key, parse_yaml(text)
    except ScenarioError as error:
        raise ScenarioError(f"--option {setting}: the value is {error}") from None


def read_messages(files: Sequence[Path]) -> list[tuple[str, bytes]]:
    """(name, bytes) of each file, and of each .bin file in each folder. Raises OSError for one that is missing."""
    found: list[Path] = []
    for file in files:
        found += sorted(file.glob("*.bin")) if file.is_dir() else [file]
    return [(str(file), file.read_bytes()) for file in found]


def decode_messages(
    messages: Sequence[tuple[str, bytes]], model: str | None = None, own_codec: str | None = None
) -> tuple[Picture, list[str]]:
    """The picture that a receiver of `messages` (name, bytes) sees, and a line for each thing worth telling.

    `model` is a ProGIC weights file, `own_codec` a "module:Class" for packets that name no codec of ours.
    Raises PacketError where no message is a packet, or where they are of more than one image; CodecError where the
    codec or model they name is not at hand, or nothing can be shown yet.
    """
    inbox = Inbox()
    report = []
    for name, message in messages:
        try:
            _, is_new = inbox.accept(message)
            if not is_new:
                report.append(f"{name}: a repetition, ignored")
        except PacketError as error:
            report.append(f"{name}: not used: {error}")
    if not inbox.images:
        raise PacketError("\n".join([*report, f"none of {len(messages)} files is a packet; expected those of encode"]))
    if len(inbox.images) > 1:
        kinds = "; ".join(_describe(key) for key in inbox.images)
        raise PacketError(f"packets of {len(inbox.images)} images ({kinds}); give those of one")
    [(key, received)] = inbox.images.items()
    report.append(f"holding {len(received)} of {key.payload_count} packets of {_describe(key)}")
    if key.codec == "external" and own_codec is None:
        raise codec.CodecError(f"{report[-1]}: name the codec that made them, as --codec module:Class")
    waiting = key.codec == "progic-whole" and len(received) < key.payload_count
    receiver = codec.load_codec(own_codec) if own_codec else codec.load_receiver(key.codec, key.model_id, model)
    picture = None if waiting else receiver.decode(received, key.height, key.width)
    if picture is None:
        raise codec.CodecError(f"{report[-1]}: nothing to show yet, {key.codec} needs more of them")
    return picture, report


def _describe(key: ImageKey) -> str:
    return f"sender {key.sender} image {key.image_id} ({key.codec}, {key.width}x{key.height})"


def write_picture(picture: Picture, out: Path) -> None:
    """Write `out` whole or not at all; the suffix names the format. Raises ScenarioError for one unknown, OSError."""
    Image.init()
    if Image.registered_extensions().get(out.suffix.lower()) not in Image.SAVE:
        raise ScenarioError(f"{out}: no picture format has the suffix {out.suffix!r}; expected .png, say")
    partial = out.with_name(f".{out.stem}.partial{out.suffix}")
    try:
        Image.fromarray(picture).save(partial)
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)
