"""A receiver under fire: what it takes that it should not, and what it loses that it should not.

python benchmarks/packet_drill.py [--messages N] [--seed S]

First, sets of packets under 400 bytes whose headers are sound and claim the largest pictures that cost the most to
decode, of each codec: none may take over 2 s of processor time or 300 MB in all. Then one forged packet of a valid
checksum among those of a whole photo, in any order: the picture must be the true one, and the forgery be noticed. Then
complementary packets of two photos that were given one number, in any order: the picture must be of one of them alone,
and the other be noticed; marks that are alike by chance, once in 255, are noticed only where the mixture is whole.

Half of the messages go to a receiver without keys, half to one with them, photo by photo: eight payloads and four
repair packets each, of which two are lost, and about as many messages that are wrong. Each photo has one form of header
or the other by chance, and one kind of damage turns the version of the one into that of the other. A receiver forgets a
photo once the fourth after it has come; by then it must hold every payload as it was sent. Exit code 1 for a single
mistake.

Damage passes a checksum that may bear any mark with a chance of about 2^-24, one in 16 million, which a run of a
million will hardly meet; it then counts as of another photo. A tag of 8 bytes misses a forgery with a chance of 2^-64.
Without keys nothing stops a forger, or a replay of a photo that was forgotten, so these are not tried there.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections import Counter, deque
from itertools import product
from typing import NamedTuple

import numpy as np

from codec.progic.receiver import ProgicReceiver
from satsim.air.content import content_of, mark_of, number_of
from satsim.air.inbox import ImageKey, Inbox
from satsim.air.packets import HEADER_BYTES, Packet, pack, packetize
from satsim.air.position import Position
from satsim.air.repair import repair_packets
from satsim.air.seal import Sealer, SenderKey, header_of
from satsim.errors import PacketError
from satsim.receiving import PIXELS_PER_BYTE, Wanted, decode_messages

KINDS = (
    "good",
    "reordered",
    "duplicated",
    "truncated",
    "extended",
    "bit-flipped",
    "other version",
    "random bytes",
    "forged",
    "replayed",
)
COMPACT_SENDERS = 1024
"""Those that a compact header can name; a photo is one of 256 of its sender."""
GENUINE = ("good", "reordered")
HELD_PHOTOS = 4
REMEMBERED_PHOTOS = 600
"""By the forger, of those that the receiver forgot: some within its window of counters, some below."""


class Shot(NamedTuple):
    """One message as it reaches the receiver, and what must become of it."""

    kind: str
    message: bytes
    expected: str
    """new, again, or refused."""


class Photo(NamedTuple):
    """What was sent of one photo."""

    key: ImageKey
    payloads: dict[int, bytes]
    messages: list[bytes]


class Sender:
    """Makes photos, and the messages of a forger who heard them."""

    def __init__(self, chance: random.Random, with_keys: bool) -> None:
        self.chance = chance
        self.keys: dict[int, SenderKey] | None = {} if with_keys else None
        self.sealer: Sealer | None = None

    def photo(self, number: int) -> Photo:
        """A photo of random payloads, of one length or of several, with or without a position, in either form."""
        sender, image_id = divmod(number, 1 << 8)
        compact = sender < COMPACT_SENDERS and self.chance.random() < 0.5
        if self.keys is not None and sender not in self.keys:
            self.keys[sender] = SenderKey(sender, self.chance.randbytes(16))
            self.sealer = Sealer(self.keys[sender], 0)
        length = self.chance.randint(1, 300)
        mixed = self.chance.random() < 0.5
        payloads = [self.chance.randbytes(self.chance.randint(1, length) if mixed else length) for _ in range(8)]
        position = Position(number, 46.55, 8.61) if self.chance.random() < 0.5 else None
        packets = packetize(
            payloads,
            codec="progic",
            model_id=1,
            height=256,
            width=256,
            sender=sender,
            image_id=image_id,
            position=position,
        )
        packets = [packet._replace(compact=compact) for packet in packets]
        mark = 0 if self.sealer else mark_of(content_of(packets))
        packets = [packet._replace(mark=mark) for packet in packets]
        packets += repair_packets(packets, [(4, 2), (8, 2)])
        messages = [(self.sealer.seal if self.sealer else pack)(packet) for packet in packets]
        for _ in range(2):
            messages.pop(self.chance.randrange(len(messages)))
        key = ImageKey(sender, image_id, "progic", 1, 256, 256, 8, compact, packets[0].position, mark)
        return Photo(key, dict(enumerate(payloads)), messages)

    def wrong(self, kind: str, message: bytes) -> bytes:
        """`message` after a mishap, or what a forger makes of it."""
        chance = self.chance
        match kind:
            case "truncated":
                return message[: chance.randrange(len(message))]
            case "extended":
                return message + chance.randbytes(chance.randint(1, 20))
            case "bit-flipped":
                bits = 8 * len(message)
                flips = chance.sample(range(bits), min(bits, chance.choice((1, 1, 2, 3, 4, 8, 64, 500))))
                return (int.from_bytes(message, "big") ^ sum(1 << bit for bit in flips)).to_bytes(len(message), "big")
            case "other version":
                return bytes([message[0] ^ 0x30]) + message[1:]
            case "random bytes":
                header = len(header_of(message))
                start = message[: chance.choice((0, 0, 1, header - 4, header))]
                return start + chance.randbytes(chance.randint(1, 360))
        return self.forged(message)

    def forged(self, message: bytes) -> bytes:
        """A message that no key of this sender made, by one of five ways."""
        chance = self.chance
        assert self.sealer is not None
        key = self.sealer.key
        packet = Packet("progic", 1, key.sender, chance.randrange(1 << 8), 0, 8, 256, 256, chance.randbytes(20))
        packet = packet._replace(compact=key.sender + 999 < COMPACT_SENDERS and chance.random() < 0.5)
        counter = chance.randrange(1 << 32)
        match chance.randrange(5):
            case 0:
                return pack(packet)
            case 1:
                return Sealer(SenderKey(key.sender, chance.randbytes(16)), counter).seal(packet)
            case 2:
                stranger = SenderKey(key.sender + 999, chance.randbytes(16))
                return Sealer(stranger, counter).seal(packet._replace(sender=stranger.sender))
            case 3:
                end = len(header_of(message))
                other = int.from_bytes(message[end - 4 : end], "big") ^ (counter or 1)
                return message[: end - 4] + other.to_bytes(4, "big") + message[end:]
        tag = int.from_bytes(message[-8:], "big") ^ chance.randint(1, 2**64 - 1)
        return message[:-8] + tag.to_bytes(8, "big")


def attack(sender: Sender, held: list[Photo], forgotten: list[Photo]) -> list[Shot]:
    """What reaches the receiver from one photo to the next: the last of `held` is new."""
    chance = sender.chance
    messages = list(held[-1].messages)
    kind = chance.choice(GENUINE)
    if kind == "reordered":
        chance.shuffle(messages)
    shots = [(float(k), Shot(kind, message, "new")) for k, message in enumerate(messages)]
    wrong = KINDS[2:] if sender.keys is not None else [kind for kind in KINDS[2:] if kind != "forged"]
    for _ in range(len(messages)):
        kind = chance.choice(wrong)
        place = chance.randrange(len(messages))
        if kind == "duplicated":
            shots.append((place + chance.uniform(0.1, 10), Shot(kind, messages[place], "again")))
        elif kind == "replayed":
            if forgotten and sender.keys is not None and chance.random() < 0.7:
                shot = Shot(kind, chance.choice(chance.choice(forgotten).messages), "refused")
            elif len(held) > 1:
                shot = Shot(kind, chance.choice(chance.choice(held[:-1]).messages), "again")
            else:
                continue
            shots.append((chance.uniform(0, 10), shot))
        else:
            shots.append((chance.uniform(0, 10), Shot(kind, sender.wrong(kind, messages[place]), "refused")))
    return [shot for _, shot in sorted(shots, key=lambda pair: pair[0])]


def fate(inbox: Inbox, message: bytes) -> str:
    """What the receiver made of a message: new, again, or refused."""
    try:
        return "new" if inbox.accept(message).is_new else "again"
    except PacketError:
        return "refused"


def drill(count: int, sender: Sender) -> tuple[Counter[tuple[str, str, str]], int, int, float]:
    """How many messages were of (kind, expected, fate); photos; those not whole; processor seconds in the receiver."""
    counts: Counter[tuple[str, str, str]] = Counter()
    inbox = Inbox(sender.keys)
    held: list[Photo] = []
    forgotten: deque[Photo] = deque(maxlen=REMEMBERED_PHOTOS)
    photos = torn = 0
    seconds = 0.0
    while counts.total() < count:
        held.append(sender.photo(photos))
        photos += 1
        shots = attack(sender, held, list(forgotten))
        began = time.process_time()
        fates = [fate(inbox, shot.message) for shot in shots]
        seconds += time.process_time() - began
        counts.update((shot.kind, shot.expected, found) for shot, found in zip(shots, fates, strict=True))
        if len(held) > HELD_PHOTOS:
            oldest = held.pop(0)
            torn += inbox.payloads(oldest.key) != oldest.payloads
            del inbox.held[oldest.key]
            forgotten.append(oldest)
        torn += len(inbox.held) != len(held)
    return counts, photos, torn, seconds


def claims(codec: str, model_id: int, images: int, side: int) -> list[tuple[str, bytes]]:
    """Messages of under 400 bytes in all, of so many images of about this side."""
    opening = {"jpeg": b"\1\0\x28\0", "progic": b""}.get(codec, b"\1\0\0\0")
    length = 399 // images - HEADER_BYTES
    packets = [
        Packet(codec, model_id, 7, k, 0, 1, side, side - k, opening.ljust(length, b"\0")[:length])
        for k in range(images)
    ]
    return [(f"claim {k}", pack(packet)) for k, packet in enumerate(packets)]


def processor_s() -> float:
    """Of this process and of those that it called."""
    called = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + called.ru_utime + called.ru_stime


def cost_drill() -> int:
    """Print what hostile sets of packets cost at most, by codec; how many cost too much."""
    mistakes = 0
    print(f"{'claims of':14}{'sets':>10}{'shown':>10}{'most s':>10}{'most MB':>10}")
    for codec in ("progic", "jpeg", "webp", "avif", "heic", "jpegxl", "jpeg2000"):
        models = [ProgicReceiver().model_id] if codec == "progic" else [1, 2] if codec == "jpeg2000" else [1]
        seconds, shown = [], 0
        for model_id, images in product(models, (1, 3, 8, 15)):
            fair = int((PIXELS_PER_BYTE * 399 / images) ** 0.5)
            for side in (fair, 4096):
                messages = claims(codec, model_id, images, side)
                assert sum(len(message) for _, message in messages) < 400
                began = processor_s()
                shown += len(decode_messages(messages).shown)
                seconds.append(processor_s() - began)
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  {codec:12}{len(seconds):>10}{shown:>10}{max(seconds):>10.2f}{megabytes:>10.0f}")
        mistakes += sum(each > 2 for each in seconds) + (megabytes > 300)
    return mistakes


FORGERIES = ("other bytes", "other size", "other count", "other time", "other codec", "repair symbol", "repaired")


def forged_photo(kind: str, chance: random.Random) -> tuple[list[bytes], bytes]:
    """The messages of a whole photo of 5 to 9 payloads, and one forged of it that a receiver without keys takes."""
    payloads = [chance.randbytes(3) for _ in range(chance.randint(5, 9))]
    position = Position(chance.randrange(2**32), 46.55, 8.61)
    packets = packetize(
        payloads, codec="external", model_id=1, height=40, width=30, sender=7, image_id=0, position=position
    )
    content = content_of(packets)
    number, mark = number_of(content, compact=False), mark_of(content)
    packets = [packet._replace(image_id=number, mark=mark) for packet in packets]
    packets += repair_packets(packets, [(len(packets), 2)] if kind.startswith("repair") else [])
    victim = chance.randrange(len(payloads))
    forged = packets[-1 if kind == "repair symbol" else victim]
    forged = forged._replace(payload=bytes(byte ^ chance.randint(1, 255) for byte in forged.payload))
    match kind:
        case "other size":
            forged = forged._replace(width=31)
        case "other count":
            forged = forged._replace(payload_count=len(payloads) + 1)
        case "other time":
            forged = forged._replace(position=position._replace(time_unix_s=position.time_unix_s ^ 1))
        case "other codec":
            forged = forged._replace(codec="jpeg")
        case "repaired":
            packets.pop(victim)
    return [pack(packet) for packet in packets], pack(forged)


def forgery_drill(count: int, chance: random.Random) -> int:
    """Print how many forged packets of valid checksum got into a picture or went unnoticed, in any order; how many."""
    mistakes = 0
    wanted = Wanted(own_codec="codec.fake:FakeCodec")
    print(f"{'forged':14}{'tried':>10}{'failed':>10}")
    for kind in FORGERIES:
        failed = 0
        for _ in range(count):
            messages, forged = forged_photo(kind, chance)
            [true] = decode_messages([(str(k), message) for k, message in enumerate(messages)], wanted).images
            shuffled = [*enumerate(messages), ("forged", forged)]
            chance.shuffle(shuffled)
            received = decode_messages([(str(name), message) for name, message in shuffled], wanted)
            [seen] = received.images
            failed += not received.contradictions or not np.array_equal(seen.picture, true.picture)
        print(f"  {kind:12}{count:>10}{failed:>10}")
        mistakes += failed
    return mistakes


def mixing_drill(count: int, chance: random.Random) -> int:
    """Print how often packets of two photos of one number made one picture, or went unnoticed, in any order; how many.

    By hand: under a number of 16 bits that both were given; compact: by one of 8 bits; sealed: by one key.
    """
    mistakes = 0
    wanted = Wanted(own_codec="codec.fake:FakeCodec")
    key = SenderKey(7, bytes(16))
    print(f"{'two photos':14}{'tried':>10}{'alike':>10}{'failed':>10}")
    for kind in ("by hand", "compact", "sealed"):
        failed = alike = 0
        for _ in range(count):
            chosen = [chance.random() < 0.5 for _ in range(chance.randint(5, 9))]
            chosen[:2] = [True, False]
            halves = []
            for photo in range(2):
                payloads = [chance.randbytes(3) for _ in chosen]
                packets = packetize(payloads, codec="external", model_id=1, height=128, width=128, sender=7, image_id=5)
                packets = [packet._replace(compact=kind == "compact") for packet in packets]
                mark = mark_of(content_of(packets))
                sealer = Sealer(key, 100 * photo)
                messages = [
                    sealer.seal(each) if kind == "sealed" else pack(each._replace(mark=mark)) for each in packets
                ]
                half = [(f"{photo} {k}", messages[k]) for k, first in enumerate(chosen) if first != bool(photo)]
                halves.append((half, 0 if kind == "sealed" else mark))
            (one, mark), (other, second) = halves
            keys = {7: key} if kind == "sealed" else None
            if kind != "sealed" and mark == second:
                alike += 1
                failed += not decode_messages([*one, *other], wanted, keys).contradictions
                continue
            own = [decode_messages(half, wanted, keys).images[0].picture for half in (one, other)]
            mixed = [*one, *other]
            chance.shuffle(mixed)
            received = decode_messages(mixed, wanted, keys)
            [seen] = received.images
            pure = any(np.array_equal(seen.picture, picture) for picture in own)
            failed += not (received.contradictions and pure)
        print(f"  {kind:12}{count:>10}{alike:>10}{failed:>10}")
        mistakes += failed
    return mistakes


def main() -> int:
    """Print what became of the messages of each kind; 1 if any was taken or lost by mistake."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    mistakes = cost_drill()
    for part in (forgery_drill, mixing_drill):
        mistakes += part(arguments.messages // 1000, random.Random(arguments.seed))
    for name, with_keys in (("plain", False), ("sealed", True)):
        chance = random.Random(f"{arguments.seed} {name}")
        counts, photos, torn, seconds = drill(arguments.messages // 2, Sender(chance, with_keys))
        total = counts.total()
        print(f"{name}: {total:,} messages of {photos:,} photos, {total / seconds:,.0f} a second of processor time")
        print(f"  {'kind':14}{'messages':>10}{'new':>10}{'again':>10}{'refused':>10}{'wrongly in':>12}{'lost':>8}")
        for kind in KINDS:
            of_kind = {(expected, found): n for (k, expected, found), n in counts.items() if k == kind}
            if not of_kind:
                continue
            wrongly = sum(n for (expected, found), n in of_kind.items() if found != expected and found != "refused")
            lost = sum(n for (expected, found), n in of_kind.items() if found != expected and expected == "new")
            mistakes += sum(n for (expected, found), n in of_kind.items() if found != expected)
            fates = [sum(n for (_, found), n in of_kind.items() if found == f) for f in ("new", "again", "refused")]
            print(
                f"  {kind:14}{sum(of_kind.values()):>10,}"
                + "".join(f"{n:>10,}" for n in fates)
                + f"{wrongly:>12,}{lost:>8,}"
            )
        print(f"  photos torn, mixed up or false: {torn}")
        mistakes += torn
    print(f"mistakes: {mistakes}")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
