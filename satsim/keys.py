"""Key files: what a sender and its receivers share, and the counters the sender has used.

    sender: 7
    key: '000102030405060708090a0b0c0d0e0f'
    tag_bytes: 8
    next_counter: 0
    next_image: 0
    images: {}

`images` remembers by content (`satsim.air.content`) which number a photo was given and from which counter on it was
sealed, so that sealing it again gives the same bytes; the latest 255, for a compact header numbers 256. A sender owns
its file. Receivers get a copy, or a list of several such entries; the counters and images mean nothing to them. Never
seal by a copy, nor by a file restored from an older one: a counter that serves two messages breaks the seal. Make a new
key then.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any, NamedTuple

from codec.exchange import take_lock
from codec.files import hidden, prepared, replacing
from codec.yaml_reader import YamlError, read_text, read_yaml
from satsim.air.seal import COUNTERS, WINDOW, SenderKey
from satsim.errors import PacketError, ScenarioError

IMAGES, REMEMBERED = 2**16, 255
"""Numbers of images under the longer header; those that a key file remembers, fewer than the compact header has."""


class Given(NamedTuple):
    """What a photo was sealed with."""

    image_id: int
    counter: int
    """Of its first packet; -1 in files that did not remember it."""


class KeyFile(NamedTuple):
    """One entry of a key file."""

    key: SenderKey
    next_counter: int
    next_image: int = 0
    images: Mapping[str, Given] = {}
    """By content, the latest last."""


class Taken(NamedTuple):
    """What to seal by."""

    key: SenderKey
    next_counter: int
    image_id: int
    """Of the content; 0 where there is none."""


class Content(NamedTuple):
    """An image that wants a number."""

    digest: str
    image_id: int | None
    """The number that it must have, if any."""
    numbers: int
    """How many its header can say: 0 to this less one."""


def new_key(path: Path, sender: int, key_bytes: int = 16, tag_bytes: int = 8) -> None:
    """Write a key from the operating system's randomness, for its owner's eyes (mode 0600), whole or not at all.

    Raises PacketError for a field out of its range, ScenarioError for a file that is there already, OSError.
    """
    if key_bytes not in (16, 32):
        raise PacketError(f"key_bytes is {key_bytes}; expected 16 or 32")
    key = SenderKey(sender, secrets.token_bytes(key_bytes), tag_bytes)
    with prepared(path), locked(path):
        partial = hidden(path)
        try:
            with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(_as_yaml(KeyFile(key, 0)))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(partial, path)  # which fails where anything has the name, unlike a rename
            except OSError:
                if os.path.lexists(path):
                    raise ScenarioError(
                        f"{path}: is there already, and no key is ever overwritten; name another file"
                    ) from None
                partial.rename(path)  # no hard links here, as on FAT; under the lock nobody of ours takes the name
        finally:
            partial.unlink(missing_ok=True)


def read_key(path: Path) -> KeyFile:
    """The one entry of a sender's key file. Raises ScenarioError naming file and field, OSError."""
    entries = _entries(path)
    if len(entries) != 1:
        raise ScenarioError(f"{path}: holds {len(entries)} keys; expected one, the sender's own")
    return entries[0]


def read_keys(path: Path) -> dict[int, SenderKey]:
    """The keys of a receiver, by sender. Raises ScenarioError naming file and field, OSError."""
    entries = _entries(path)
    keys = {entry.key.sender: entry.key for entry in entries}
    if not entries or len(keys) < len(entries):
        raise ScenarioError(f"{path}: expected one entry or more, each for another sender")
    return keys


def take_counters(path: Path, count: int, content: Content | None = None) -> Taken:
    """The next `count` counters of a key file, once it says that they are used, and the number of `content`.

    The number is the one that it must have or had before, else the next that no image has which the file remembers.
    Content that was sealed before has its counters again, as long as a receiver would still take them. A crash can only
    skip counters, and of two programs at once one waits.
    Raises ScenarioError where too few are left, where the number is another photo's, or where the file could be used
    twice; OSError.
    """
    path = path.resolve()
    with locked(path):
        entry = read_key(path)
        _check_own(path)
        if entry.next_counter + count > COUNTERS:
            raise ScenarioError(
                f"{path}: next_counter is {entry.next_counter}; expected at most {COUNTERS - count} to seal {count} "
                "messages (make a new key: satsim key new)"
            )
        if not content:
            write_private(path, _as_yaml(entry._replace(next_counter=entry.next_counter + count)))
            return Taken(entry.key, entry.next_counter, 0)
        images = dict(entry.images)
        before = images.pop(content.digest, None)
        images = dict(list(images.items())[1 - REMEMBERED :])
        number, following = _number(path, content, before, {given.image_id for given in images.values()}, entry)
        counter = entry.next_counter
        if before and before.image_id == number and before.counter >= 0 and counter - before.counter <= WINDOW:
            counter = before.counter
        entry = entry._replace(
            next_counter=max(entry.next_counter, counter + count),
            next_image=following % IMAGES,
            images=images | {content.digest: Given(number, counter)},
        )
        write_private(path, _as_yaml(entry))
    return Taken(entry.key, counter, number)


def _number(path: Path, content: Content, before: Given | None, others: set[int], entry: KeyFile) -> tuple[int, int]:
    """The number of `content`, and the one to try for the next photo."""
    following = entry.next_image
    if content.image_id is not None:
        if content.image_id in others:
            raise ScenarioError(
                f"{path}: image number {content.image_id} was given to another photo, and a receiver would mix the two;"
                " leave --image-id out, and the next free one is taken"
            )
        return content.image_id, following
    if before:
        return before.image_id, following
    while following % content.numbers in others:
        following += 1
    return following % content.numbers, following + 1


def _check_own(path: Path) -> None:
    """Raise ScenarioError for a key file in which the counters that are used cannot be written down for all to see."""
    status = path.stat()
    if status.st_nlink > 1:
        raise ScenarioError(
            f"{path}: has {status.st_nlink} names (hard links), and what is written down under one would be used again"
            " under the other; remove all but one of them"
        )
    if not (status.st_mode & 0o200 and os.access(path, os.W_OK)):
        raise ScenarioError(
            f"{path}: is read-only; the counters that are used must be written into it, for one that serves twice"
            " breaks the seal (chmod u+w, and keep no second copy to seal by)"
        )


@contextmanager
def locked(path: Path, system: str = os.name) -> Iterator[None]:
    """Only one program at a time is in this block, others wait; what a killed one left beside `path` is swept.

    The lock's own file goes at the end: on Windows (`system` "nt") once it is closed, and nobody else has it open.
    Raises ScenarioError where no file can be made beside it, OSError.
    """
    lock = path.with_name(f".{path.name}.lock")
    try:
        number = _acquire(lock, system)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise ScenarioError(
            f"{path}: nothing can be written in its folder ({error.strerror}), but what is used up must be written down"
            " beside it; keep it in a folder of your own"
        ) from None
    try:
        for left in path.parent.glob(f".{escape(path.stem)}.partial-*{escape(path.suffix)}"):
            left.unlink(missing_ok=True)
        yield
    finally:
        if system != "nt":
            lock.unlink(missing_ok=True)
        os.close(number)
        if system == "nt":
            with suppress(OSError):
                lock.unlink()


def _acquire(lock: Path, system: str) -> int:
    """An open file that has the lock, once nobody else has; one that was removed by then does not count."""
    while True:
        number = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            take_lock(number, system=system)
            if lock.exists() and lock.stat().st_ino == os.fstat(number).st_ino:
                return number
        except BaseException:
            os.close(number)
            raise
        os.close(number)


def write_private(path: Path, text: str) -> None:
    """Write a file for its owner's eyes (mode 0600), whole or not at all. Raises OSError."""
    with (
        replacing(path) as partial,
        open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file,
    ):
        file.write(text)


def _as_yaml(entry: KeyFile) -> str:
    key = entry.key
    images = ", ".join(f"'{content}': [{given.image_id}, {given.counter}]" for content, given in entry.images.items())
    return (
        f"sender: {key.sender}\nkey: '{key.key.hex()}'\ntag_bytes: {key.tag_bytes}\n"
        f"next_counter: {entry.next_counter}\nnext_image: {entry.next_image}\nimages: {{{images}}}\n"
    )


def _entries(path: Path) -> list[KeyFile]:
    try:
        data = read_yaml(read_text(path))
    except YamlError as error:
        raise ScenarioError(f"{path}: {error}") from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: cannot be read as text ({error})") from None
    return [_entry(item, str(path)) for item in (data if isinstance(data, list) else [data])]


def _entry(item: Any, source: str) -> KeyFile:
    """Never says what the key is, not even a wrong one."""
    fields: dict[str, Any] = {"sender": None, "key": None, "tag_bytes": 8, "next_counter": 0}
    fields |= {"next_image": 0, "images": {}}
    if not isinstance(item, dict) or not set(item) <= set(fields) or not {"sender", "key"} <= set(item):
        raise ScenarioError(f"{source}: expected the keys {', '.join(fields)} (satsim key new writes such a file)")
    fields |= item
    for field in ("sender", "tag_bytes", "next_counter", "next_image"):
        if type(fields[field]) is not int:
            raise ScenarioError(f"{source}: {field} is {fields[field]!r}; expected a whole number")
    if not 0 <= fields["next_counter"] <= COUNTERS:
        raise ScenarioError(f"{source}: next_counter is {fields['next_counter']}; expected 0 to {COUNTERS}")
    images = _images(fields["images"])
    if images is None or not 0 <= fields["next_image"] < IMAGES:
        raise ScenarioError(f"{source}: next_image or images is not what encode wrote; expected 0 and {{}} to begin")
    try:
        secret = bytes.fromhex(fields["key"])
    except (TypeError, ValueError):
        raise ScenarioError(f"{source}: key is not hexadecimal digits in quotes; expected 32 or 64 of them") from None
    try:
        key = SenderKey(fields["sender"], secret, fields["tag_bytes"])
        return KeyFile(key, fields["next_counter"], fields["next_image"], images)
    except PacketError as error:
        raise ScenarioError(f"{source}: {error}") from None


def _images(written: Any) -> dict[str, Given] | None:
    """What a key file says of images, a number alone in earlier ones; None for what encode does not write."""
    if not isinstance(written, dict):
        return None
    images = {}
    for content, given in written.items():
        numbers = given if isinstance(given, list) else [given, -1]
        if not isinstance(content, str) or len(numbers) != 2 or any(type(number) is not int for number in numbers):
            return None
        image_id, counter = numbers
        if not (0 <= image_id < IMAGES and -1 <= counter < COUNTERS):
            return None
        images[content] = Given(image_id, counter)
    return images
