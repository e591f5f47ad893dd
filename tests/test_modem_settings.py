"""What `satsim modem` is told, and the gateway's queue for it: any text is understood or answered by one line."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satsim.errors import SatsimError
from satsim.modem.faults import read_faults
from satsim.modem.gateway import QUEUE_MOST, Mailbox
from satsim.modem.settings import Address, read_address, read_link, read_settings, read_target
from satsim.modem.state import State, read_state, write_state
from satsim.sbd.directip import MtMessage

IMEI = "300234010753370"


def test_faults_are_read_by_kind_and_number():
    faults = read_faults(["checksum:3,5", "timeout:4", "power:2", "power:7:before", "silence:1"])
    assert faults.bends == {3: "checksum", 5: "checksum", 4: "timeout"}
    assert faults.power == {2: "after", 7: "before"}
    assert faults.silence == {1}
    assert read_faults([]).bends == {}


def test_an_address_is_a_host_and_a_port_and_a_port_alone_is_on_this_machine():
    assert read_address("--tcp", "10800") == ("127.0.0.1", 10800)
    assert read_address("--tcp", "post.example:10800") == ("post.example", 10800)
    assert str(read_address("--tcp", "[::1]:10800")) == "[::1]:10800"
    local = [Address(host, 1).is_local for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "192.168.1.2", "post")]
    assert local == [True, True, True, False, False, False]


def test_a_modem_takes_what_both_it_and_its_link_take_and_says_so():
    assert read_settings("sbd_9603_open").mo_bytes == 340
    assert read_settings("imt_9704").mo_bytes == 340
    small = read_settings("bds2_civil", tcp="0.0.0.0:0")
    assert small.mo_bytes == 70
    assert small.notices() == [
        "the modem takes 70 bytes a message, as its link does",
        "the link has no acknowledgements; this modem hears at the end of a session all the same",
        "what it sends goes nowhere; name --to directip:HOST:PORT or --to http://...",
        "--tcp 0.0.0.0:0: whoever reaches this address can use the modem",
    ]


def test_changes_of_the_link_are_those_of_a_scenario():
    assert read_link("sbd_9603_open", ["loss_ratio=0.2"]) == read_link("sbd_9603_open", ["link.loss_ratio=0.2"])
    assert read_link("sbd_9603_canopy", ["loss.loss_bad=0.5"]).loss.loss_bad == 0.5
    assert read_link("sbd_9603_canopy", ["loss_ratio=0.5"]).loss is None


@settings(max_examples=40)
@given(st.text(max_size=40), st.sampled_from(["", "checksum:", "power:", "directip:", "http://", "127.0.0.1:", "loss"]))
def test_any_text_is_understood_or_refused(text, front):
    text = front + text
    for read in (lambda: read_faults([text]), lambda: read_address("--tcp", text), lambda: read_target(text),
                 lambda: read_link(text, []), lambda: read_link("sbd_9603_open", [text])):  # fmt: skip
        with suppress(SatsimError):
            read()


def test_a_state_is_read_as_it_was_written_and_a_missing_one_is_new(tmp_path):
    path = tmp_path / "new" / "state.json"
    assert read_state(path, IMEI) == State(IMEI)
    write_state(path, State(IMEI, 65_535, 3, 2**32 - 1, (b"\0\xff", b"x" * 270)))
    assert read_state(path, IMEI) == State(IMEI, 65_535, 3, 2**32 - 1, (b"\0\xff", b"x" * 270))


@pytest.mark.parametrize(
    "change",
    [{"momsn": 65_536}, {"momsn": -1}, {"momsn": True}, {"mtmsn": "3"}, {"cdr": None}, {"waiting": ["0"]},
     {"waiting": [""]}, {"waiting": ["00" * 271]}, {"waiting": "00"}, {"waiting": None}, {"imei": "300000000000001"}],
)  # fmt: skip
def test_a_state_that_no_modem_wrote_is_refused(change, tmp_path):
    path = tmp_path / "state.json"
    good = {"imei": IMEI, "momsn": 0, "mtmsn": 0, "cdr": 0, "waiting": ["00"]}
    path.write_text(json.dumps(good))
    assert read_state(path, IMEI).waiting == (b"\0",)
    path.write_text(json.dumps(good | change))
    with pytest.raises(SatsimError, match=r"state\.json: "):
        read_state(path, IMEI)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_state_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "state.json"
    path.write_bytes(content)
    with pytest.raises(SatsimError):
        read_state(path, IMEI)


def test_a_mailbox_answers_with_the_place_in_its_queue_or_with_why_not():
    mailbox = Mailbox(IMEI, mtmsn=65_535)
    statuses = [mailbox.offer(MtMessage(IMEI, bytes([k + 1])))[0].status for k in range(QUEUE_MOST + 1)]
    assert statuses == [*range(1, QUEUE_MOST + 1), -5]
    assert mailbox.hand_over() == (65_535, b"\1")
    assert mailbox.hand_over() == (0, b"\2")
    assert mailbox.offer(MtMessage(IMEI, b"first of all", flags=16))[0].status == 1
    assert mailbox.hand_over() == (1, b"first of all")


def test_flags_empty_the_queue_and_ring_the_bell():
    mailbox = Mailbox(IMEI)
    assert mailbox.offer(MtMessage(IMEI, b"old"))[1]
    answer, rings = mailbox.offer(MtMessage(IMEI, b"", flags=2))
    assert (answer.status, rings, mailbox.waiting) == (0, True, [b"old"])
    answer, rings = mailbox.offer(MtMessage(IMEI, b"", flags=1))
    assert (answer.status, rings, mailbox.waiting) == (0, False, [])
    assert mailbox.hand_over() is None
    answer, rings = mailbox.offer(MtMessage("300000000000000", b"x", client_id=9))
    assert (answer.client_id, answer.auto_id, answer.status, rings) == (9, 0, -2, False)


def test_a_web_hook_without_a_path_is_that_of_an_inbox():
    hooks = ["http://127.0.0.1:8080", "http://127.0.0.1:8080/", "https://post.example/rockblock/secret"]
    read = [read_target(hook).name for hook in hooks]
    assert read == ["http://127.0.0.1:8080/rockblock"] * 2 + [hooks[2]]
