"""What tests of the inbox share: photos of a few packets, sealed or not, and how they arrive."""

import numpy as np

from codec.loading import load_codec
from satsim.air.content import content_of, mark_of, number_of
from satsim.air.packets import pack, packetize
from satsim.air.seal import Sealer, SenderKey
from satsim.inbox.store import Arrival

KEY = SenderKey(7, bytes(16))
FRAME = {"codec": "external", "model_id": 1, "height": 40, "width": 30, "sender": 7}


def photo(colour, image_id=None, count=5, **fields):
    """The packets of a photo of strips, of one colour; number, if it is not given, and mark follow from its content."""
    packets = packetize([bytes([colour, colour, k]) for k in range(count)], **(FRAME | fields))
    return marked(packets, image_id)


def marked(packets, image_id=None):
    content = content_of(packets)
    number = number_of(content, packets[0].compact) if image_id is None else image_id
    return [packet._replace(image_id=number, mark=mark_of(content)) for packet in packets]


def jpeg_photo(seed, sender=7, image_id=None):
    """The packets, of some 60 bytes each, of a JPEG file of 32x24 pixels."""
    codec = load_codec("jpeg", budget_bytes=300)
    payloads = codec.encode(np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8), 60)
    said = {"codec": "jpeg", "model_id": codec.model_id, "height": 24, "width": 32, "sender": sender}
    return marked(packetize(payloads, **said), image_id)


def plain(packets):
    return [pack(packet) for packet in packets]


def sealed(packets, first, key=KEY):
    """The packets, sealed as messages `first` and so on of their sender."""
    sealer = Sealer(key, first)
    return [sealer.seal(packet) for packet in packets]


def arrivals(messages, way="directip", time_unix_s=1000.0, **metadata):
    """The messages, a second apart."""
    return [Arrival(message, way, time_unix_s + k, metadata) for k, message in enumerate(messages)]


def take(store, messages, way="directip", time_unix_s=1000.0, **metadata):
    """What became of each."""
    return [each.status for each in store.take(arrivals(messages, way, time_unix_s, **metadata))]


def rows(store, table="images", columns="*"):
    return [tuple(row) for row in store.db.execute(f"SELECT {columns} FROM {table} ORDER BY 1")]
