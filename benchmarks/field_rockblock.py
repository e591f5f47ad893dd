"""A team whose sender is not ours: packet files through a modem, by the library adafruit-circuitpython-rockblock.

    satsim encode photo.jpg --packet-bytes 340 -o packets/
    python benchmarks/field_rockblock.py /dev/ttyUSB0 packets/ --listen 60

The library is used as it is published. It sends each packet again until a session succeeds; afterwards mailbox checks
ask for resend requests, and what they name is sent once more, until none came for so many seconds. A request itself is
fetched by satsim's driver, for the library cuts a message at a line break. Prints a line of JSON for each thing done.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import serial
from adafruit_rockblock import RockBlock

from satsim.air.inbox import unpack
from satsim.air.request import is_request, read_request
from satsim.errors import PacketError
from satsim.sbd.host import Fetched, Host

LAST_SUCCESS = 4
PAUSE_S = 0.2
"""After a session that failed, and between mailbox checks; a real modem wants 5 s at least."""
BYTE_SUM = 0xFFFF
"""The library cannot send a packet whose bytes sum to more: its checksum lacks the cut to 16 bits."""


def tell(event: str, **facts: object) -> None:
    """A line."""
    print(json.dumps({"event": event, **facts}), flush=True)


def send(modem: RockBlock, name: str, message: bytes) -> bool:
    """Send until a session succeeds; whether a message waits in the modem then."""
    modem.data_out = message
    while True:
        status = modem.satellite_transfer()
        tell("session", packet=name, mo_status=status[0], momsn=status[1])
        if status[0] is not None and status[0] <= LAST_SUCCESS:
            return bool(status[2] == 1)
        time.sleep(PAUSE_S)


def fetch(port: serial.Serial) -> bytes | None:
    """The message that the modem has received; None where the wire damaged it."""
    host = Host()
    port.write(host.fetch())
    while True:
        for event in host.receive(port.read(max(1, port.in_waiting))):
            if isinstance(event, Fetched):
                return event.message


def asked_for(message: bytes, packets: dict[str, bytes]) -> list[str]:
    """Names of the packets that a request wants again. Raises PacketError where it is none."""
    request = read_request(message)
    wanted = []
    for name, content in packets.items():
        packet = unpack(content)
        for image in request.images:
            is_it = (packet.sender, packet.image_id, packet.mark) == (request.sender, image.image_id, image.mark)
            if is_it and packet.payload_index in image.payloads:
                wanted.append(name)
    return wanted


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Send packet files through a modem by adafruit_rockblock.")
    parser.add_argument("port", help="the modem's, such as /dev/ttyUSB0")
    parser.add_argument("packets", type=Path, help="folder that `satsim encode` wrote")
    parser.add_argument("--listen", type=float, default=60.0, metavar="S", help="stop after so long without a request")
    given = parser.parse_args()
    packets = {path.name: path.read_bytes() for path in sorted(given.packets.glob("*.bin"))}
    if not packets:
        sys.exit(f"error: {given.packets}: holds no .bin; expected what satsim encode wrote")
    for name, message in packets.items():
        if sum(message) > BYTE_SUM:
            sys.exit(f"error: {name}: its bytes sum to more than {BYTE_SUM}, which this library cannot send")
    port = serial.Serial(given.port, 19200, timeout=1.0)
    modem = RockBlock(port)
    modem.ring_alert = False  # the library takes an SBDRING amid an answer for the answer, and ends; mail is looked for
    tell("modem", imei=modem.serial_number, signal=modem.signal_quality)
    waiting, quiet_since = list(packets), time.monotonic()
    while waiting or time.monotonic() - quiet_since < given.listen:
        if waiting:
            name = waiting.pop(0)
            mail = send(modem, name, packets[name])
        else:
            time.sleep(PAUSE_S)
            mail = modem.satellite_transfer()[2] == 1
        message = fetch(port) if mail else None
        if message is not None and is_request(message):
            try:
                again = asked_for(message, packets)
            except PacketError as error:
                tell("refused", reason=str(error))
                continue
            tell("asked", packets=again)
            waiting += [each for each in again if each not in waiting]
            quiet_since = time.monotonic()
    tell("done")


if __name__ == "__main__":
    main()
