"""The wire between host and modem: a pty, or a TCP port that one host at a time may have."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from satsim.errors import ScenarioError
from satsim.modem.outcomes import words_of
from satsim.modem.settings import Address

Hear = Callable[[bytes], None]
"""What takes the bytes of the host."""
UNREAD_BYTES = 65_536
"""What a host leaves unread beyond this is dropped, as on a wire without flow control."""


class Wire(Protocol):
    """One end of it."""

    address: str

    def write(self, content: bytes) -> None:
        """Towards the host."""

    def close(self) -> None:
        """And leave nothing behind."""


class Pty:
    """A terminal of this machine. It stays open while hosts come and go, as a serial port does."""

    def __init__(self, hear: Hear, link: Path | None) -> None:
        """`link` is made to name the pty; one that is there already is replaced only if it is a link.

        Raises ScenarioError for a path that cannot be one, or where there are no ptys.
        """
        try:
            import tty

            self._ours, self._theirs = os.openpty()
        except (ImportError, AttributeError):
            raise ScenarioError("this system has no ptys; name a port by --tcp 127.0.0.1:0") from None
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self._link = link
        self._unsent = bytearray()
        self._hear = hear
        self._loop = asyncio.get_running_loop()
        name = os.ttyname(self._theirs)
        if link is not None:
            try:
                _point(link, name)
            except (OSError, ScenarioError) as error:
                os.close(self._ours)
                os.close(self._theirs)
                if isinstance(error, OSError):
                    said = f"--pty {link}: {error.strerror}; name a path in a folder that you may write to"
                    raise ScenarioError(said) from None
                raise
        self.address = str(link or name)
        self._name = name
        self._loop.add_reader(self._ours, self._read)

    def write(self, content: bytes) -> None:
        """Towards the host, as fast as it reads."""
        if len(self._unsent) + len(content) <= UNREAD_BYTES:
            self._unsent += content
        self._flush()

    def close(self) -> None:
        """The terminal goes, and its link."""
        self._loop.remove_reader(self._ours)
        self._loop.remove_writer(self._ours)
        os.close(self._ours)
        os.close(self._theirs)
        if self._link is not None and self._link.is_symlink() and os.readlink(self._link) == self._name:
            self._link.unlink(missing_ok=True)

    def _read(self) -> None:
        try:
            content = os.read(self._ours, 4096)
        except BlockingIOError:
            return
        self._hear(content)

    def _flush(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: os.write(self._ours, self._unsent)]
        except BlockingIOError:
            self._loop.add_writer(self._ours, self._flush)
            return
        self._loop.remove_writer(self._ours)


def _point(link: Path, name: str) -> None:
    """Make `link` name the pty, at once: no moment without it where there was one."""
    if link.is_symlink() or not link.exists():
        new = link.with_name(f".{link.name}.{os.getpid()}")
        new.unlink(missing_ok=True)
        os.symlink(name, new)
        os.replace(new, link)
    else:
        raise ScenarioError(f"--pty {link}: something else is there already; name a path that is free")


class Port(asyncio.Protocol):
    """A TCP port; while one host has it, others are turned away."""

    def __init__(self, hear: Hear) -> None:
        self.address = ""
        self._hear = hear
        self._host: asyncio.Transport | None = None
        self._server: asyncio.Server | None = None

    async def listen(self, at: Address) -> Port:
        """Begin. Raises ScenarioError for an address that cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Host(self), at.host, at.port)
        except OSError as error:
            raise not_free("--tcp", at, error) from None
        self.address = str(Address(*self._server.sockets[0].getsockname()[:2]))
        return self

    def write(self, content: bytes) -> None:
        """Towards the host that is there."""
        if self._host is not None and self._host.get_write_buffer_size() <= UNREAD_BYTES:
            self._host.write(content)

    def close(self) -> None:
        """Nobody is let in any more."""
        if self._server is not None:
            self._server.close()
        if self._host is not None:
            self._host.close()


def not_free(option: str, at: Address, error: OSError) -> ScenarioError:
    """The mistake in a line."""
    return ScenarioError(f"{option} {at}: {words_of(error)}; name another address (port 0: any that is free)")


class _Host(asyncio.Protocol):
    """A connection."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self._port._host is not None:
            transport.close()
            return
        self._transport = self._port._host = transport

    def data_received(self, data: bytes) -> None:
        if self._transport is not None:
            self._port._hear(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._port._host = None
