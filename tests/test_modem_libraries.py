"""Modem libraries that we did not write, as they are on PyPI, send through the emulated modem."""

import subprocess
import sys

import pytest
from conftest import photo_like
from modems import Listener, running, wait_for
from PIL import Image

from satsim.sbd.directip import MtMessage

IMEI = "300234010753370"


@pytest.fixture
def listener():
    """A DirectIP server that says nothing."""
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def rockblock():
    """The library `adafruit_rockblock`, and what opens a port for it."""
    adafruit = pytest.importorskip("adafruit_rockblock")
    serial = pytest.importorskip("serial")
    opened = []

    def connect(port):
        opened.append(serial.serial_for_url(port, 19200, timeout=20))
        return adafruit.RockBlock(opened[-1])

    yield connect
    for each in opened:
        each.close()


def test_adafruits_library_sends_a_photo_through_losses(rockblock, listener, tmp_path, in_process):
    """Its checksum fails where the bytes of a message add up to more than 65,535, a mean of 193 in one of 340 bytes;
    coded photos stay below, and these messages are as the encoder makes them."""
    photo, folder = tmp_path / "photo.png", tmp_path / "packets"
    Image.fromarray(photo_like(192, 256)).save(photo)
    done = in_process("encode", str(photo), "-o", str(folder), "--codec", "jpeg", "--packet-bytes", "340",
                      "--fit", "keep", "--option", "budget_bytes=4000")  # fmt: skip
    assert done.returncode == 0
    packets = [path.read_bytes() for path in sorted(folder.glob("*.bin"))]
    assert len(packets) >= 8
    assert max(map(sum, packets)) <= 65_535
    with running("--speed", 2000, "--set", "loss_ratio=0.3", "--set", "ack.false_negative_ratio=0", "--seed", 2,
                 "--to", listener.address) as modem:  # fmt: skip
        modem_of_the_library = rockblock(modem.port)
        assert modem_of_the_library.serial_number == IMEI
        assert modem_of_the_library.signal_quality == 5
        for packet in packets:
            modem_of_the_library.data_out = packet
            while modem_of_the_library.satellite_transfer()[0] > 4:
                pass
            assert modem_of_the_library.data_out is None
        wait_for(lambda: len(listener.messages) >= len(packets))
        lost = [line for line in modem.sessions() if line["mo_status"] == 18]
    assert listener.payloads() == packets
    assert [message.momsn for message in listener.messages] == list(range(len(packets)))
    assert lost


def test_adafruits_library_receives_what_waits_for_it_and_reads_what_the_modem_is(rockblock):
    with running("--speed", 2000, "--set", "loss_ratio=0", "--mt", "0") as modem:
        library = rockblock(modem.port)
        assert modem.offer(MtMessage(IMEI, b"\x01\x00\xffagain, please")).status == 1
        assert library.satellite_transfer()[2:5] == (1, 0, 16)
        assert library.data_in == b"\x01\x00\xffagain, please"
        library.data_in = None
        assert library.status == (0, 1, 0, -1, 0, 0)
        library.text_out = "a text"
        library._transfer_buffer()
        assert library.text_in == "a text"
        assert library.model == "IRIDIUM 9600 Family SBD Transceiver"
        assert library.revision == ("Call Processor Version: TA16005", "Emulated by satsim")
        assert library.ring_alert is True
        library.ring_alert = False
        assert library.ring_alert is False
        assert library.ring_indication == ("000", "000", "00000000")
        assert library.system_time is not None


def test_a_host_that_cannot_have_a_pty_reaches_the_modem_over_tcp(rockblock, listener):
    with running("--speed", 2000, "--set", "loss_ratio=0", "--set", "ack.false_negative_ratio=0", "--tcp", "0",
                 "--to", listener.address) as modem:  # fmt: skip
        library = rockblock(f"socket://{modem.port}")
        library.data_out = b"\0over\r\n\xfftcp"
        assert library.satellite_transfer()[0] == 0
        wait_for(lambda: listener.payloads() == [b"\0over\r\n\xfftcp"])


ROCKBLOCK = """
import sys
from pyRockBlock import RockBlock
modem = RockBlock(sys.argv[1])
assert modem.connect()
answer = modem.send_text("all well at 46.55, 8.61")
print(modem.imei, modem.modem, answer.mo_success, answer.momsn, answer.mo_status, sep="|")
print(modem.get_status().buffer_mo)
modem.clear_buffer(RockBlock.BufferClear.MO_MT)
print(modem.get_status().buffer_mo)
print(modem.signal_quality)
modem.disconnect()
"""


def test_py_rock_block_connects_reads_and_sends_a_text(listener):
    """In a process of its own, with a limit, as it reads without one: it passes its timeout as the number of data bits.
    The signal comes last, as it leaves the OK after that unread."""
    pytest.importorskip("pyRockBlock")
    with running("--speed", 2000, "--set", "loss_ratio=0", "--set", "ack.false_negative_ratio=0",
                 "--to", listener.address) as modem:  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", ROCKBLOCK, modem.port], capture_output=True, text=True, timeout=30, check=True
        )
        wait_for(lambda: listener.messages)
    assert done.stdout.splitlines() == [
        f"{IMEI}|IRIDIUM 9600 Family SBD Transceiver|True|0|MO Success", "True", "False", "5",
    ]  # fmt: skip
    assert listener.payloads() == [b"all well at 46.55, 8.61"]
