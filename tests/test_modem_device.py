"""The modem's side of the wire, byte by byte, without any I/O."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satsim.sbd.checksum import checksum
from satsim.sbd.device import Device, Now, Outcome, Session
from satsim.sbd.status import MO_STATUS, mo_words, succeeded

NOW = Now(100.0)


def quiet_device(**settings):
    """One that does not echo."""
    device = Device(**settings)
    assert device.feed(b"ATE0\r", NOW).sent == b"ATE0\r\r\nOK\r\n"
    return device


def said(device, command, now=NOW):
    """The lines of the answer to a command, without blank ones."""
    return [line for line in device.feed(command.encode() + b"\r", now).sent.decode().split("\r\n") if line]


def loaded(message, **settings):
    """A device that holds a message to send."""
    device = quiet_device(**settings)
    assert said(device, f"AT+SBDWB={len(message)}") == ["READY"]
    assert device.feed(message + checksum(message), NOW).sent == b"\r\n0\r\n\r\nOK\r\n"
    return device


def test_the_checksum_of_hello_is_the_one_in_the_makers_reference():
    assert checksum(b"hello") == bytes.fromhex("0214")
    assert checksum(b"") == b"\0\0"
    assert checksum(b"\xff" * 340) == (255 * 340 - 65536).to_bytes(2, "big")


def test_a_modem_out_of_the_box_echoes_and_answers_ok():
    assert Device().feed(b"AT\r", NOW).sent == b"AT\r\r\nOK\r\n"


def test_a_message_of_bytes_goes_in_and_comes_out_by_the_loop_back():
    device = loaded(b"hello\r\n\0\xff")
    assert said(device, "AT+SBDS") == ["+SBDS: 1, 0, 0, -1", "OK"]
    assert said(device, "AT+SBDTC") == ["SBDTC: Outbound SBD Copied to Inbound SBD: size = 9", "OK"]
    answer = device.feed(b"AT+SBDRB\r", NOW).sent
    assert answer == b"\x00\x09hello\r\n\0\xff" + checksum(b"hello\r\n\0\xff") + b"\r\nOK\r\n"
    assert said(device, "AT+SBDS") == ["+SBDS: 1, 0, 1, 0", "OK"]


def test_ready_comes_before_the_bytes_as_in_the_makers_reference():
    assert Device().feed(b"AT+SBDWB=5\r", NOW).sent == b"AT+SBDWB=5\r\r\nREADY\r\n"


@pytest.mark.parametrize(
    "pieces", [[b"hello\x02\x14"], [b"hel", b"lo\x02", b"\x14"], [bytes([b]) for b in b"hello\x02\x14"]]
)
def test_bytes_may_come_in_any_pieces_and_are_not_echoed(pieces):
    device = Device()
    device.feed(b"AT+SBDWB=5\r", NOW)
    assert b"".join(device.feed(piece, NOW).sent for piece in pieces) == b"\r\n0\r\n\r\nOK\r\n"
    assert device.mo == b"hello"


def test_a_wrong_checksum_is_answered_2_and_leaves_the_message_that_was_there():
    device = loaded(b"first")
    said(device, "AT+SBDWB=5")
    assert device.feed(b"hello\x02\x15", NOW).sent == b"\r\n2\r\n\r\nOK\r\n"
    assert device.mo == b"first"


@pytest.mark.parametrize("size", [0, 341, 999_999_999])
def test_a_wrong_size_is_answered_3_and_nothing_is_awaited(size):
    device = quiet_device()
    assert said(device, f"AT+SBDWB={size}") == ["3", "OK"]
    assert said(device, "AT") == ["OK"]


def test_the_largest_message_is_340_bytes_and_less_where_the_link_takes_less():
    assert loaded(b"\xfe" * 340).mo == b"\xfe" * 340
    assert said(quiet_device(mo_bytes=70), "AT+SBDWB=71") == ["3", "OK"]
    assert loaded(b"x" * 70, mo_bytes=70).mo == b"x" * 70


def test_a_message_that_does_not_come_within_a_minute_is_answered_1():
    device = quiet_device()
    said(device, "AT+SBDWB=5")
    device.feed(b"hell", NOW)
    assert device.deadline_s == 160.0
    assert device.tick(Now(159.9)) == b""
    assert device.tick(Now(160.0)) == b"\r\n1\r\n\r\nOK\r\n"
    assert device.deadline_s is None
    assert device.mo == b""
    assert said(device, "AT") == ["OK"]


def test_text_goes_in_on_the_line_or_after_ready_and_comes_out():
    device = quiet_device()
    assert said(device, "AT+SBDWT=Help; AT 46.5 N") == ["OK"]
    assert device.mo == b"Help; AT 46.5 N"
    assert said(device, "AT+SBDWT") == ["READY"]
    assert said(device, "by way of the prompt") == ["0", "OK"]
    said(device, "AT+SBDTC")
    assert device.feed(b"AT+SBDRT\r", NOW).sent == b"\r\n+SBDRT:\r\nby way of the prompt\r\n\r\nOK\r\n"


def test_an_empty_text_leaves_nothing_to_send():
    """As drivers have it that only want to receive."""
    device = loaded(b"up")
    assert said(device, "AT+SBDWT=") == ["OK"]
    assert device.feed(b"AT+SBDIX\r", NOW).session.message is None


def test_a_line_of_text_holds_120_letters_and_the_prompt_340():
    device = quiet_device()
    assert said(device, "AT+SBDWT=" + "x" * 120) == ["OK"]
    assert said(device, "AT+SBDWT=" + "y" * 121) == ["ERROR"]
    assert device.mo == b"x" * 120
    said(device, "AT+SBDWT")
    assert said(device, "z" * 340) == ["0", "OK"]
    said(device, "AT+SBDWT")
    assert said(device, "z" * 341) == ["ERROR"]


def test_a_session_tells_six_numbers_and_takes_the_next_number():
    device = loaded(b"hello")
    reply = device.feed(b"AT+SBDIX\r", NOW)
    assert reply.session == Session("+SBDIX", b"hello", momsn=0, takes_mail=True)
    assert reply.sent == b""
    assert device.finish(Outcome(0)) == b"\r\n+SBDIX: 0, 0, 0, 0, 0, 0\r\n\r\nOK\r\n"
    assert said(device, "AT+SBDS") == ["+SBDS: 1, 1, 0, -1", "OK"]  # the message stays until it is cleared


def test_a_session_that_fails_keeps_its_number():
    device = loaded(b"hello", momsn=7)
    device.feed(b"AT+SBDIXA\r", NOW)
    assert device.finish(Outcome(32)) == b"\r\n+SBDIX: 32, 7, 2, 0, 0, 0\r\n\r\nOK\r\n"
    assert device.momsn == 7


def test_numbers_wrap_after_65535_and_clear_by_a_command():
    device = loaded(b"hello", momsn=65_535)
    device.feed(b"AT+SBDIX=5212.483,-00007.350\r", NOW)
    assert b"+SBDIX: 0, 65535," in device.finish(Outcome(0))
    assert device.momsn == 0
    device.momsn = 12
    assert said(device, "AT+SBDC") == ["0", "OK"]
    assert device.momsn == 0


def test_a_message_that_waits_comes_with_a_session_and_goes_when_the_next_begins():
    device = quiet_device()
    assert device.feed(b"AT+SBDIX\r", NOW).session.message is None
    assert device.finish(Outcome(0, b"\x01resend\r\n", 5, 2)) == b"\r\n+SBDIX: 0, 0, 1, 5, 9, 2\r\n\r\nOK\r\n"
    assert device.feed(b"AT+SBDRB\r", NOW).sent.startswith(b"\x00\x09\x01resend\r\n")
    assert said(device, "AT+SBDSX") == ["+SBDSX: 0, 1, 1, 5, 0, 2", "OK"]
    device.feed(b"AT+SBDIX\r", NOW)
    device.finish(Outcome(18))
    assert device.feed(b"AT+SBDRB\r", NOW).sent == b"\0\0\0\0\r\nOK\r\n"


def test_the_older_session_command_tells_only_whether():
    device = loaded(b"hello")
    device.feed(b"AT+SBDI\r", NOW)
    assert device.finish(Outcome(0)) == b"\r\n+SBDI: 1, 0, 0, 0, 0, 0\r\n\r\nOK\r\n"
    device.feed(b"AT+SBDI\r", NOW)
    assert device.finish(Outcome(18)) == b"\r\n+SBDI: 2, 1, 2, 0, 0, 0\r\n\r\nOK\r\n"
    said(device, "AT+SBDD0")
    device.feed(b"AT+SBDI\r", NOW)
    assert device.finish(Outcome(0)) == b"\r\n+SBDI: 0, 1, 0, 0, 0, 0\r\n\r\nOK\r\n"


def test_a_registration_sends_and_brings_no_message():
    device = loaded(b"hello")
    assert said(device, "AT+SBDREG?") == ["+SBDREG:0", "OK"]
    assert device.feed(b"AT+SBDREG\r", NOW).session == Session("+SBDREG", None, 0, takes_mail=False)
    assert device.finish(Outcome(0)) == b"\r\n+SBDREG:2,0\r\n\r\nOK\r\n"
    assert said(device, "AT+SBDREG?") == ["+SBDREG:2", "OK"]


def test_a_modem_that_detaches_is_not_rung_for():
    device = quiet_device()
    device.feed(b"AT+SBDIX\r", NOW)
    device.finish(Outcome(0))
    assert device.feed(b"AT+SBDDET\r", NOW).session == Session("+SBDDET", None, 1, takes_mail=False)
    assert device.finish(Outcome(0)) == b"\r\n+SBDDET:0,0\r\n\r\nOK\r\n"
    assert device.ring() == b""
    device.feed(b"AT+SBDDET\r", NOW)
    assert device.finish(Outcome(32)) == b"\r\n+SBDDET:1,32\r\n\r\nOK\r\n"


@pytest.mark.parametrize(("which", "left"), [("0", (b"", b"up")), ("1", (b"up", b"")), ("2", (b"", b""))])
def test_buffers_are_cleared_one_by_one_or_both(which, left):
    device = loaded(b"up")
    said(device, "AT+SBDTC")
    assert said(device, f"AT+SBDD{which}") == ["0", "OK"]
    assert (device.mo, device.mt) == left


def test_a_power_cut_empties_the_buffers_and_leaves_the_number():
    device = loaded(b"up", momsn=3)
    said(device, "AT+SBDTC")
    device.power_up()
    assert device.feed(b"AT\r", NOW).sent == b"AT\r\r\nOK\r\n"  # the echo is back
    said(device, "ATE0")
    assert said(device, "AT+SBDS") == ["+SBDS: 0, 3, 0, -1", "OK"]


def test_settings_that_were_stored_outlive_a_power_cut():
    device = quiet_device()
    assert said(device, "AT&W0") == ["OK"]
    device.power_up()
    assert device.feed(b"AT\r", NOW).sent == b"\r\nOK\r\n"
    assert device.feed(b"AT&F0\rAT\r", NOW).sent == b"\r\nOK\r\nAT\r\r\nOK\r\n"


def test_who_it_is_what_it_hears_and_what_time_it_is():
    device = quiet_device()
    assert said(device, "AT+CGSN") == said(device, "AT+GSN") == ["300234010753370", "OK"]
    assert said(device, "AT+CGMM") == ["IRIDIUM 9600 Family SBD Transceiver", "OK"]
    assert said(device, "AT+CSQ", Now(0, 3)) == ["+CSQ:3", "OK"]
    assert said(device, "AT+CSQF", Now(0, 0)) == ["+CSQF:0", "OK"]
    assert said(device, "AT+CSQ=?") == ["+CSQ:(0-5)", "OK"]
    assert said(device, "AT-MSSTM", Now(0, 5, 0xABC)) == ["-MSSTM: 00000abc", "OK"]
    assert said(device, "AT-MSSTM", Now(0, 0, 0xABC)) == ["-MSSTM: no network service", "OK"]
    assert said(device, "AT*R0") == ["OK"]
    assert said(device, "AT+CSQ") == ["+CSQ:0", "OK"]


def test_energy_is_counted_where_the_link_knows_it():
    assert said(quiet_device(), "AT+GEMON") == ["ERROR"]
    device = loaded(b"hello", microamp_hours=150)
    assert said(device, "AT+GEMON") == ["+GEMON:0", "OK"]
    device.feed(b"AT+SBDIX\r", NOW)
    device.finish(Outcome(18))
    assert said(device, "AT+GEMON") == ["+GEMON:150", "OK"]
    assert said(device, "AT+GEMON=7") == ["OK"]
    assert said(device, "AT+GEMON") == ["+GEMON:7", "OK"]
    assert said(device, "AT+GEMON=67108864") == ["ERROR"]


def test_several_commands_on_a_line_are_answered_by_one_ok_and_the_first_wrong_one_ends_it():
    device = Device()
    assert device.feed(b"ATE0&K0*R1+CSQ;+CGSN\r", NOW).sent.endswith(b"\r\n+CSQ:5\r\n\r\n300234010753370\r\n\r\nOK\r\n")
    assert said(device, "AT&K0+WHAT;+CGSN") == ["ERROR"]


WRONG = ("AT+NOTHING", "AT+SBDWB", "AT+SBDWB=ten", "AT+SBDWB=-1", "AT+SBDD3", "AT+SBDD", "ATE7", "AT+SBDMTA=2",
         "AT+SBDIX=here", "AT&X", "hello", "AT+CULK", "AT+SBDRB=1", "AT?")  # fmt: skip


@pytest.mark.parametrize("line", WRONG)
def test_what_is_no_command_gets_error_and_changes_nothing(line):
    device = loaded(b"kept")
    assert said(device, line) == ["ERROR"]
    assert device.mo == b"kept"
    assert said(device, "AT") == ["OK"]


def test_case_line_feeds_noise_before_and_backspaces_do_not_matter():
    device = quiet_device()
    assert said(device, "at+csq") == ["+CSQ:5", "OK"]
    assert device.feed(b"AT\r\n", NOW).sent == b"\r\nOK\r\n"
    assert device.feed(b"\0\xff AT+CSX\x08Q\r", NOW).sent == b"\r\n+CSQ:5\r\n\r\nOK\r\n"
    assert device.feed(b"\r\r\n", NOW).sent == b""


def test_without_end_a_line_takes_no_memory_and_is_an_error():
    device = quiet_device()
    for _ in range(100):
        assert device.feed(b"AT" * 5000, NOW).sent == b""
    assert len(device._line) < 300
    assert said(device, "") == ["ERROR"]


def test_a_9602s_own_answers_as_its_users_recorded_them():
    device = quiet_device()
    recorded = {
        "AT+CULK?": "+CULK:0", "AT+CRIS": "+CRIS:000,000", "AT+IPR?": "+IPR:006", "AT+SBDGW": "+SBDGW: EMSS",
        "AT+SBDAREG?": "+SBDAREG:0", "AT+SBDLOE": "+SBDLOE:0,0", "AT+SBDMTA=?": "+SBDMTA:(0-1)", "AT+CGMI": "Iridium",
        "ATI3": "TA16005", "AT+CRISX": "+CRISX:000,000,00000000", "AT+SBDSX": "+SBDSX: 0, 0, 0, -1, 0, 0",
    }  # fmt: skip
    for command, answer in recorded.items():
        assert said(device, command) == [answer, "OK"]
    assert said(device, "AT+CGMR")[0] == "Call Processor Version: TA16005"


def test_results_are_numbers_for_hosts_that_want_numbers():
    device = quiet_device()
    assert device.feed(b"ATV0\rAT\rAT+NO\rATV1\r", NOW).sent == b"0\r0\r4\r\r\nOK\r\n"


def test_quiet_says_what_is_asked_and_no_ok():
    device = quiet_device()
    assert device.feed(b"ATQ1\rAT\rAT+CSQ\r", NOW).sent == b"\r\n+CSQ:5\r\n"


def test_while_a_session_lasts_the_host_is_not_heard():
    device = loaded(b"hello")
    assert device.feed(b"AT+SBDIX\rAT+SBDD2\r", NOW).session is not None
    assert device.feed(b"AT+CSQ\r", NOW) == (b"", None)
    device.finish(Outcome(0))
    assert device.mo == b"hello"
    with pytest.raises(ValueError, match="no session is held"):
        device.finish(Outcome(0))


def test_the_bell_rings_for_hosts_that_want_it_once_the_modem_is_known_to_the_network():
    device = quiet_device()
    assert device.ring() == b""  # never registered
    device.feed(b"AT+SBDIX\r", NOW)
    device.finish(Outcome(0))
    assert device.ring() == b"\r\nSBDRING\r\n"
    assert said(device, "AT+CRISX") == ["+CRISX:000,001,00000000", "OK"]
    assert said(device, "AT+SBDSX") == ["+SBDSX: 0, 1, 0, -1, 1, 0", "OK"]
    device.feed(b"AT+SBDIX\r", NOW)
    assert device.ring() == b""  # not amid a session: after it
    assert device.finish(Outcome(0)).endswith(b"OK\r\n\r\nSBDRING\r\n")
    assert said(device, "AT+SBDMTA?") == ["+SBDMTA:1", "OK"]
    assert said(device, "AT+SBDMTA=0") == ["OK"]
    assert device.ring() == b""


def test_a_bell_amid_a_message_waits_until_that_is_written():
    device = loaded(b"hello")
    device.feed(b"AT+SBDIX\r", NOW)
    device.finish(Outcome(0))
    said(device, "AT+SBDWB=5")
    assert device.ring() == b""
    assert device.feed(b"hello\x02\x14", NOW).sent == b"\r\n0\r\n\r\nOK\r\n\r\nSBDRING\r\n"


def test_a_bent_wire_spoils_the_messages_it_is_told_to():
    device = quiet_device(bends={2: "checksum", 3: "timeout"})
    answers = []
    for _ in range(4):
        said(device, "AT+SBDWB=5")
        answers.append(device.feed(b"hello\x02\x14", NOW).sent)
        if not answers[-1]:
            answers[-1] = device.tick(Now(NOW.time_s + 60))
    assert answers == [b"\r\n%d\r\n\r\nOK\r\n" % code for code in (0, 2, 1, 0)]


def test_codes_to_4_are_success_and_each_is_told_in_words():
    assert [code for code in range(70) if succeeded(code)] == [0, 1, 2, 3, 4]
    assert mo_words(32) == "no network service"
    assert mo_words(7) == "failed with the reserved code 7"
    assert all(MO_STATUS.values())


PIECES = st.sampled_from([
    b"AT", b"at+", b"+SBDWB=", b"5", b"340", b"+SBDIX", b"+SBDWT", b"=", b"\r", b"\n", b"READY", b"+SBDRB\r", b"ATE1\r",
    b"AT+SBDTC\r", b"AT*R0\r", b"AT+SBDMTA=", b"?", b";", b"&F0", b"&W0", b"Q1", b"hello\x02\x14", b"\x08",
])  # fmt: skip
BYTES = st.lists(st.one_of(PIECES, st.binary(max_size=40)), max_size=12).map(b"".join)


@given(
    st.lists(st.tuples(BYTES, st.floats(0, 90), st.integers(0, 70), st.binary(min_size=1, max_size=270)), max_size=12)
)
def test_any_bytes_at_any_time_leave_a_modem_that_still_obeys(turns):
    device, now_s = Device(bends={1: "checksum", 2: "timeout"}), 0.0
    for content, wait_s, status, waiting in turns:
        now_s += wait_s
        now = Now(now_s, status % 6)
        before = device.momsn
        reply = device.feed(content, now)
        assert device.tick(now) in (b"", b"\r\n1\r\n\r\nOK\r\n", b"\r\n1\r\n")
        device.ring()
        if reply.session is not None:
            assert reply.session.message is None or 1 <= len(reply.session.message) <= 340
            device.finish(Outcome(status, waiting, 3, 1))
            assert device.momsn in ((before + 1) % 65_536, 1) if succeeded(status) else device.momsn in (before, 0)
        assert len(device.mo) <= 340
        assert len(device.mt) <= 340
        assert len(device._line) <= 300
        assert len(device._came) <= 342
    device.tick(Now(now_s + 60))
    device.feed(b"\r", Now(now_s + 60))
    if device._asked is not None:
        device.tick(Now(now_s + 120))
    device.power_up()
    device.feed(b"AT&F0\r", Now(now_s + 120))
    assert device.feed(b"AT\r", Now(now_s + 120)).sent == b"AT\r\r\nOK\r\n"


@given(st.binary(min_size=1, max_size=340))
def test_any_message_goes_through_the_wire_as_it_is(message):
    device = loaded(message)
    assert device.mo == message
    if len(message) <= 270:
        said(device, "AT+SBDTC")
        answer = device.feed(b"AT+SBDRB\r", NOW).sent
        assert answer == len(message).to_bytes(2, "big") + message + checksum(message) + b"\r\nOK\r\n"
