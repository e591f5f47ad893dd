"""Repair packets: any so many of a block's payloads and symbols give back all of it."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satsim.air.packets import Packet, Repair, packetize
from satsim.air.repair import find_forged, recover, repair_packets
from satsim.errors import PacketError


def packets_of(payloads):
    return packetize(payloads, codec="external", model_id=1, height=30, width=40, sender=7, image_id=9)


def symbols_of(payloads, wanted):
    """Repair symbols by Repair, for (protects, how many) pairs."""
    return {packet.repair: packet.payload for packet in repair_packets(packets_of(payloads), wanted)}


POWERS = [1]
"""Powers of a in GF(256) modulo a^8 + a^4 + a^3 + a^2 + 1; there are 255."""
while len(POWERS) < 255:
    POWERS.append(POWERS[-1] << 1 ^ (0x11D if POWERS[-1] & 128 else 0))


LOGARITHMS = {value: exponent for exponent, value in enumerate(POWERS)}


def times(a, b):
    return POWERS[(LOGARITHMS[a] + LOGARITHMS[b]) % 255] if a and b else 0


def over(a, b):
    return POWERS[(LOGARITHMS[a] - LOGARITHMS[b]) % 255] if a else 0


def point(k):
    return 0 if k == 0 else POWERS[k - 1]


def by_lagrange(payloads, number):
    """The repair symbol as the docstring of satsim.air.repair defines it, by interpolation."""
    x = point(len(payloads) + number)
    symbol = [0] * len(payloads[0])
    for k, payload in enumerate(payloads):
        weight = 1
        for other in range(len(payloads)):
            if other != k:
                weight = times(weight, over(x ^ point(other), point(k) ^ point(other)))
        symbol = [s ^ times(weight, byte) for s, byte in zip(symbol, payload, strict=True)]
    return bytes(symbol)


def test_one_symbol_over_two_payloads_by_hand():
    # The weights of the first symbol over two payloads are 3 and 2: A = 41, D = 44, and 3 * 41 + 2 * 44 = c3 ^ 88 = 4b.
    assert symbols_of([b"ABC", b"DEF"], [(2, 1)]) == {Repair(2, 0): bytes.fromhex("4b4c49")}


@pytest.mark.parametrize(("protects", "number"), [(2, 0), (2, 253), (3, 1), (5, 0), (5, 250), (20, 9), (254, 1)])
def test_the_code_is_the_one_written_down(protects, number):
    payloads = [bytes([7 * k % 256, k]) for k in range(protects)]
    assert symbols_of(payloads, [(protects, number + 1)])[Repair(protects, number)] == by_lagrange(payloads, number)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=60), st.data())
def test_symbols_on_the_air_are_those_of_zfec(payloads, data):
    zfec = pytest.importorskip("zfec", reason="zfec, of the extra dev, is what the symbols are compared with")
    protects = data.draw(st.integers(1, len(payloads)))
    more = data.draw(st.integers(1, 256 - protects))
    block = payloads[:protects]
    if len({len(payload) for payload in block}) > 1:
        longest = max(len(payload) for payload in block)
        block = [(len(each).to_bytes(2, "big") + each).ljust(2 + longest, b"\0") for each in block]
    theirs = zfec.Encoder(protects, 256).encode(block, range(protects, protects + more))
    assert list(symbols_of(payloads, [(protects, more)]).values()) == theirs


@pytest.mark.parametrize("protects", range(1, 7))
def test_any_so_many_of_a_small_block_give_all_of_it(protects):
    payloads = [bytes([k, 255 - k, 17 * k]) for k in range(protects)]
    whole = dict(enumerate(payloads))
    symbols = symbols_of(payloads, [(protects, 4)])
    for held in combinations([*whole, *symbols], protects):
        assert (
            recover({k: whole[k] for k in held if k in whole}, {k: symbols[k] for k in held if k in symbols}) == whole
        )
    for held in combinations([*whole, *symbols], protects - 1):
        received = {k: whole[k] for k in held if k in whole}
        assert recover(received, {k: symbols[k] for k in held if k in symbols}) == received, "one too few gives nothing"


@settings(max_examples=40)
@given(st.data(), st.integers(1, 255))
def test_any_so_many_of_a_large_block_give_all_of_it(data, protects):
    payloads = [data.draw(st.binary(min_size=3, max_size=3)) for _ in range(min(protects, 8))]
    payloads += [bytes([k, k ^ 90, 1]) for k in range(protects - len(payloads))]
    more = data.draw(st.integers(1, 256 - protects))
    symbols = symbols_of(payloads, [(protects, more)])
    held = data.draw(st.permutations([*range(protects), *symbols]))[:protects]
    received = {k: payloads[k] for k in held if isinstance(k, int)}
    assert recover(received, {k: symbols[k] for k in held if k in symbols}) == dict(enumerate(payloads))


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=2, max_size=12), st.data())
def test_payloads_of_any_lengths_come_back_exactly(payloads, data):
    protects = data.draw(st.integers(2, len(payloads)))
    symbols = symbols_of(payloads, [(protects, protects)])
    lengths = {len(payload) for payload in payloads[:protects]}
    expected = lengths.pop() if len(lengths) == 1 else max(lengths) + 2
    assert {len(symbol) for symbol in symbols.values()} == {expected}
    kept = data.draw(st.sets(st.integers(0, protects - 1)))
    received = {k: payloads[k] for k in kept}
    needed = dict(list(symbols.items())[len(kept) :])
    assert recover(received, needed) == dict(enumerate(payloads[:protects]))


def test_stages_of_320_bytes_have_symbols_of_320_bytes():
    assert {len(symbol) for symbol in symbols_of([bytes(320)] * 5, [(1, 1), (5, 2)]).values()} == {320}


def test_the_symbols_over_one_payload_are_copies_of_it():
    assert symbols_of([b"one", b"two"], [(1, 2)]) == {Repair(1, 0): b"one", Repair(1, 1): b"one"}


def test_what_a_short_block_gives_helps_a_longer_one():
    payloads = [bytes([k]) for k in range(5)]
    symbols = symbols_of(payloads, [(2, 1), (5, 1)])
    assert recover({1: b"\1", 2: b"\2", 3: b"\3"}, symbols) == dict(enumerate(payloads)), "payload 0, then payload 4"
    del symbols[Repair(2, 0)]
    assert recover({1: b"\1", 2: b"\2", 3: b"\3"}, symbols) == {1: b"\1", 2: b"\2", 3: b"\3"}


def test_a_repair_packet_says_what_it_is_for():
    repair = repair_packets(packets_of([b"ABC", b"DEF", b"GHI"]), [(2, 1)])
    assert repair == [Packet("external", 1, 7, 9, -1, 3, 40, 30, bytes.fromhex("4b4c49"), Repair(2, 0))]


def test_numbers_of_one_block_go_on_when_it_is_asked_for_twice():
    assert list(symbols_of([b"a", b"b"], [(2, 1), (1, 1), (2, 2)])) == [
        *(Repair(2, 0), Repair(2, 1), Repair(2, 2)),
        Repair(1, 0),
    ]


@pytest.mark.parametrize(
    ("count", "wanted", "complaint"),
    [
        (3, [(0, 1)], "protects is 0; expected 1 to 3"),
        (3, [(4, 1)], "protects is 4; expected 1 to 3"),
        (3, [(3, 254)], "254 repair packets over 3 payloads; expected 0 to 253"),
        (3, [(3, 200), (3, 54)], "254 repair packets over 3 payloads; expected 0 to 253"),
        (3, [(3, -1)], "-1 repair packets"),
        (256, [(256, 1)], "protects is 256; expected 1 to 255"),
        (257, [(1, 1)], "image has 257 payloads; repair packets serve at most 256"),
        (0, [(1, 1)], "packets are not one image in order"),
    ],
)
def test_more_than_the_code_can_do_is_refused(count, wanted, complaint):
    with pytest.raises(PacketError, match=complaint):
        repair_packets([Packet("jpeg", 1, 0, 0, k, count, 40, 30, b"x") for k in range(count)], wanted)


def test_packets_that_are_missing_or_out_of_order_are_refused():
    packets = packets_of([b"a", b"b", b"c"])
    for wrong in (packets[1:], packets[::-1]):
        with pytest.raises(PacketError, match="not one image in order"):
            repair_packets(wrong, [(2, 1)])


def test_the_last_symbol_of_every_block_exists():
    for protects in (1, 2, 128, 255):
        payloads = [bytes([k]) for k in range(protects)]
        symbols = symbols_of(payloads, [(protects, 256 - protects)])
        last = Repair(protects, 255 - protects)
        assert recover(dict(enumerate(payloads[1:], 1)), {last: symbols[last]}) == dict(enumerate(payloads))


def test_symbols_that_do_not_fit_are_left_alone():
    payloads = [b"abc", b"def", b"ghi"]
    symbols = symbols_of(payloads, [(3, 2)])
    one, two = symbols
    held = {0: b"abc"}
    assert recover(held, {one: symbols[one], two: symbols[two] + b"x"}) == held, "two lengths"
    assert recover({0: b"abcd"}, symbols) == {0: b"abcd"}, "a payload of another length"
    assert recover({0: b"abcd", 1: b"def"}, {one: symbols[one]}) == {0: b"abcd", 1: b"def"}
    false = {one._replace(prefixed=True): b"\xff\xffx", two._replace(prefixed=True): b"\xff\xffy"}
    assert recover({0: b"a"}, false) == {0: b"a"}, "a length beyond the symbol"
    assert recover({0: b"ab"}, false) == {0: b"ab"}, "a payload that this symbol cannot hold"


FIVE = [b"abc", b"def", b"ghi", b"jkl", b"mno"]


def test_symbols_of_two_lengths_are_two_blocks_so_that_a_forged_one_spoils_nothing():
    symbols = symbols_of(FIVE, [(5, 1)])
    held = dict(enumerate(FIVE[:4]))
    assert recover(held, symbols | {Repair(5, 7): b"long"}) == dict(enumerate(FIVE))
    assert recover(held, {Repair(5, 7): b"s"} | symbols) == dict(enumerate(FIVE))
    assert recover(held, symbols | {Repair(5, 7, prefixed=True): b"\0\1xyz"}) == dict(enumerate(FIVE))


@pytest.mark.parametrize("wrong", range(7))
def test_two_symbols_to_spare_expose_any_one_forged_packet_and_give_the_true_one(wrong):
    symbols = symbols_of(FIVE, [(5, 2)])
    places = [*range(5), *symbols]
    items = dict(enumerate(FIVE)) | symbols
    items[places[wrong]] = b"bad"
    payloads = {place: items[place] for place in places if isinstance(place, int)}
    repairs = {place: items[place] for place in places if not isinstance(place, int)}
    assert find_forged(payloads, repairs) == ({places[wrong]}, [])
    payloads.pop(places[wrong], None)
    repairs.pop(places[wrong], None)
    assert recover(payloads, repairs) == dict(enumerate(FIVE))


def test_a_payload_of_another_length_is_exposed_by_one_symbol_to_spare():
    symbols = symbols_of(FIVE, [(5, 2)])
    held = dict(enumerate(FIVE)) | {3: b"longer"}
    assert find_forged(held, symbols) == ({3}, [])


def test_one_symbol_to_spare_tells_that_something_is_wrong_but_not_what():
    [(repair, symbol)] = symbols_of(FIVE, [(5, 1)]).items()
    assert find_forged(dict(enumerate(FIVE)), {repair: symbol}) == (set(), [])
    assert find_forged(dict(enumerate(FIVE)) | {3: b"bad"}, {repair: symbol}) == (set(), [repair])
    with_a_hole = {k: FIVE[k] for k in range(4)}
    two = symbols_of(FIVE, [(5, 2)])
    forged = two | {Repair(5, 1): b"bad"}
    assert recover(with_a_hole, forged) == with_a_hole, "and nothing is recovered from such a block"


@given(st.lists(st.binary(min_size=1, max_size=5), min_size=2, max_size=6), st.data())
def test_nothing_true_is_ever_called_forged(payloads, data):
    protects = data.draw(st.integers(1, len(payloads)))
    symbols = symbols_of(payloads, [(protects, 3), (len(payloads), 2)])
    kept = data.draw(st.sets(st.integers(0, len(payloads) - 1)))
    assert find_forged({k: payloads[k] for k in kept}, symbols) == (set(), [])


@given(
    st.dictionaries(st.integers(-2, 300), st.binary(max_size=6)),
    st.dictionaries(
        st.builds(Repair, st.integers(-2, 300), st.integers(-2, 300), st.booleans()), st.binary(max_size=6)
    ),
)
def test_nothing_is_ever_lost_changed_or_raised_whatever_is_held(held, repairs):
    found = recover(held, repairs)
    assert {k: found[k] for k in held} == held
    assert all(0 <= k < 255 and found[k] for k in set(found) - set(held))
