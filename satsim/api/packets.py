"""A photo to the messages that go on the air, and messages to the pictures that a receiver sees."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from satsim.api.story import PhotoLike, photo_file
from satsim.messages import Encoded, encode_photo, parse_position
from satsim.receiving import Received, Wanted, decode_messages

MessageLike: TypeAlias = "bytes | str | os.PathLike[str]"
"""A message, or a file or folder that holds messages in any form that `satsim decode` reads."""


def encode(
    photo: PhotoLike,
    codec: str = "progic",
    *,
    packet_bytes: int = 360,
    width: int = 256,
    height: int = 256,
    fit: str = "crop",
    sender: int | None = None,
    image_id: int | None = None,
    position: tuple[float, float] | None = None,
    taken_at: str | None = None,
    key: str | os.PathLike[str] | None = None,
    engine: str | None = None,
    **options: Any,
) -> Encoded:
    """The very messages that would go on the air for a photo, in order.

    >>> sent = satsim.encode("my_photo.jpg", stages=3)
    >>> [len(message) for message in sent.messages]
    [340, 340, 340]

    Args:
        photo: a file, a Pillow image or uint8[H, W, 3].
        codec: see `codec.codec_names()`; `options` are the codec's.
        packet_bytes: the largest message, header included.
        width, height, fit: the frame in pixels, and how the photo fills it: crop, pad or keep.
        sender, image_id: numbers of terminal and image; none: those of the key, or 0 and what follows from the content.
        position, taken_at: degrees of latitude and longitude, and the time as ISO 8601 with its zone; both or neither.
        key: key file to seal by, which counts what was sealed.
        engine: "onnxruntime" encodes ProGIC without torch.

    Returns:
        `messages` (bytes each), `notes` on what was done to the photo, `header` in words, and `image_id`.

    Raises:
        ScenarioError, PacketError, codec.PhotoError, codec.CodecError, OSError: for what the caller can mend.
    """
    place = None if position is None else f"{position[0]},{position[1]}"
    frame = {"path": photo_file(photo), "width": width, "height": height, "fit": fit}
    return encode_photo(
        frame,
        packet_bytes,
        codec,
        options,
        sender,
        image_id,
        position=parse_position(place, taken_at),
        key_file=None if key is None else Path(key),
        engine=engine,
    )


def decode(
    messages: MessageLike | Iterable[MessageLike] | Mapping[str, bytes],
    *,
    sender: int | None = None,
    image_id: int | None = None,
    model: str | None = None,
    codec: str | None = None,
    keys: str | os.PathLike[str] | None = None,
    max_pixels: int | None = None,
    engine: str | None = None,
    guess: bool = False,
) -> Received:
    """The pictures that a receiver of these messages sees: any subset, in any order, of any number of images.

    >>> received = satsim.decode(sent.messages[1:])
    >>> received.images[0].picture.shape
    (256, 256, 3)

    Args:
        messages: bytes each, or by name; or files and folders that hold them.
        sender, image_id: only images of this terminal and number.
        model: ProGIC weights file, where packets name one that does not ship.
        codec: your own, where packets name none of ours.
        keys: key file, or a list of several: only what they sealed is taken.
        max_pixels: the largest picture to decode; none: as many as the bytes that came are worth.
        engine: "onnxruntime" decodes ProGIC in place of NumPy; `model` may then name an exported .onnx file.
        guess: whether ProGIC guesses what is lost, from what is held.

    Returns:
        `images` (each with `picture` as uint8[H, W, 3] or None, `missing`, `key`), `report`, and `contradictions`: what
        two messages say that cannot both be true. Call `.check()` to have these raised.

    Raises:
        PacketError: where no message is a packet that can be used. ScenarioError, OSError: for keys and files.
    """
    from satsim.inputs import read_messages
    from satsim.keys import read_keys

    known = None if keys is None else read_keys(Path(keys))
    if isinstance(messages, Mapping):
        named = list(messages.items())
    else:
        given = [messages] if isinstance(messages, bytes | str | os.PathLike) else messages
        named = []
        for number, each in enumerate(given):
            named += (
                [(f"message {number}", bytes(each))]
                if isinstance(each, bytes | bytearray | memoryview)
                else read_messages([Path(each)], known)
            )
    return decode_messages(named, Wanted(sender, image_id, model, codec, max_pixels, engine, guess), known)
