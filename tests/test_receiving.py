"""A receiver whose packets are of several images, or contradict each other."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.base import CodecError, WeightsError
from satsim.air.content import content_of, mark_of, number_of
from satsim.air.packets import Packet, pack, packetize
from satsim.air.position import Position
from satsim.air.repair import repair_packets
from satsim.air.seal import Sealer, SenderKey
from satsim.errors import PacketError, ScenarioError
from satsim.pictures import as_record, write_pictures
from satsim.receiving import Wanted, decode_messages
from satsim.replays import open_replay_state

FIVE = "codec.fake:FakeCodec"
KEY = SenderKey(7, bytes(16))
PLACE = Position(1785585600, 46.55, 8.61)


def photo(colour, image_id=None, mark=None, **fields):
    """The five packets of a photo of ten strips, five of one colour; its number and mark follow from its content."""
    said = {"codec": "external", "model_id": 1, "height": 40, "width": 30, "sender": 7} | fields
    packets = packetize([bytes([colour, colour, k]) for k in range(5)], **said)
    content = content_of(packets)
    number = number_of(content, compact=False) if image_id is None else image_id
    return [packet._replace(image_id=number, mark=mark_of(content) if mark is None else mark) for packet in packets]


def named(packets, folder="air"):
    """(name, message) of each packet, each version of a place under a name of its own."""
    return [(f"{folder}/{packet.payload_index}.{packet.payload[0]}", pack(packet)) for packet in packets]


def sealed(packets, first, folder="air"):
    """The same, sealed as messages `first` and so on of sender 7."""
    sealer = Sealer(KEY, first)
    return [(f"{folder}/{sealer.next_counter}", sealer.seal(packet)) for packet in packets]


def receive(messages, keys=None, state=None, **wanted):
    return decode_messages(messages, Wanted(own_codec="codec.fake:FakeCodec", **wanted), keys, state)


def shown(image):
    """The colour at each of the five places, 0 where nothing is shown."""
    return [int(image.picture[4 * k + 1, 0, 0]) for k in range(5)]


def outcome(messages, keys=None):
    """What is shown of the one image there is, and whether packets contradict each other."""
    received = receive(messages, keys)
    [image] = received.images
    return shown(image), bool(received.contradictions)


A, B = photo(100), photo(200)
FORGED = A[2]._replace(payload=b"\xc8\xc8\xc8")
OLD = photo(100, mark=0)
OLD_FORGED = FORGED._replace(mark=0)


def test_two_photos_without_a_number_of_their_own_are_two_pictures_in_every_order():
    for order in permutations(named([A[0], A[2], A[4], B[1], B[3]])):
        received = receive(order)
        assert sorted(map(shown, received.images)) == [[0, 200, 0, 200, 0], [100, 0, 100, 0, 100]]
        assert received.contradictions == []
        received.check()


def test_complementary_halves_of_two_photos_under_one_number_never_make_one_picture_in_every_order():
    one, other = photo(100, image_id=5), photo(200, image_id=5)
    for order in permutations(named([one[0], one[2], one[4], other[1], other[3]])):
        received = receive(order)
        assert shown(received.images[0]) == [100, 0, 100, 0, 100]
        [line] = received.contradictions
        assert "two images have number 5 of sender 7, that of air/0.100 and that of air/1.200" in line
        assert "their packets bear the marks" in line
        with pytest.raises(PacketError, match="packets contradict each other"):
            received.check()


def test_complementary_halves_whose_marks_are_alike_by_chance_are_told_once_they_are_whole():
    one, other = photo(100, image_id=5, mark=9), photo(200, image_id=5, mark=9)
    for order in permutations(named([one[0], one[2], one[4], other[1], other[3]])):
        [line] = receive(order).contradictions
        assert line.endswith("do not make one photo: their mark is of another")


def test_complementary_halves_without_marks_are_told_to_have_another_number():
    one, other = photo(100, image_id=5, mark=0), photo(200, image_id=5, mark=0)
    for order in permutations(named([one[0], one[2], one[4], other[1], other[3]])):
        received = receive(order)
        assert any("number 5 does not follow from this content" in line for line in received.report)


def test_complementary_halves_of_two_sealings_under_one_number_never_make_one_picture_in_every_order():
    first, second = sealed(photo(100, image_id=5), 0), sealed(photo(200, image_id=5), 5, "later")
    for order in permutations([first[0], first[2], first[4], second[1], second[3]]):
        received = receive(order, {7: KEY})
        assert shown(received.images[0]) == [100, 0, 100, 0, 100]
        [line] = received.contradictions
        assert "packet 1 and packet 3 of sender 7 image 5" in line
        assert "later/6 and later/8, were sealed apart from those used: left out" in line
        assert "resend request: sender 7 image 5 packets 1, 3" in received.report


def test_a_repair_symbol_goes_with_the_sealing_that_it_was_counted_in():
    one, other = photo(100, image_id=5), photo(200, image_id=5)
    first = sealed([*one, *repair_packets(one, [(5, 1)])], 0)
    second = sealed([*other, *repair_packets(other, [(5, 1)])], 600)
    for order in permutations([first[0], first[1], first[2], first[3], second[5]]):
        received = receive(order, {7: KEY})
        assert shown(received.images[0]) == [100, 100, 100, 100, 0]
        assert received.contradictions
    for order in permutations([first[0], first[1], first[2], first[3], first[5]]):
        assert outcome(order, {7: KEY}) == ([100] * 5, False)


@pytest.mark.parametrize("fields", [{"position": PLACE}, {"width": 31}, {"codec": "jpeg"}, {"model_id": 2}])
def test_complementary_halves_of_which_a_header_differs_stay_apart_and_the_larger_is_shown(fields):
    one, other = photo(100, image_id=5), photo(200, image_id=5, **fields)
    for order in permutations(named([one[0], one[2], one[4], other[1], other[3]])):
        assert outcome(order) == ([100, 0, 100, 0, 100], True)


def test_two_places_or_times_of_one_photo_are_a_contradiction_that_names_files_and_what_differs():
    later = PLACE._replace(time_unix_s=PLACE.time_unix_s + 60)
    one, other = photo(100, image_id=5, position=PLACE), photo(100, image_id=5, position=later)
    [line] = receive([*named(one[:3], "first"), *named(other[3:], "second")]).contradictions
    assert "number 5 of sender 7, that of first/0.100 and that of second/3.100" in line
    assert "place and time taken 2026-08-01T12:00:00Z" in line
    assert "taken 2026-08-01T12:01:00Z" in line
    assert line.endswith("the first is shown, of 3 packets against 2")


def test_a_forged_packet_of_a_whole_photo_is_found_by_the_number_in_every_order():
    for order in permutations(named([*A, FORGED])):
        assert outcome(order) == ([100] * 5, True)


def test_a_forged_packet_with_another_count_is_kept_apart_in_every_order():
    forged = A[2]._replace(payload_count=4, payload=b"\xc8\xc8\xc8")
    for order in permutations(named([*A[:4], forged])):
        assert outcome(order) == ([100, 100, 100, 100, 0], True)


def test_where_nothing_says_which_packet_is_forged_neither_is_shown():
    for order in permutations(named([A[0], A[2], FORGED, A[4]])):
        received = receive(order)
        assert shown(received.images[0]) == [100, 0, 0, 0, 100]
        [line] = received.contradictions
        assert "packet 2 of sender 7 image" in line
        assert "differs between air/2.100 and air/2.200; neither is used" in line


def test_what_more_files_say_is_shown():
    again = ("air/again", pack(A[2]))
    for order in permutations([*named([A[0], A[2], FORGED]), again]):
        assert outcome(order) == ([100, 0, 100, 0, 0], True)
    twice_the_same_file = [*named([A[0], A[2], FORGED]), *named([FORGED])]
    assert outcome(twice_the_same_file) == ([100, 0, 0, 0, 0], True)


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        (named([*A, FORGED]), "air/2.100 is used, for with it the photo has the mark that its packets bear"),
        (named([*OLD, OLD_FORGED]), "air/2.100 is used, for with it the photo has the number that follows from its"),
        ([*named(A[:3], "a"), *named([FORGED], "b")], "a/2.100 is used, with which 3 packets go against 1"),
        ([*named([A[2], FORGED]), ("air/again", pack(A[2]))], "air/2.100 is used, for more files say so"),
        ([*named([A[2]], "a"), *named([FORGED], "b")], "a/2.100 is used, though as many packets go with the one"),
        (named([A[2], FORGED, A[3]]), "neither is used"),
    ],
)
def test_a_contradiction_says_why_one_file_is_used(messages, why):
    [line] = receive(messages).contradictions
    assert why in line


def test_packets_of_one_folder_stay_together():
    one, other = photo(100, image_id=5, mark=9), photo(200, image_id=5, mark=9)
    messages = [*named(one[:3], "first"), *named(other[2:4], "second")]
    for order in permutations(messages):
        received = receive(order)
        assert shown(received.images[0]) == [100, 100, 100, 0, 0]
        assert "differs between first/2.100 and second/2.200" in received.contradictions[0]
        assert "packet 3 of sender 7 image 5" in received.contradictions[1]
        assert "second/3.200, came with others that contradict those used: left out" in received.contradictions[1]


def test_sealed_packets_of_two_sealings_that_contradict_each_other_stay_apart_in_every_order():
    keys = {7: KEY}
    one, other = photo(100, image_id=5), photo(200, image_id=5)
    first, second = sealed(one, 0), sealed(other, 5)
    for order in permutations([first[0], first[2], first[4], second[1], second[2]]):
        assert outcome(order, keys) == ([100, 0, 100, 0, 100], True)


def test_a_sealed_photo_that_is_sent_again_completes_itself():
    one = photo(100, image_id=5)
    first, again = sealed(one, 0), sealed(one, 5)
    for order in permutations([first[0], first[1], again[1], again[4]]):
        assert outcome(order, {7: KEY}) == ([100, 100, 0, 0, 100], False)


@given(st.lists(st.sampled_from(range(11)), min_size=1, max_size=12))
def test_no_picture_ever_holds_two_photos_of_one_number(chosen):
    one, other = photo(100, image_id=5), photo(200, image_id=5)
    for messages, keys in (
        ([*named(one), *named(other)], None),
        ([*sealed(one, 0), *sealed(other, 5)], {7: KEY}),
    ):
        held = [[*messages, ("x", b"y")][k] for k in chosen]
        try:
            colours, is_contradicted = outcome(held, keys)
        except PacketError:
            assert set(chosen) == {10}
            continue
        assert is_contradicted == (min(chosen) < 5 <= max(set(chosen) - {10}))
        assert len({*colours} - {0}) == 1


def test_a_picture_that_may_be_false_ends_in_an_error_unless_forced():
    received = receive(named([A[0], A[2], FORGED]))
    with pytest.raises(PacketError, match=r"packets contradict each other.* --force"):
        received.check()
    received.check(force=True)


def test_several_images_are_one_picture_each_and_can_be_chosen(tmp_path):
    messages = named([*A, *B[:2], *photo(50, image_id=0, sender=8)])
    received = receive(messages)
    paths = write_pictures(received, tmp_path / "seen.png")
    assert {path.name for path in paths.values()} == {
        f"seen_7_{A[0].image_id}.png",
        f"seen_7_{B[0].image_id}.png",
        "seen_8_0.png",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths.values())
    alone = receive(messages, sender=8)
    assert list(write_pictures(alone, tmp_path / "alone.png").values()) == [tmp_path / "alone.png"]
    assert [seen.key.image_id for seen in receive(messages, image_id=B[0].image_id).images] == [B[0].image_id]
    with pytest.raises(PacketError, match=r"no packet is of the image asked for; there are those of sender 7 image"):
        receive(messages, sender=9)


def test_a_stray_packet_stops_nothing():
    stray = Packet("jpeg", 1, 9, 3, 0, 4, 64, 48, b"one of four")
    unknown = stray._replace(codec="progic", model_id=99, image_id=4)
    messages = [*named(A), ("stray", pack(stray)), ("unknown", pack(unknown))]
    received = decode_messages(messages, Wanted(own_codec=None))
    assert received.shown == []
    errors = [type(seen.error) for seen in received.images]
    assert errors == [CodecError, CodecError, WeightsError]
    with pytest.raises(CodecError, match="name the codec that made them"):
        received.check()


def test_what_is_missing_is_asked_for_and_what_repair_gives_is_not(tmp_path):
    [repair] = repair_packets(A, [(2, 1)])
    received = receive([*named([A[1]]), ("air/repair", pack(repair))])
    assert f"resend request: sender 7 image {A[0].image_id} packets 2-4" in received.report
    record = as_record(received, write_pictures(received, tmp_path / "seen.png"))
    [image] = record["images"]
    assert (image["held"], image["missing"], image["repair_packets"]) == ([1], [2, 3, 4], 1)
    assert image["file"] == str(tmp_path / "seen.png")


@given(st.permutations(range(7)))
def test_repair_packets_to_spare_expose_a_forged_one_and_give_the_true_one_in_any_order(order):
    one = photo(100, image_id=5)
    repairs = [(f"air/repair {k}", pack(packet)) for k, packet in enumerate(repair_packets(one, [(5, 2)]))]
    forged = one[2]._replace(payload=b"\xc8\xc8\xc8")
    messages = [*named([*one[:2], forged, *one[3:]]), *repairs]
    received = receive([messages[k] for k in order])
    assert shown(received.images[0]) == [100] * 5
    [line] = received.contradictions
    assert "packet 2 of sender 7 image 5 (external, 30x40), air/2.200, is forged" in line


def test_one_repair_packet_to_spare_tells_that_a_packet_is_forged():
    one = photo(100, image_id=5)
    [repair] = repair_packets(one, [(5, 1)])
    messages = [*named([*one[:2], one[2]._replace(payload=b"\xc8\xc8\xc8"), *one[3:]]), ("air/repair", pack(repair))]
    [line] = receive(messages).contradictions
    assert "repair symbol 0 over 5" in line
    assert "air/repair, does not agree with the other packets, and nothing tells which is forged" in line


def test_a_compact_image_whose_number_was_counted_is_no_contradiction():
    sealer = Sealer(KEY, 0)
    packets = [packet._replace(compact=True) for packet in photo(100, image_id=5, height=128, width=128)]
    received = receive([(f"air/{k}", sealer.seal(packet)) for k, packet in enumerate(packets)], {7: KEY})
    assert received.report == ["holding 5 of 5 packets of sender 7 image 5 (external, 128x128, compact header)"]


def claim(side, image_id=0, length=340, codec="external"):
    """A message of so many bytes that claims a picture of this side."""
    payload = b"abc" if codec == "external" else bytes(length - 20)
    return (f"air/{image_id}", pack(Packet(codec, 1, 7, image_id, 0, 5, side, side, payload)))


@pytest.mark.parametrize("codec", ["progic", "jpegxl", "avif", "jpeg2000", "external"])
def test_a_header_that_claims_millions_of_pixels_is_refused_before_any_work(codec):
    received = receive([claim(4096, codec=codec)])
    [image] = received.images
    assert image.picture is None
    assert "16,777,216 pixels; expected at most" in str(image.error)
    assert str(image.error).endswith("(if you trust it: --max-pixels 16777216)")


def test_who_trusts_a_header_names_the_largest_picture():
    [image] = receive([claim(1024)], max_pixels=1024**2).images
    assert image.picture.shape == (1024, 1024, 3)
    [image] = receive([claim(100)], max_pixels=9_999).images
    assert "10,000 pixels; expected at most 9,999" in str(image.error)


def test_one_iridium_message_shows_the_largest_frame_of_the_compact_header():
    packet = Packet("progic", 1, 7, 0, 0, 5, 768, 512, bytes(320))
    [image] = decode_messages([("air", pack(packet))]).images
    assert isinstance(image.error, WeightsError), "it went on to look for the model"


def test_many_small_packets_share_what_they_may_cost():
    received = receive([claim(256, image_id) for image_id in range(19)])
    assert len(received.shown) == 8, "437 bytes at 1,200 pixels each are 524,400 pixels; 8 x 256 x 256 are 524,288"


def decode_again(folder, messages):
    """What `decode --replay-state` reports of these messages and writes to seen.png of `folder`, or beside it."""
    with open_replay_state(folder / "new" / "state.json", {7: KEY}) as state:
        received = receive(messages, {7: KEY}, state)
        paths = write_pictures(received, folder / "seen.png", state)
    return received, {path.name for path in paths.values()}


def test_with_a_replay_state_a_growing_folder_ends_in_the_whole_picture(tmp_path):
    packets = sealed(photo(100, image_id=0), 0)
    for count in (1, 2, 4, 5):
        received, written = decode_again(tmp_path, packets[:count])
        assert written == {"seen.png"}
        assert shown(received.images[0]) == [100] * count + [0] * (5 - count)
        assert not any("replay" in line or "repetition" in line for line in received.report)
    with pytest.raises(PacketError, match="came before: a replay"):
        decode_again(tmp_path, packets)


def test_packets_that_are_gone_from_the_folder_are_held_by_the_state_under_their_seal(tmp_path):
    packets = sealed(photo(100, image_id=0), 0)
    decode_again(tmp_path, packets[:2])
    assert packets[1][1].hex() in (tmp_path / "new" / "state.json").read_text()
    received, _ = decode_again(tmp_path, packets[4:])
    assert shown(received.images[0]) == [100, 100, 0, 0, 100]
    decode_again(tmp_path, packets[2:4])
    assert "held" not in (tmp_path / "new" / "state.json").read_text(), "the photo is whole"


def test_what_is_held_contradicts_what_comes_later_by_name(tmp_path):
    decode_again(tmp_path, sealed(photo(100, image_id=0)[:3], 0))
    received, _ = decode_again(tmp_path, sealed(photo(200, image_id=0)[2:4], 5, "later"))
    assert shown(received.images[0]) == [100, 100, 100, 0, 0]
    assert "differs between air/2 and later/5" in received.contradictions[0]
    assert "packet 3 of sender 7 image 0 (external, 30x40), later/6, were sealed apart" in received.contradictions[1]


def test_a_picture_is_never_overwritten_by_that_of_another_photo_or_of_fewer_packets(tmp_path):
    decode_again(tmp_path, sealed(photo(100, image_id=0), 0))
    before = (tmp_path / "seen.png").read_bytes()
    _, written = decode_again(tmp_path, sealed(photo(200, image_id=1)[:1], 5))
    assert written == {"seen_7_1.png"}
    _, written = decode_again(tmp_path, sealed(photo(200, image_id=1)[1:], 6))
    assert written == {"seen_7_1.png"}
    received, written = decode_again(tmp_path, sealed(photo(100, image_id=0)[:2], 20))
    assert written == set()
    assert received.report[-1].endswith("stays, for it was made of more packets; move it away to have this one")
    assert (tmp_path / "seen.png").read_bytes() == before


def test_a_state_whose_held_packets_were_changed_is_refused(tmp_path):
    decode_again(tmp_path, sealed(photo(100, image_id=0)[:2], 0))
    state = tmp_path / "new" / "state.json"
    state.write_text(state.read_text().replace('"18ff', '"19ff'))
    with pytest.raises(ScenarioError, match=r"air/0: what the replay state holds of it is damaged"):
        decode_again(tmp_path, [])
