"""`satsim send` through `satsim modem`, two processes and a wire between: what goes wrong on it costs no message."""

from collections import Counter

import pytest
from conftest import photo_like
from modems import Listener, running, wait_for
from PIL import Image

from satsim.air.inbox import unpack
from satsim.sbd.directip import MtMessage

CODED = ("--codec", "codec.fake:FakeCodec", "--allow-code", "--width", "64", "--height", "48", "--fit", "keep")
SPEED = ("--speed", "600")
SURE = ("--set", "loss_ratio=0", "--set", "ack.false_negative_ratio=0")
IMEI = "300234010753370"


@pytest.fixture
def listener():
    """A DirectIP server that says nothing."""
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def send(in_process, tmp_path):
    """`satsim send` of a photo of ten packets by a modem at this port."""
    photo = tmp_path / "photo.png"
    Image.fromarray(photo_like(48, 64)).save(photo)

    def sent(port):
        return in_process("send", str(photo), *CODED, "--queue", str(tmp_path / "queue"), "--modem", port, *SPEED)

    return sent


def arrivals(listener):
    """How often each packet came."""
    return Counter(unpack(payload).payload_index for payload in listener.payloads())


@pytest.mark.parametrize(
    ("faults", "twice"),
    [
        (("checksum:1,5", "timeout:3"), 0),  # written again, and sent once
        # A sender waits 20 s of the wall for the end of a session, however fast the modem's clock runs.
        pytest.param(("power:4:before",), 0, marks=pytest.mark.slow),
        pytest.param(("power:4",), 1, marks=pytest.mark.slow),  # only the gateway knows that it has it
        pytest.param(("silence:4",), 0, marks=pytest.mark.slow),  # the modem's count tells that it completed
    ],
)
def test_every_packet_arrives_whatever_the_wire_does(faults, twice, send, listener):
    options = [part for fault in faults for part in ("--fault", fault)]
    with running(*SPEED, *SURE, *options, "--to", listener.address) as modem:
        done = send(modem.port)
        assert done.returncode == 0, done.stderr
        wait_for(lambda: len(listener.messages) >= 10 + twice)
    counts = arrivals(listener)
    assert set(counts) == set(range(10))
    assert sum(counts.values()) == 10 + twice


def test_losses_are_sent_again_and_what_the_modem_misheard_comes_twice_under_one_number(send, listener):
    with running(*SPEED, "--set", "loss_ratio=0.3", "--set", "ack.false_negative_ratio=0.3", "--seed", 4,
                 "--to", listener.address) as modem:  # fmt: skip
        done = send(modem.port)
        assert done.returncode == 0, done.stderr
        sessions = [line for line in modem.sessions() if line["bytes"] is not None]
        taken = sum(line["fate"] == "arrives" for line in sessions)
        wait_for(lambda: len(listener.messages) == taken)
    codes = Counter(line["mo_status"] for line in sessions)
    assert codes[0] == 10
    assert codes[18] > 0
    assert codes[17] == taken - 10 > 0
    assert set(arrivals(listener)) == set(range(10))
    assert sorted({message.momsn for message in listener.messages}) == list(range(10))


def test_what_is_lost_behind_the_gateway_the_sender_takes_for_delivered(send, listener):
    with running(*SPEED, *SURE, "--set", "ground_loss_ratio=0.5", "--seed", 1, "--to", listener.address,
                 "--mt", "0") as modem:  # fmt: skip
        assert modem.offer(MtMessage(IMEI, b"no request")).status == 1
        done = send(modem.port)
        assert done.returncode == 0, done.stderr
        sessions = modem.sessions()
        lost = sum(line["fate"] == "lost behind the gateway" for line in sessions)
        wait_for(lambda: len(listener.messages) == 10 - lost)
    assert [line["mo_status"] for line in sessions if line["bytes"] is not None] == [0] * 10
    assert 0 < lost < 10
