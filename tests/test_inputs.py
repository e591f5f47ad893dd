"""Messages as modems, gateways and people keep them; all bytes are made here."""

import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satsim.air.packets import pack, packetize
from satsim.air.seal import Sealer, SenderKey
from satsim.errors import PacketError
from satsim.inputs import messages_in, read_messages

KEYS = {7: SenderKey(7, bytes(16))}
PACKETS = packetize([bytes([k] * (20 + k)) for k in range(3)], codec="jpeg", model_id=1, height=48, width=64, sender=7)
MESSAGES = [pack(packet._replace(mark=200)) for packet in PACKETS]
OLD = [pack(packet) for packet in PACKETS]
SEALER = Sealer(KEYS[7], 0)
SEALED = [SEALER.seal(packet) for packet in PACKETS]
COMPACT = [pack(packet._replace(compact=True, width=256, height=256)) for packet in PACKETS]


def element(number, content):
    return bytes([number]) + len(content).to_bytes(2, "big") + content


def direct_ip(message):
    """As the Iridium gateway sends it: revision, length, then header (28 bytes), location (11) and payload."""
    header = bytes(4) + b"300234010753370" + b"\0" + bytes(2) + bytes(2) + bytes(4)
    elements = element(1, header) + element(3, bytes(11)) + element(2, message)
    return element(1, elements)


def hook(message):
    """As a web hook of RockBLOCK has it; examples show spaces in the data."""
    return {"imei": "300234010753370", "momsn": 12, "transmit_time": "21-10-31 10:41:50", "data": message.hex(" ")}


@pytest.mark.parametrize("messages", [MESSAGES, OLD, SEALED, COMPACT], ids=["plain", "no mark", "sealed", "compact"])
@pytest.mark.parametrize(
    "form",
    [
        lambda messages: b"".join(map(direct_ip, messages)),
        lambda messages: json.dumps([hook(message) for message in messages]).encode(),
        lambda messages: "\n".join(json.dumps(hook(message)) for message in messages).encode(),
        lambda messages: "\n".join(urlencode(hook(message)) for message in messages).encode(),
        lambda messages: "\n".join(message.hex() for message in messages).encode(),
        lambda messages: ("\r\n\r\n".join(message.hex(" ").upper() for message in messages) + "\r\n").encode(),
        lambda messages: "\n".join(message.hex(":") for message in messages).encode("utf-16"),
        lambda messages: "\n".join(", ".join(f"0x{byte:02x}" for byte in each) for each in messages).encode(
            "utf-8-sig"
        ),
    ],
    ids=["DirectIP", "JSON", "JSON lines", "form fields", "hexadecimal", "spaced hexadecimal", "UTF-16", "C"],
)
def test_messages_are_found_in_every_form_that_gateways_have(form, messages):
    assert messages_in(form(messages)) == messages
    assert messages_in(form(messages[:1])) == messages[:1]


def test_a_message_in_wrapped_hexadecimal_lines_is_one():
    digits = MESSAGES[0].hex()
    assert messages_in("\n".join(digits[at : at + 16] for at in range(0, len(digits), 16)).encode()) == MESSAGES[:1]


def test_messages_that_follow_each_other_are_told_apart_by_their_checksums_or_keys():
    assert messages_in(b"".join(MESSAGES)) == MESSAGES
    assert messages_in(b"".join(COMPACT + MESSAGES + OLD)) == COMPACT + MESSAGES + OLD
    assert messages_in(b"junk" + MESSAGES[0] + b"\x10\x01" + MESSAGES[2]) == [MESSAGES[0], MESSAGES[2]]
    assert messages_in(b"".join(SEALED), KEYS) == SEALED
    shorter = SEALER.seal(PACKETS[0]._replace(compact=True, width=256, height=256))
    assert messages_in(b"".join([shorter, *SEALED]), KEYS) == [shorter, *SEALED]


@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)))
def test_any_bytes_are_read_and_what_is_in_no_known_form_is_a_message_itself(content):
    assert all(isinstance(message, bytes) for message in messages_in(content))
    if not any(content):
        assert messages_in(content) == [content]


@pytest.mark.parametrize(
    "content",
    [b"", b"\1", b"\1\0\0", b"\1\0\5\2\0\\9ab", b"[" * 100_000, b'{"data": 5}', b"data=xyz", b"0x", b"\x10" * 5000],
)
def test_a_broken_form_is_a_message_itself(content):
    assert messages_in(content) == [content]


def test_a_folder_stands_for_all_messages_below_it_whatever_they_are_called(tmp_path):
    (tmp_path / "300234010753370" / "day").mkdir(parents=True)
    (tmp_path / "300234010753370" / "day" / "300234010753370_000012.SBD").write_bytes(MESSAGES[0])
    (tmp_path / "b.BIN").write_bytes(b"damaged")
    (tmp_path / "no suffix").write_bytes(SEALED[1])
    (tmp_path / "hook.json").write_text(json.dumps(hook(MESSAGES[2])))
    (tmp_path / "note.txt").write_text("the team left at noon")
    (tmp_path / ".hidden").write_bytes(MESSAGES[1])
    found = read_messages([tmp_path])
    assert [message for _, message in found] == [MESSAGES[0], b"damaged", MESSAGES[2], SEALED[1]]
    assert found[0][0].endswith("day/300234010753370_000012.SBD")
    assert read_messages([tmp_path / "note.txt"]) == [(str(tmp_path / "note.txt"), b"the team left at noon")]


def test_standard_input_is_a_stream_of_messages(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"".join(MESSAGES))))
    names = [f"standard input#{k}" for k in (1, 2, 3)]
    assert read_messages([Path("-")]) == list(zip(names, MESSAGES, strict=True))


def test_a_missing_packet_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.bin"):
        read_messages([tmp_path / "absent.bin"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_what_may_never_end_is_refused_and_in_a_folder_passed_over(tmp_path):
    os.mkfifo(tmp_path / "pipe.bin")
    with pytest.raises(PacketError, match=r"pipe\.bin: is a pipe or a device \(or give -\); expected a file"):
        read_messages([tmp_path / "pipe.bin"])
    (tmp_path / "one.bin").write_bytes(MESSAGES[0])
    with (tmp_path / "film.bin").open("wb") as file:
        file.truncate((1 << 26) + 1)
    assert [message for _, message in read_messages([tmp_path])] == MESSAGES[:1]
    with pytest.raises(PacketError, match=r"film\.bin: holds more than 67,108,864 bytes; expected a file of messages"):
        read_messages([tmp_path / "film.bin"])


def test_standard_input_without_end_is_refused(monkeypatch):
    endless = SimpleNamespace(read=lambda count: bytes(count))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=endless))
    with pytest.raises(PacketError, match=r"standard input: holds more than 67,108,864 bytes"):
        read_messages([Path("-")])
