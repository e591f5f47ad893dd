"""Messages from files, with what a gateway said of them where the file tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from satsim.air.seal import SenderKey
from satsim.errors import PacketError
from satsim.inbox.store import BATCH, Arrival, Store, Taken
from satsim.inputs import File, is_message, messages_in, read_files
from satsim.sbd.directip import Location, MoMessage, read_mo, split
from satsim.sbd.webhook import Hook, read_hook

WAY = "file"
Metadata = Mapping[str, str | int | float | None]


def import_files(store: Store, files: Sequence[Path], time_unix_s: float) -> Iterator[tuple[str, Taken]]:
    """What became of each message of `files`, by its file; they arrive now, a few hundred a transaction.

    Raises OSError for a file that is missing, PacketError for one that may never end or is too large; what came before
    it is kept by then.
    """
    found = (arrival for file in read_files(files) for arrival in arrivals_in(file, time_unix_s, store.keys))
    while batch := list(islice(found, BATCH)):
        for arrival, taken in zip(batch, store.take(batch), strict=True):
            yield str(arrival.metadata["file"]), taken


def arrivals_in(file: File, time_unix_s: float, keys: Mapping[int, SenderKey]) -> Iterator[Arrival]:
    """The messages of a file, whatever form it has; of a folder's other files only what is one.

    Raises PacketError where it takes longer than the file may.
    """
    for message, said in _sessions(file.content) or _hook(file.content) or _bare(file, keys):
        if file.is_asked_for or is_message(message):
            yield Arrival(message, WAY, time_unix_s, {**said, "file": file.name})


def _sessions(content: bytes) -> list[tuple[bytes, Metadata]]:
    """DirectIP messages that follow each other; none where it is anything else."""
    try:
        found = list(map(read_mo, split(content)))
    except PacketError:
        return []
    return [(message.payload, said_of_session(message)) for message in found if message.payload]


def said_of_session(message: MoMessage) -> Metadata:
    """What the gateway says of a message."""
    return {
        "imei": message.imei,
        "momsn": message.momsn,
        "mtmsn": message.mtmsn,
        "cdr": message.cdr,
        "session_status": message.session_status,
        "sent_unix_s": message.time_unix_s,
        **_located(message.location),
    }


def _hook(content: bytes) -> list[tuple[bytes, Metadata]]:
    """The body of one web hook; none where it is anything else."""
    if not content.lstrip().startswith(b"{") and b"data=" not in content:
        return []
    try:
        hook = read_hook(content, "")
    except PacketError:
        return []
    return [(hook.payload, said_of_hook(hook))] if hook.payload else []


def said_of_hook(hook: Hook) -> Metadata:
    """The same of a web hook, with all fields that it has besides."""
    sent = {} if hook.transmit_time_unix_s is None else {"sent_unix_s": hook.transmit_time_unix_s}
    return {**hook.fields, "imei": hook.imei, "momsn": hook.momsn, **sent, **_located(hook.location)}


def _bare(file: File, keys: Mapping[int, SenderKey]) -> list[tuple[bytes, Metadata]]:
    return [(message, {}) for message in messages_in(file.content, keys or None, file.most_bytes, file.within_s)]


def _located(location: Location | None) -> Metadata:
    return location._asdict() if location else {}
