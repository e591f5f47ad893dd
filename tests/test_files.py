"""Files and folders that appear whole or not at all."""

import sys
from pathlib import Path

import pytest

from codec.files import aside_name, cache_folder, fresh_folder, replacing, write_whole


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


def test_a_file_appears_with_its_parents_and_replaces_the_one_before(tmp_path):
    for content in (b"old", b"new"):
        write_whole(tmp_path / "deep" / "down" / "a.txt", content)
        assert (tmp_path / "deep" / "down" / "a.txt").read_bytes() == content
    assert names(tmp_path / "deep" / "down") == ["a.txt"]


def test_until_the_end_of_the_block_the_old_file_is_there(tmp_path):
    (tmp_path / "a.png").write_bytes(b"old")
    with replacing(tmp_path / "a.png") as partial, replacing(tmp_path / "a.png") as other:
        assert partial.parent == tmp_path
        assert partial.suffix == ".png", "libraries tell the format by it"
        assert partial != other, "two writers, and neither sees the other's half"
        partial.write_bytes(b"new")
        other.write_bytes(b"newer")
        assert (tmp_path / "a.png").read_bytes() == b"old"
    assert (tmp_path / "a.png").read_bytes() == b"new"
    assert names(tmp_path) == ["a.png"]


@pytest.mark.parametrize("mishap", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_after_a_mishap_the_old_file_is_there_and_nothing_else(tmp_path, mishap):
    (tmp_path / "a.txt").write_bytes(b"old")

    def fail():
        with replacing(tmp_path / "a.txt") as partial:
            partial.write_bytes(b"half")
            raise mishap

    with pytest.raises(mishap):
        fail()
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"old"


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.txt"):
        pass
    assert names(tmp_path) == []


def test_a_folder_is_never_replaced_by_a_file(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(OSError, match="out"):
        write_whole(tmp_path / "out", b"x")
    assert names(tmp_path) == ["out"]


def test_a_file_has_the_rights_that_new_files_have(tmp_path):
    (tmp_path / "plain").write_bytes(b"x")
    write_whole(tmp_path / "whole", b"x")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_cache_folder_is_the_one_that_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SATSIM_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    assert not cache_folder().exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the folder is another on other platforms")
def test_the_cache_folder_is_the_platforms(monkeypatch, tmp_path):
    monkeypatch.delenv("SATSIM_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "satsim"
