"""Sealed packets and key files: nothing but what a key made, each once, and no counter twice."""

import json
import os
import subprocess
import sys
from subprocess import PIPE

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import given
from hypothesis import strategies as st

import satsim.air.packets
from satsim.air.inbox import Inbox, unpack
from satsim.air.packets import Packet, pack, packetize
from satsim.air.position import Position
from satsim.air.repair import repair_packets
from satsim.air.seal import WINDOW, ReplayWindow, Sealer, SenderKey
from satsim.errors import PacketError, RefusedError, ScenarioError
from satsim.keys import Content, locked, new_key, read_key, read_keys, take_counters
from satsim.replays import open_replay_state

KEY = SenderKey(0x0102, bytes(range(16)), tag_bytes=8)
KEYS = {0x0102: KEY}
PLACED = Packet(
    "progic", 0x89ABCDEF, 0x0102, 0x0304, 4, 5, 256, 512, b"ABC", position=Position(1785585600, 46.55, 8.61)
)
MESSAGE = bytes.fromhex(
    "1c"  # version 1, position and time, sealed
    "01" "89abcdef" "0102" "0304" "004004" "0ff1ff"
    "00000006"  # message 6 of this sender
    "93ec37c4e9e0609427c090" "25ea4f"  # position and payload, encrypted
    "07effafdbd40455e"  # tag of 8 bytes
)  # fmt: skip
ENTRY = "sender: 7\nkey: '000102030405060708090a0b0c0d0e0f'\n"


def sealed(packets, key=KEY, first=0):
    sealer = Sealer(key, first)
    return [sealer.seal(packet) for packet in packets]


def ten(sender=0x0102, image_id=0):
    payloads = [bytes([k, image_id % 256]) for k in range(10)]
    return packetize(payloads, codec="jpeg", model_id=1, height=30, width=40, sender=sender, image_id=image_id)


def test_the_library_passes_packet_vector_1_of_rfc_3610():
    cipher = AESCCM(bytes(range(0xC0, 0xD0)), tag_length=8)
    nonce = bytes.fromhex("00000003020100a0a1a2a3a4a5")
    expected = "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0"
    assert cipher.encrypt(nonce, bytes(range(0x08, 0x1F)), bytes(range(8))).hex() == expected


def test_the_test_vector():
    assert Sealer(KEY, 6).seal(PLACED).hex() == MESSAGE.hex()
    assert unpack(MESSAGE, KEYS) == PLACED
    assert MESSAGE.hex() in satsim.air.packets.__doc__.replace(" ", "")


def test_the_vector_is_ccm_of_the_nonce_and_header_written_down():
    nonce = b"satsim\x01" + bytes.fromhex("0102" "00000006")  # fmt: skip
    assert len(nonce) == 13
    body = pack(PLACED)[20:]
    assert AESCCM(bytes(range(16)), tag_length=8).encrypt(nonce, body, MESSAGE[:20]) == MESSAGE[20:]


@given(
    st.sampled_from([16, 32]),
    st.sampled_from(range(8, 17, 2)),
    st.integers(0, 2**32 - 1),
    st.binary(min_size=1, max_size=400),
    st.booleans(),
)
def test_what_was_sealed_comes_back_and_costs_a_tag(key_bytes, tag_bytes, counter, payload, placed):
    packet = PLACED._replace(payload=payload, position=PLACED.position if placed else None)
    key = SenderKey(0x0102, bytes(key_bytes), tag_bytes)
    message = Sealer(key, counter).seal(packet)
    assert unpack(message, {0x0102: key}) == packet
    assert len(message) == len(pack(packet)) + tag_bytes


def test_repair_packets_are_sealed_like_any_other():
    packets = ten()
    inbox = Inbox(KEYS)
    for message in sealed([packets[0], *repair_packets(packets, [(3, 2)])]):
        inbox.accept(message)
    [key] = inbox.images
    assert inbox.payloads(key) == {k: bytes([k, 0]) for k in range(3)}


def test_payload_position_and_time_are_not_readable():
    one, other = (Sealer(KEY, counter).seal(PLACED) for counter in (1, 2))
    assert one[:16] == other[:16], "the header is"
    assert one[20:31] != other[20:31]
    assert b"ABC" not in one
    assert pack(PLACED)[20:31] not in (one[20:31], other[20:31])


def test_each_message_takes_a_counter_and_the_last_one_ends_the_key():
    sealer = Sealer(KEY, 2**32 - 2)
    assert [sealer.seal(PLACED)[16:20].hex() for _ in range(2)] == ["fffffffe", "ffffffff"]
    with pytest.raises(PacketError, match="key of sender 258 has sealed 4294967296 messages; make a new one"):
        sealer.seal(PLACED)


def test_a_packet_that_cannot_be_written_takes_no_counter():
    sealer = Sealer(KEY, 5)
    with pytest.raises(PacketError, match="sender is 3; expected 258"):
        sealer.seal(PLACED._replace(sender=3))
    with pytest.raises(PacketError, match="width is 0"):
        sealer.seal(PLACED._replace(width=0))
    assert sealer.next_counter == 5


@pytest.mark.parametrize("length", [65_524, 65_525])
def test_a_nonce_of_13_bytes_leaves_two_for_the_length(length):
    packet = PLACED._replace(payload=bytes(length))
    if length + 11 < 2**16:
        assert unpack(Sealer(KEY, 0).seal(packet), KEYS) == packet
    else:
        with pytest.raises(PacketError, match="65536 bytes to seal; expected at most 65535"):
            Sealer(KEY, 0).seal(packet)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ((65536, bytes(16)), "sender is 65536"),
        ((1, bytes(24)), "key has 24 bytes; expected 16 or 32"),
        ((1, bytes(16), 7), "tag_bytes is 7; expected 8, 10, 12, 14 or 16"),
        ((1, bytes(16), 6), "tag_bytes is 6"),
        ((1, bytes(16), 18), "tag_bytes is 18"),
    ],
)
def test_a_key_of_another_kind_is_refused(fields, complaint):
    with pytest.raises(PacketError, match=complaint):
        SenderKey(*fields)


def test_a_key_does_not_show_itself():
    assert repr(SenderKey(1, b"0123456789abcdef")) == "SenderKey(sender=1, tag_bytes=8)"


def test_every_single_bit_flip_and_every_other_length_is_refused():
    inbox = Inbox(KEYS)
    wrong = [MESSAGE[:length] for length in range(len(MESSAGE))] + [MESSAGE + bytes(n) for n in range(1, 20)]
    for bit in range(8 * len(MESSAGE)):
        flipped = bytearray(MESSAGE)
        flipped[bit // 8] ^= 1 << bit % 8
        wrong.append(bytes(flipped))
    for message in wrong:
        with pytest.raises(PacketError):
            inbox.accept(message)
    assert (inbox.images, inbox.windows) == ({}, {}), "nor do they move the window"
    assert inbox.accept(MESSAGE) == (PLACED, True)


genuine = sealed([*ten(), PLACED])


@st.composite
def mutated(draw):
    """A real message, cut, spliced with another, or with bytes put in place of others."""
    one, other = draw(st.sampled_from(genuine)), draw(st.sampled_from(genuine))
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(one))] * 2)))
    middle = draw(st.one_of(st.binary(max_size=30), st.just(other[start:end]), st.just(b"")))
    return one[:start] + middle + one[end:]


@given(st.lists(st.one_of(mutated(), st.binary(max_size=60), st.sampled_from(genuine)), max_size=30))
def test_a_receiver_with_keys_holds_nothing_that_the_key_did_not_make(messages):
    inbox = Inbox(KEYS)
    for message in messages:
        try:
            accepted = inbox.accept(message)
        except PacketError:
            assert message not in genuine
        else:
            assert message in genuine
            assert accepted.packet == unpack(message, KEYS)
    assert sum(map(len, inbox.images.values())) == len(set(messages) & set(genuine))


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (pack(PLACED), "not sealed; with keys, only sealed packets are taken"),
        (Sealer(SenderKey(0x0102, bytes(16)), 0).seal(PLACED), "seal of sender 258 is broken"),
        (Sealer(SenderKey(0x0102, KEY.key, 16), 0).seal(PLACED), "seal of sender 258 is broken"),
        (sealed(ten(sender=9), SenderKey(9, KEY.key))[0], "sealed by sender 9, whose key is not among those given"),
        (MESSAGE[:28], "message of 28 bytes is none that sender 258 seals"),
    ],
    ids=["plain", "other key", "other tag length", "unknown sender", "no room"],
)
def test_what_no_known_key_sealed_is_refused(message, complaint):
    with pytest.raises(RefusedError, match=complaint):
        Inbox(KEYS).accept(message)


def test_a_sealed_packet_of_no_sense_is_refused_too():
    header = bytes.fromhex("18" "64" "89abcdef" "0102" "0304" "004004" "0ff1ff" "00000000")  # fmt: skip
    with pytest.raises(PacketError, match="codec number is 100"):
        Inbox(KEYS).accept(header + KEY.encrypt(header, b"ABC"))


def test_a_message_that_comes_again_is_a_repetition_while_its_payload_is_held():
    inbox = Inbox(KEYS)
    assert inbox.accept(MESSAGE) == (PLACED, True)
    assert inbox.accept(MESSAGE) == (PLACED, False)


def test_a_payload_sealed_anew_is_a_repetition():
    inbox = Inbox(KEYS)
    assert [inbox.accept(message).is_new for message in sealed([PLACED, PLACED])] == [True, False]


def test_a_replay_after_a_restart_is_refused():
    inbox = Inbox(KEYS)
    inbox.accept(MESSAGE)
    restarted = Inbox(KEYS, inbox.windows)
    with pytest.raises(RefusedError, match="counter 6 of sender 258 came before: a replay"):
        restarted.accept(MESSAGE)
    assert restarted.images == {}
    assert restarted.accept(Sealer(KEY, 5).seal(PLACED)).is_new, "an older one that never came is fine"


def test_each_sender_has_a_window_of_its_own():
    other = SenderKey(9, bytes(16))
    inbox = Inbox({**KEYS, 9: other})
    for message in [*sealed(ten(), first=10_000), *sealed(ten(sender=9), other)]:
        assert inbox.accept(message).is_new
    assert {sender: window.highest for sender, window in inbox.windows.items()} == {0x0102: 10_009, 9: 9}


@given(st.permutations(range(10)), st.lists(st.integers(0, 9), max_size=20))
def test_a_sealed_image_survives_any_order_and_repetition(order, repeated):
    inbox = Inbox(KEYS)
    assert [inbox.accept(genuine[k]).is_new for k in [*order, *repeated]] == [True] * 10 + [False] * len(repeated)
    assert list(inbox.images.values()) == [{k: bytes([k, 0]) for k in range(10)}]


@given(st.lists(st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 3 * WINDOW)), max_size=60))
def test_a_window_is_a_set_of_counters_that_forgets_the_old(counters):
    window, taken = ReplayWindow(), set()
    for counter in counters:
        if taken and counter <= max(taken) - WINDOW:
            with pytest.raises(RefusedError, match="behind the latest; expected less than 4096"):
                window.take(counter)
            continue
        assert window.take(counter) == (counter not in taken)
        taken.add(counter)


def test_the_window_is_4096_counters_wide():
    window = ReplayWindow()
    assert [window.take(counter) for counter in (4096, 1, 1)] == [True, True, False]
    with pytest.raises(RefusedError, match="counter 0 is 4096 behind"):
        window.take(0)


def test_without_cryptography_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    key = SenderKey(0x0102, bytes(range(16)))
    with pytest.raises(PacketError, match=r"pip install 'satsim-link\[auth\]'"):
        Sealer(key, 0).seal(PLACED)
    with pytest.raises(PacketError, match=r"pip install 'satsim-link\[auth\]'"):
        Inbox({0x0102: key}).accept(MESSAGE)


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_new_key_is_random_for_its_owner_only_and_never_overwrites(tmp_path):
    path = tmp_path / "mine.yaml"
    new_key(path, sender=7, key_bytes=32, tag_bytes=12)
    assert path.stat().st_mode & 0o777 == 0o600
    key, *counts = read_key(path)
    assert (key.sender, len(key.key), key.tag_bytes, counts) == (7, 32, 12, [0, 0, {}])
    before = path.read_bytes()
    with pytest.raises(ScenarioError, match=r"mine\.yaml: is there already, and no key is ever overwritten"):
        new_key(path, sender=7)
    assert path.read_bytes() == before
    new_key(tmp_path / "other.yaml", sender=7, key_bytes=32)
    assert read_key(tmp_path / "other.yaml").key.key != key.key


@pytest.mark.parametrize("fields", [{"key_bytes": 24}, {"key_bytes": -1}, {"tag_bytes": 9}, {"sender": -1}])
def test_a_key_of_no_use_is_not_written(tmp_path, fields):
    with pytest.raises(PacketError, match=f"{next(iter(fields))} is "):
        new_key(tmp_path / "mine.yaml", **{"sender": 7, **fields})
    assert list(tmp_path.iterdir()) == []


CUT_AMID_LINK = """import os, pathlib, sys
from satsim.keys import new_key
link = os.link
def cut(*names):
    if sys.argv[2] == "named":
        link(*names)
    os.kill(os.getpid(), 9)
os.link = cut
new_key(pathlib.Path(sys.argv[1]), sender=7)
"""


@pytest.mark.parametrize("when", ["written", "named"])
def test_a_kill_leaves_a_whole_key_or_none_and_the_next_program_goes_on(tmp_path, when):
    path = tmp_path / "mine.yaml"
    subprocess.run([sys.executable, "-c", CUT_AMID_LINK, path, when], check=False, timeout=60)
    assert path.exists() == (when == "named")
    if when == "written":
        new_key(path, sender=7)
    assert take_counters(path, 5).next_counter == 0, "a name that a kill left is no second file to count in"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_key_is_whole_and_overwrites_none_also_where_a_file_has_but_one_name(tmp_path, monkeypatch):
    def fails(*names):
        raise PermissionError(1, "Operation not permitted")  # as Linux says of FAT

    monkeypatch.setattr(os, "link", fails)
    new_key(tmp_path / "deep" / "mine.yaml", sender=7)
    before = read_key(tmp_path / "deep" / "mine.yaml")
    with pytest.raises(ScenarioError, match=r"mine\.yaml: is there already"):
        new_key(tmp_path / "deep" / "mine.yaml", sender=7)
    assert read_key(tmp_path / "deep" / "mine.yaml") == before
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["mine.yaml"]


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(ENTRY)
    return path


def test_counters_are_taken_before_they_are_used_and_never_twice(key_file, tmp_path):
    assert take_counters(key_file, 5).next_counter == 0
    assert read_key(key_file).next_counter == 5
    assert take_counters(key_file, 3).next_counter == 5
    assert read_key(key_file) == (SenderKey(7, bytes(range(16))), 8, 0, {})
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]
    assert key_file.stat().st_mode & 0o777 == 0o600


TAKE = (
    "import sys, pathlib; from satsim.keys import take_counters; print(take_counters(pathlib.Path(sys.argv[1]), 3)[1])"
)


def test_programs_at_once_wait_for_each_other_and_never_take_the_same_counters(key_file, tmp_path):
    with locked(key_file):
        takers = [subprocess.Popen([sys.executable, "-c", TAKE, str(key_file)], stdout=PIPE, text=True) for _ in "ab"]
        with pytest.raises(subprocess.TimeoutExpired):
            takers[0].wait(timeout=0.5)
        assert read_key(key_file).next_counter == 0
    assert sorted(int(taker.communicate(timeout=60)[0]) for taker in takers) == [0, 3]
    assert read_key(key_file).next_counter == 6
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


CUT = """import os, pathlib, sys
from satsim.keys import locked, replacing
path = pathlib.Path(sys.argv[1])
with locked(path), replacing(path) as partial:
    partial.write_text("half a key")
    os.kill(os.getpid(), 9)
"""


def test_what_a_kill_leaves_is_swept_by_the_next_program(key_file, tmp_path):
    subprocess.run([sys.executable, "-c", CUT, str(key_file)], check=False, timeout=60)
    assert len(list(tmp_path.iterdir())) == 3, "the key, half of the next one, and a lock that nobody holds"
    assert take_counters(key_file, 5).next_counter == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_key_file_of_two_names_is_refused_for_each_would_count_for_itself(key_file, tmp_path):
    (tmp_path / "again.yaml").hardlink_to(key_file)
    with pytest.raises(ScenarioError, match=r"mine\.yaml: has 2 names \(hard links\).* remove all but one"):
        take_counters(key_file, 5)
    assert read_key(key_file).next_counter == 0
    (tmp_path / "again.yaml").unlink()
    (tmp_path / "again.yaml").symlink_to(key_file)
    assert take_counters(tmp_path / "again.yaml", 5).next_counter == 0
    assert read_key(key_file).next_counter == 5, "a symbolic link is the same file"


def test_a_read_only_key_file_is_explained(key_file):
    key_file.chmod(0o400)
    with pytest.raises(ScenarioError, match=r"mine\.yaml: is read-only; the counters .* \(chmod u\+w"):
        take_counters(key_file, 5)
    assert key_file.read_text() == ENTRY


def test_a_disk_that_fails_leaves_the_key_file_as_it_was(key_file, tmp_path, monkeypatch):
    def fails(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space left"):
        take_counters(key_file, 5)
    assert key_file.read_text() == ENTRY
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_key_without_enough_counters_is_refused(key_file):
    key_file.write_text(f"{ENTRY}next_counter: {2**32 - 4}\n")
    with pytest.raises(
        ScenarioError, match=r"next_counter is 4294967292; expected at most 4294967291 to seal 5 messages"
    ):
        take_counters(key_file, 5)
    assert take_counters(key_file, 4).next_counter == 2**32 - 4


def numbers_given(path, *contents, numbers=2**16, image_id=None):
    """The image numbers that a key file gives these contents, one after the other."""
    return [take_counters(path, 1, Content(each, image_id, numbers)).image_id for each in contents]


def test_each_photo_has_the_next_number_and_keeps_it_when_it_is_sent_again(key_file):
    assert numbers_given(key_file, "aa", "bb", "aa", "cc", "bb") == [0, 1, 0, 2, 1]
    assert read_key(key_file).next_counter == 3, "what is sealed again has the counters that it had"
    assert read_key(key_file).images == {"aa": (0, 0), "cc": (2, 2), "bb": (1, 1)}


def test_what_was_sealed_long_ago_has_new_counters_so_that_receivers_still_take_it(key_file):
    first = Content("aa", None, 2**16)
    assert take_counters(key_file, 5, first).next_counter == 0
    take_counters(key_file, 4091)
    assert take_counters(key_file, 5, first).next_counter == 0, "counter 0 is the 4,096th below the next"
    take_counters(key_file, 1)
    assert take_counters(key_file, 5, first).next_counter == 4097
    assert read_key(key_file).images == {"aa": (0, 4097)}


def test_a_key_file_that_knows_numbers_alone_is_read(tmp_path):
    path = tmp_path / "earlier.yaml"
    path.write_text(f"{ENTRY}next_counter: 9\nnext_image: 1\nimages: {{'aa': 0}}\n")
    assert take_counters(path, 5, Content("aa", None, 2**16))[1:] == (9, 0)
    assert read_key(path).images == {"aa": (0, 9)}


def test_a_number_that_the_user_chose_is_not_given_to_another_photo(key_file):
    assert numbers_given(key_file, "chosen", image_id=1) == [1]
    assert numbers_given(key_file, "aa", "bb", "chosen") == [0, 2, 1]


def test_compact_headers_go_round_their_256_numbers_and_never_use_one_that_is_remembered(key_file):
    given = numbers_given(key_file, *(f"photo {k}" for k in range(300)), numbers=256)
    assert given == [k % 256 for k in range(300)]
    assert len(read_key(key_file).images) == 255, "so that one of the 256 is always free"
    assert numbers_given(key_file, "photo 299", numbers=256) == [43]
    assert numbers_given(key_file, "photo 300", numbers=256) == [44]


def test_a_receiver_reads_one_entry_or_a_list(tmp_path, key_file):
    assert read_keys(key_file) == {7: SenderKey(7, bytes(range(16)))}
    several = tmp_path / "several.yaml"
    several.write_text(f"- {{sender: 7, key: '{'00' * 16}'}}\n- {{sender: 8, key: '{'ff' * 32}', tag_bytes: 16}}\n")
    assert read_keys(several) == {7: SenderKey(7, bytes(16)), 8: SenderKey(8, b"\xff" * 32, 16)}
    with pytest.raises(ScenarioError, match=r"several\.yaml: holds 2 keys; expected one"):
        read_key(several)
    several.write_text(f"- {{sender: 7, key: '{'00' * 16}'}}\n" * 2)
    with pytest.raises(ScenarioError, match="each for another sender"):
        read_keys(several)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "expected the keys sender, key, tag_bytes, next_counter"),
        ("sender: 7\n", "expected the keys sender, key"),
        (f"{ENTRY}colour: red\n", "expected the keys sender, key"),
        ("sender: [", "not YAML"),
        (ENTRY.replace("7", "x"), "sender is 'x'; expected a whole number"),
        (ENTRY.replace("7", "70000", 1), "sender is 70000; expected 0 to 65535"),
        (f"{ENTRY}tag_bytes: 9\n", "tag_bytes is 9; expected 8, 10"),
        (f"{ENTRY}tag_bytes: true\n", "tag_bytes is True; expected a whole number"),
        (f"{ENTRY}next_image: -1\n", "next_image or images is not what encode wrote"),
        (f"{ENTRY}images: [1]\n", "next_image or images is not what encode wrote"),
        (f"{ENTRY}images: {{a: 65536}}\n", "next_image or images is not what encode wrote"),
        (f"{ENTRY}images: {{a: [1, -2]}}\n", "next_image or images is not what encode wrote"),
        (f"{ENTRY}images: {{a: [true, 2]}}\n", "next_image or images is not what encode wrote"),
        (f"{ENTRY}images: {{a: [1, 2, 3]}}\n", "next_image or images is not what encode wrote"),
        (f"{ENTRY}next_counter: -1\n", "next_counter is -1; expected 0 to 4294967296"),
        ("sender: 7\nkey: 12345678901234567890123456789012\n", "key is not hexadecimal digits in quotes"),
        ("sender: 7\nkey: 'correct horse'\n", "key is not hexadecimal digits in quotes; expected 32 or 64 of them"),
        ("sender: 7\nkey: 'abcd'\n", "key has 2 bytes; expected 16 or 32"),
    ],
)
def test_a_mistake_in_a_key_file_is_one_line_that_keeps_the_secret(tmp_path, text, complaint):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        read_key(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert complaint in line
    assert not any(secret in line for secret in ("\n", "1234567890", "horse", "abcd", "0102"))


def test_a_binary_key_file_is_one_line(tmp_path):
    (tmp_path / "wrong.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match=r"wrong\.yaml: cannot be read as text"):
        read_keys(tmp_path / "wrong.yaml")


def test_a_replay_state_survives_restarts_and_says_nothing_of_the_key(tmp_path):
    path = tmp_path / "seen.json"
    with open_replay_state(path, KEYS) as state:
        assert state.windows == {}
        Inbox(KEYS, state.windows).accept(MESSAGE)
    assert list(json.loads(path.read_text()).values()) == [{"highest": 6, "taken": "1"}]
    assert KEY.key.hex() not in path.read_text()
    with open_replay_state(path, KEYS) as state:
        with pytest.raises(RefusedError, match="a replay"):
            Inbox(KEYS, state.windows).accept(MESSAGE)
        assert Inbox(KEYS, state.windows).accept(Sealer(KEY, 7).seal(PLACED)).is_new
    with open_replay_state(path, KEYS) as state:
        assert state.windows == {0x0102: ReplayWindow(7, 0b11)}
    assert [file.name for file in tmp_path.iterdir()] == ["seen.json"]


def test_what_fails_leaves_the_replay_state_as_it_was(tmp_path):
    path = tmp_path / "seen.json"

    def fails():
        with open_replay_state(path, KEYS) as state:
            Inbox(KEYS, state.windows).accept(MESSAGE)
            raise ValueError("no picture")

    with pytest.raises(ValueError, match="no picture"):
        fails()
    assert list(tmp_path.iterdir()) == []


def test_a_new_key_starts_anew_and_the_states_of_other_senders_stay(tmp_path):
    path = tmp_path / "seen.json"
    newer = {0x0102: SenderKey(0x0102, bytes(16)), 9: SenderKey(9, bytes(16))}
    with open_replay_state(path, KEYS) as state:
        Inbox(KEYS, state.windows).accept(MESSAGE)
    with open_replay_state(path, newer) as state:
        assert state.windows == {}
        Inbox(newer, state.windows).accept(sealed(ten(sender=9), newer[9])[0])
    with open_replay_state(path, KEYS | {9: newer[9]}) as state:
        assert state.windows == {0x0102: ReplayWindow(6, 1), 9: ReplayWindow(0, 1)}


@pytest.mark.parametrize(
    "change", [("{", "["), ('"1"', '"x"'), ('"1"', '"0"'), ('"1"', "1"), (": 6", ": -6"), ('"taken"', '"t"')]
)
def test_a_damaged_replay_state_is_refused(tmp_path, change):
    path = tmp_path / "seen.json"
    with open_replay_state(path, KEYS) as state:
        Inbox(KEYS, state.windows).accept(MESSAGE)
    assert change[0] in path.read_text()
    path.write_text(path.read_text().replace(*change))
    with (
        pytest.raises(ScenarioError, match=r"seen\.json: not a replay state that decode wrote"),
        open_replay_state(path, KEYS),
    ):
        pass


def test_a_replay_state_needs_keys_and_may_be_left_out(tmp_path):
    with open_replay_state(None, None) as state:
        assert state is None
    with pytest.raises(ScenarioError, match="expected --keys too"), open_replay_state(tmp_path / "seen.json", None):
        pass
