"""A stand-in for a modem on a pty, for the tests of the sender: what it answers, and what a gateway got of it.

It is written against the makers' command references and shares nothing with the driver that it tries.
"""

import os
import re
import select
import threading
import time
import tty


class Standin(threading.Thread):
    """Holds sessions one after the other until `close`; `delivered` is what the gateway has, in order."""

    def __init__(self, session_s=0.0, statuses=(), mt=(), imei="300234010753370", momsn=0, bars=5):
        super().__init__(daemon=True)
        self.session_s, self.statuses, self.mt = session_s, list(statuses), list(mt)
        """How long sessions take; how the next ones end, then all with 0; messages that wait at the gateway."""
        self.imei, self.momsn, self.bars = imei, momsn, bars
        self.free = threading.Event()
        """Until it is set no session ends."""
        self.free.set()
        self.forgets, self.spoils = 0, 0
        """How many of the next messages to send it forgets at once, and of those that are fetched arrive damaged."""
        self.hides = 0
        """How many of the next sessions it calls a success whatever they were, as noise may."""
        self.delivered, self.commands = [], []
        self.mtmsn = self.queued = 0
        """Of the last message that came; how many wait besides `mt`, which never come."""
        self._mo, self._mt = b"", b""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._came = b""
        self._going = True
        self.start()

    def close(self):
        self._going = False
        self.join()
        os.close(self._master)
        os.close(self._slave)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def run(self):
        while self._going:
            self._read()
            while b"\r" in self._came:
                line, self._came = self._came.split(b"\r", 1)
                self._obey(line.strip().decode("latin-1"))

    def hold(self, message, mtmsn):
        """As after a session that brought this."""
        self._mt, self.mtmsn = message, mtmsn

    def say(self, content):
        os.write(self._master, content)

    def _read(self):
        if select.select([self._master], [], [], 0.05)[0]:
            self._came += os.read(self._master, 4096)

    def _line(self, text):
        self.say(f"\r\n{text}\r\n\r\nOK\r\n".encode())

    def _obey(self, command):
        self.commands.append(command)
        if command.startswith("AT+SBDWB="):
            self._take(int(command[9:]))
        elif command in ("AT+SBDIX", "AT+SBDIXA"):
            self._session()
        elif command == "AT+SBDRB":
            sums = (sum(self._mt) + (self.spoils > 0) & 0xFFFF).to_bytes(2, "big")
            self.spoils = max(0, self.spoils - 1)
            self.say(len(self._mt).to_bytes(2, "big") + self._mt + sums + b"\r\nOK\r\n")
        elif re.fullmatch("AT&K0|ATE0|AT", command):
            self.say(b"\r\nOK\r\n")
        elif command in ("AT+SBDD0", "AT+SBDD1"):
            self._mo, self._mt = (b"", self._mt) if command[-1] == "0" else (self._mo, b"")
            self._line("0")
        elif command == "AT+CGSN":
            self._line(self.imei)
        elif command == "AT+CSQ":
            self._line(f"+CSQ:{self.bars}")
        elif command == "AT+SBDS":
            self._line(f"+SBDS: {bool(self._mo):d}, {self.momsn}, {bool(self._mt):d}, {self.mtmsn}")
        elif command:
            self.say(b"\r\nERROR\r\n")

    def _take(self, length):
        if not 1 <= length <= 340:
            self._line("3")
            return
        self.say(b"\r\nREADY\r\n")
        end = time.monotonic() + 1
        while len(self._came) < length + 2 and time.monotonic() < end:
            self._read()
        if len(self._came) < length + 2:
            self._came = b""
            self._line("1")
            return
        message, sums = self._came[:length], self._came[length : length + 2]
        self._came = self._came[length + 2 :]
        if int.from_bytes(sums, "big") == sum(message) & 0xFFFF:
            self.forgets, self._mo = (self.forgets - 1, b"") if self.forgets else (0, message)
            self._line("0")
        else:
            self._line("2")

    def _session(self):
        time.sleep(self.session_s)
        assert self.free.wait(60)
        self._read()
        self._came = b""  # nothing is heard meanwhile
        status = self.statuses.pop(0) if self.statuses else 0
        momsn = self.momsn
        self._mt = b""
        if status <= 4:
            self.momsn = (self.momsn + 1) % 65536
            if self._mo:
                self.delivered.append(self._mo)
            if self.mt:
                self._mt = self.mt.pop(0)
                self.mtmsn += 1
        came = (1, self.mtmsn, len(self._mt)) if self._mt else (0, 0, 0)
        said, self.hides = (0, self.hides - 1) if self.hides else (status, 0)
        self._line("+SBDIX: " + ", ".join(map(str, (said, momsn, *came, len(self.mt) + self.queued))))
