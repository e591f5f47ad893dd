"""DirectIP server: the Iridium gateway connects, sends one message, and closes; some senders send several.

The confirmation says that the message is on the disk. Iridium's guide (SBD Developers Guide 3.0, 6.2.1) has the gateway
wait for one where the service is set up so: that is worth asking for, for without it a message counts as delivered that
never arrived. It is sent unless `--no-confirmation` says that nobody waits. A message that is kept as rejected, because
it is no packet of ours, is confirmed too: the gateway delivers in order, and would hold up all that follow for 12 hours
to bring the same again. 0 is the answer to what is no DirectIP message, and to what could not be kept.
"""

from __future__ import annotations

import asyncio

from satsim.errors import PacketError
from satsim.inbox.importing import said_of_session
from satsim.inbox.intake import NotKept
from satsim.inbox.store import KEPT_BYTES
from satsim.inbox.ways.door import Door
from satsim.inbox.ways.streams import Cut, Stream, answer, read, rest
from satsim.sbd.directip import FRONT_BYTES, MoMessage, length_of, read_mo, write_confirmation

WAY = "directip"
MOST_BYTES = 4096
"""Of a message with all its elements; the longest known is 2,011."""


def conversation(door: Door, confirm: bool = True) -> Stream:
    """What the server does with one connection; with `confirm`, each message is answered."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str) -> None:
        is_first = True
        while True:
            kept = await _take_one(reader, door, address, door.limits.request_s if is_first else door.limits.idle_s)
            if kept is None:
                return
            if confirm:
                await answer(writer, write_confirmation(kept), door.limits.request_s)
            if not kept:
                return
            is_first = False

    return converse


async def _take_one(reader: asyncio.StreamReader, door: Door, address: str, idle_s: float) -> bool | None:
    """Whether the next message is kept; None where there is no more."""
    about = {"from": address}
    content = b""
    try:
        content = await read(reader, 1, idle_s)
    except Cut:
        return None
    if not door.guard.may_send(WAY, address):
        return False
    try:
        content = await read(reader, FRONT_BYTES, door.limits.request_s, content)
        length = length_of(content)
        if length > MOST_BYTES:
            raise PacketError(f"holds {length} bytes by its own length; expected at most {MOST_BYTES}")
        content = await read(reader, length, door.limits.request_s, content)
        message = read_mo(content)
    except Cut as cut:
        return await _reject(door, cut.part, about, f"DirectIP: {cut.reason}")
    except PacketError as error:
        content = await rest(reader, content, KEPT_BYTES)
        return await _reject(door, content, about, f"DirectIP: {error}")
    return await _keep(door, message, about)


async def _keep(door: Door, message: MoMessage, about: dict[str, str]) -> bool:
    fields = {**about, **said_of_session(message)}
    if not message.payload:  # a session that only looked for messages, or failed
        door.tell("session", way=WAY, imei=message.imei, momsn=message.momsn, status=message.session_status)
        return True
    refused = None if door.guard.allowed.imei(message.imei) else f"modem {message.imei} is not among those allowed"
    try:
        await door.take(WAY, message.payload, fields, refused)
    except NotKept as error:
        door.tell("not kept", way=WAY, reason=error.reason, **about)
        return False
    return True


async def _reject(door: Door, content: bytes, about: dict[str, str], reason: str) -> bool:
    """Keep what is no message; the answer is that it is none."""
    try:
        await door.take(WAY, content[:KEPT_BYTES], about, reason)
    except NotKept as error:
        door.tell("not kept", way=WAY, reason=error.reason, **about)
    return False
