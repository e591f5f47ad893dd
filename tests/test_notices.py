"""What a reader would not guess."""

from itertools import permutations
from pathlib import Path

from satsim.links.linkspec import LinkSpec
from satsim.notices import about_link, assumed_numbers, link_notices, write_notes

CANOPY = "sbd_9603_canopy"


def test_an_assumed_number_is_named_where_any_link_has_it_whatever_their_order():
    plain = LinkSpec(preset=CANOPY)
    sure = LinkSpec(preset=CANOPY, loss_ratio=0.1, ack={"false_negative_ratio": 0.0})
    other = LinkSpec(preset=CANOPY, ack={"false_negative_ratio": 0.0})
    assert assumed_numbers(sure) == []
    said = f"{CANOPY}: assumed, neither measured nor published: " + ", ".join(assumed_numbers(plain))
    for links in permutations([plain, sure, other]):
        assert link_notices(links) == [said]
    loss = [number for number in assumed_numbers(plain) if number.startswith("loss")]
    for links in permutations([sure, other]):
        assert link_notices(links) == [f"{CANOPY}: assumed, neither measured nor published: " + ", ".join(loss)]
    assert link_notices([sure, LinkSpec()]) == []


def test_notes_are_a_bullet_each_or_say_that_there_are_none(tmp_path: Path) -> None:
    write_notes(tmp_path, ["one stands in for another", "some numbers are assumed"])
    assert (tmp_path / "notes.md").read_text(encoding="utf-8") == (
        "# Notes\n\n- one stands in for another\n- some numbers are assumed\n"
    )
    write_notes(tmp_path, [])
    assert (tmp_path / "notes.md").read_text(encoding="utf-8") == "# Notes\n\nNothing to note.\n"


def test_a_summary_tells_of_a_link_its_name_size_and_pace() -> None:
    about = about_link(LinkSpec(packet_bytes=70, interval_s=60))
    assert about == {"preset": None, "assumed": [], "packet_bytes": 70, "interval_s": 60.0}
