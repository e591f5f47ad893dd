"""The host's side of AT commands, byte by byte, against transcripts written by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satsim.sbd.checksum import checksum
from satsim.sbd.host import Answer, Buffers, Fetched, Host, Ring, Send, Session, Stray


def bytewise(host, content):
    return [event for byte in content for event in host.receive(bytes([byte]))]


@pytest.fixture(params=["whole", "byte by byte"])
def hear(request):
    """How bytes come: all at once, or one after the other; the events are the same."""
    return (lambda host, content: host.receive(content)) if request.param == "whole" else bytewise


def test_a_command_without_an_answer_of_its_own_ends_with_ok(hear):
    host = Host()
    assert host.ask("AT&K0") == b"AT&K0\r"
    assert hear(host, b"\r\nOK\r\n") == [Answer("AT&K0", True)]


def test_an_echo_is_no_answer(hear):
    host = Host()
    host.ask("AT+CSQ")
    assert hear(host, b"AT+CSQ\r\r\n+CSQ:4\r\n\r\nOK\r\n") == [Answer("AT+CSQ", True, ("4",))]


def test_error_ends_a_command(hear):
    host = Host()
    host.ask("AT+SBDIX")
    assert hear(host, b"\r\nERROR\r\n") == [Answer("AT+SBDIX", False)]


def test_the_imei(hear):
    host = Host()
    host.ask("AT+CGSN")
    assert hear(host, b"\r\n300234010753370\r\n\r\nOK\r\n") == [Answer("AT+CGSN", True, ("300234010753370",))]


def test_a_session_and_the_buffers_field_by_field(hear):
    host = Host()
    host.ask("AT+SBDIX")
    [answer] = hear(host, b"\r\n+SBDIX: 0, 65535, 1, 7, 50, 2\r\n\r\nOK\r\n")
    assert Session(*map(int, answer.found)) == Session(0, 65535, 1, 7, 50, 2)
    host.ask("AT+SBDS")
    [answer] = hear(host, b"\r\n+SBDS: 1, 0, 0, -1\r\n\r\nOK\r\n")
    assert Buffers(*map(int, answer.found)) == Buffers(1, 0, 0, -1)


def test_a_message_is_offered_its_checksum_behind_it(hear):
    host = Host()
    assert host.offer(b"hello") == b"AT+SBDWB=5\r"
    assert hear(host, b"\r\nREADY\r\n") == [Send(b"hello\x02\x14")]
    assert hear(host, b"\r\n0\r\n\r\nOK\r\n") == [Answer("AT+SBDWB=5", True, ("0",))]


def test_a_message_that_the_modem_refuses_for_its_size(hear):
    host = Host()
    host.offer(bytes(341))
    assert hear(host, b"\r\n3\r\n\r\nOK\r\n") == [Answer("AT+SBDWB=341", True, ("3",))]


def test_the_late_answer_to_an_earlier_offer_is_not_taken_for_that_to_this_one(hear):
    host = Host()
    host.offer(b"one")
    host.offer(b"two")
    assert hear(host, b"\r\n1\r\n\r\nOK\r\n") == [Stray("1"), Stray("OK")]
    assert hear(host, b"\r\nREADY\r\n") == [Send(b"two" + checksum(b"two"))]
    assert hear(host, b"\r\n2\r\n\r\nOK\r\n") == [Answer("AT+SBDWB=3", True, ("2",))]


def test_a_message_is_fetched(hear):
    host = Host()
    assert host.fetch() == b"AT+SBDRB\r"
    assert hear(host, b"\x00\x02hi\x00\xd1\r\nOK\r\n") == [Fetched(b"hi")]


def test_a_message_is_fetched_behind_an_echo_a_ring_and_an_empty_line(hear):
    host = Host()
    host.fetch()
    events = hear(host, b"AT+SBDRB\r\r\nSBDRING\r\n\x00\x02hi\x00\xd1\r\nOK\r\n")
    assert events == [Ring(), Fetched(b"hi")]


def test_a_message_of_line_ends_and_words_is_fetched_as_it_is(hear):
    message = b"\r\nOK\r\nERROR\r\nSBDRING\r\n\x00\xff"
    host = Host()
    host.fetch()
    assert hear(host, bytes([0, len(message)]) + message + checksum(message) + b"\r\nOK\r\n") == [Fetched(message)]


def test_no_message_is_fetched_as_an_empty_one(hear):
    host = Host()
    host.fetch()
    assert hear(host, b"\x00\x00\x00\x00\r\nOK\r\n") == [Fetched(b"")]


def test_a_damaged_message_can_be_fetched_again(hear):
    host = Host()
    host.fetch()
    assert hear(host, b"\x00\x02ho\x00\xd1\r\nOK\r\n") == [Fetched(None)]
    host.fetch()
    assert hear(host, b"\x00\x02hi\x00\xd1\r\nOK\r\n") == [Fetched(b"hi")]


def test_a_fetch_that_the_modem_refuses_ends(hear):
    host = Host()
    host.fetch()
    assert hear(host, b"\r\nERROR\r\n") == [Answer("AT+SBDRB", False)]
    assert hear(host, b"\r\nSBDRING\r\n") == [Ring()]


def test_a_ring_amid_an_answer_is_told_and_the_answer_too(hear):
    host = Host()
    host.ask("AT+SBDIX")
    events = hear(host, b"\r\nSBDRING\r\n\r\n+SBDIX: 18, 3, 2, 0, 0, 0\r\n\r\nOK\r\n")
    assert events == [Ring(), Answer("AT+SBDIX", True, ("18", "3", "2", "0", "0", "0"))]


def test_noise_before_and_within_an_answer(hear):
    host = Host()
    host.ask("AT+CSQ")
    events = hear(host, b"\xff\x80~x\r\n\x00\x9b+CSQ:3\xfe\r\n\r\nO\xffK\r\n")
    assert events == [Stray("~x"), Answer("AT+CSQ", True, ("3",))]


def test_the_ok_of_an_answer_that_noise_has_spoilt_ends_nothing(hear):
    host = Host()
    host.ask("AT+SBDIX")
    assert hear(host, b"\r\n+SBDIX: 0, x, 0, 0, 0, 0\r\n\r\nOK\r\n") == [Stray("+SBDIX: 0, x, 0, 0, 0, 0"), Stray("OK")]


def test_late_answers_to_what_was_given_up_are_strays(hear):
    host = Host()
    host.ask("AT+SBDIX")
    host.ask("AT+CGSN")
    events = hear(host, b"\r\n+SBDIX: 0, 4, 0, 0, 0, 0\r\n\r\nOK\r\n\r\n300234010753370\r\n\r\nOK\r\n")
    assert events == [Stray("+SBDIX: 0, 4, 0, 0, 0, 0"), Stray("OK"), Answer("AT+CGSN", True, ("300234010753370",))]


def test_a_modem_that_speaks_though_nothing_is_open(hear):
    assert hear(Host(), b"\r\nREADY\r\n\r\nOK\r\n\r\nSBDRING\r\n") == [Stray("READY"), Stray("OK"), Ring()]


def test_a_line_without_end_takes_no_memory():
    host = Host()
    for _ in range(100):
        host.receive(b"x" * 1000)
    assert len(host._came) <= 1024


@given(st.binary(max_size=340))
def test_every_byte_string_is_offered_and_fetched(message):
    host = Host()
    host.offer(message)
    assert host.receive(b"READY\r\n") == [Send(message + checksum(message))]
    assert host.receive(b"0\r\nOK\r\n")[0].found == ("0",)
    host.fetch()
    wire = len(message).to_bytes(2, "big") + message + checksum(message) + b"\r\nOK\r\n"
    assert bytewise(host, wire) == [Fetched(message)]


@given(st.lists(st.sampled_from(["AT+SBDIX", "AT+CGSN", "offer", "fetch"]) | st.binary(max_size=30), max_size=12))
def test_after_any_bytes_the_modem_is_understood_again(pieces):
    host = Host()
    for piece in pieces:
        if isinstance(piece, bytes):
            host.receive(piece)
        else:
            {"offer": lambda: host.offer(b"any"), "fetch": host.fetch}.get(piece, lambda piece=piece: host.ask(piece))()
    host.ask("AT+SBDS")
    assert host.receive(b"\r\n+SBDS: 0, 9, 0, 0\r\n\r\nOK\r\n")[-1] == Answer("AT+SBDS", True, ("0", "9", "0", "0"))
