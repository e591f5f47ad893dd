"""Bits into packets, of which each tells where the first of its groups begins."""

from __future__ import annotations

NO_GROUP = 0xFFFF


class Packer:
    """Packets of `size` bytes (None: one of any size) out of bits; a group is told if it begins before byte `most`.

    As the reference encoder has it: a packet leaves once it is full, but never between the last symbol of a group and
    the mark of the next one; that one may lie in the packet after.
    """

    def __init__(self, size: int | None, most: int) -> None:
        self.size, self.most = size, most
        self.marked: int | None = None
        self.place = 0
        self.value, self.bits, self.done = 0, 0, bytearray()
        self.packets: list[tuple[int | None, int, bytes]] = []

    def begin(self, group: int) -> None:
        """A group begins: at a whole byte and marked, if it is the first of its packet."""
        place = len(self.done) + (self.bits > 0)
        if self.marked is None and (place < self.most or (self.size is not None and place >= self.size)):
            self.align()
            self.marked, self.place = group, place
        self.emit()

    def put(self, word: int, length: int, ends: bool = False) -> None:
        """Take the bits of a symbol; `ends` says that it is the last one of its group."""
        self.value, self.bits = self.value << length | word, self.bits + length
        while self.bits >= 8:
            self.bits -= 8
            self.done.append(self.value >> self.bits)
            self.value &= (1 << self.bits) - 1
        if not ends:
            self.emit()

    def align(self) -> None:
        """Ones up to a whole byte."""
        spare = -self.bits % 8
        self.put((1 << spare) - 1, spare, ends=True)

    def emit(self) -> None:
        """Let a full packet leave."""
        if self.size is not None and len(self.done) >= self.size:
            self.leave(self.size)

    def leave(self, size: int) -> None:
        """So many bytes are a packet."""
        if self.marked is not None and self.place < size:
            self.packets.append((self.place, self.marked, bytes(self.done[:size])))
            self.marked = None
        else:
            self.packets.append((None, NO_GROUP, bytes(self.done[:size])))
            self.place -= size
        del self.done[:size]

    def finish(self) -> list[tuple[int | None, int, bytes]]:
        """Of each packet: the byte at which the first of its groups begins, that group, and its bytes."""
        self.align()
        while self.done:
            self.leave(min(len(self.done), self.size or len(self.done)))
        return self.packets
