"""Folders that appear whole or not at all."""

from pathlib import Path

import pytest

from satsim.folders import aside_name, fresh_folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_at_the_end_of_the_block(tmp_path):
    with fresh_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("new")
        assert not (tmp_path / "out").exists()
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "a").read_text() == "new"


def test_parents_are_made(tmp_path):
    with fresh_folder(tmp_path / "deep" / "down" / "out"):
        pass
    assert (tmp_path / "deep" / "down" / "out").is_dir()


def test_what_was_there_is_moved_aside_whole(tmp_path):
    for content in ("first", "second", "third"):
        with fresh_folder(tmp_path / "out") as folder:
            (folder / content).write_text(content)
    assert names(tmp_path) == ["out", "out.1", "out.2"]
    assert [names(tmp_path / out) for out in ("out.1", "out.2", "out")] == [["first"], ["second"], ["third"]]


def test_a_file_in_the_way_is_moved_aside_too(tmp_path):
    (tmp_path / "out").write_text("a file")
    with fresh_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out").is_dir()
    assert (tmp_path / "out.1").read_text() == "a file"


def test_the_first_free_name_is_taken(tmp_path):
    (tmp_path / "out.1").mkdir()
    (tmp_path / "out.3").mkdir()
    assert aside_name(tmp_path / "out") == tmp_path / "out.2"


@pytest.mark.parametrize("mishap", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_after_a_mishap_nothing_is_left_and_nothing_has_moved(tmp_path, mishap):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")

    def fail():
        with fresh_folder(tmp_path / "out") as folder:
            (folder / "half").write_text("half")
            raise mishap

    with pytest.raises(mishap):
        fail()
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["old"]


def test_a_folder_below_a_file_is_refused_and_the_file_stays(tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OSError, match="file"), fresh_folder(tmp_path / "file" / "out"):
        pass
    assert (tmp_path / "file").read_text() == "a file"


@pytest.mark.parametrize("out", [".", "..", "../here"])
def test_the_folder_one_is_in_is_never_moved_aside(tmp_path, monkeypatch, out):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine").write_text("mine")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(OSError, match="is the folder you are in"), fresh_folder(Path(out)):
        pass
    assert (tmp_path / "here" / "mine").read_text() == "mine"
    assert names(tmp_path) == ["here"]
