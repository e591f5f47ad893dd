"""Scores of sweeps: those of `satsim run`, worked out once for each set of payloads, anew where anything changed."""

import json
import math
import multiprocessing
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import picture, write_tiny_weights
from PIL import Image

from codec.base import CodecError, WeightsError
from codec.fake import FakeCodec
from codec.metrics import psnr
from satsim.pipeline import run
from satsim.scenario.scenario import Scenario
from satsim.scoring.cache import Cache
from satsim.scoring.coding import cached_judge, default_folder, prepare
from satsim.scoring.digests import options_digest
from satsim.scoring.outbox import load_photo

FAKE = "codec.fake:FakeCodec"
THREE_AND_REPAIRS = {"options": {"strips": 3}, "transport": {"repair_packets": 2}}
"""Messages 0, 1, 2 are strips; 3 and 4 each make up for any of them."""


class Whole(FakeCodec):
    """Shows nothing until all strips are there."""

    def decode(self, received, height, width):
        return super().decode(received, height, width) if len(received) == self.strips else None


class Prefix(FakeCodec):
    """Shows the strips up to the first gap, and says how often it is asked."""

    asked = 0

    def decode(self, received, height, width):
        type(self).asked += 1
        end = next(k for k in range(self.strips + 1) if k not in received)
        return super().decode({k: received[k] for k in range(end)}, height, width)


class Once(FakeCodec):
    """Encodes once in a process."""

    encoded = False

    def encode(self, image, payload_bytes):
        assert not type(self).encoded
        type(self).encoded = True
        return super().encode(image, payload_bytes)


def story(photo, metrics=("psnr",), side=(64, 48), **scheme):
    fields = {
        "name": "story",
        "image": {"path": photo, "width": side[0], "height": side[1]},
        "link": {"packet_bytes": 30, "loss_ratio": 0.3},
        "schemes": [{"name": "first", "codec": FAKE, **scheme}],
        "metrics": list(metrics),
        "seed": 3,
    }
    return Scenario.model_validate(fields)


def sending_of(scenario, cache):
    return prepare(scenario, scenario.schemes[0], load_photo(scenario.image).pixels, scenario.metrics, cache)


def key_of(photo, **changes):
    return sending_of(story(photo, **changes), Cache(None)).key


def look_up_one_by_one(folder, sending, answers):
    """What a worker process does."""
    scores = cached_judge(sending, Cache(folder))
    answers.put([scores.look_up(frozenset({k})) for k in range(10)])
    answers.put(scores.decoded)


class TestNumbers:
    @pytest.mark.parametrize(
        "scheme",
        [
            {},
            {"scale": 0.4},
            {"options": {"strips": 7}, "transport": {"name": "carousel", "repair_packets": 3}},
            {"codec": "jpeg", "options": {"budget_bytes": 800}, "transport": {"repair_by_stage": [60]}},
        ],
        ids=["plain", "scaled", "repaired", "whole file"],
    )
    def test_every_row_of_a_run_has_the_score_of_the_packets_it_holds(self, tmp_path, one_thread, scheme):
        Image.fromarray(picture(176, 192)).save(tmp_path / "photo.png")
        scenario = story(tmp_path / "photo.png", ("ms-ssim", "psnr"), (192, 176), **scheme)
        scenario = scenario.model_copy(update={"duration_s": 9000.0})
        result = run(scenario)
        sets = [frozenset()]
        for event in result.events:
            if event.kind == "shown":
                sets.append(sets[-1] | {event.payload_index})
        scores = cached_judge(sending_of(scenario, Cache(tmp_path / "cache")), Cache(tmp_path / "cache"))
        for held, structure, noise in zip(sets, result.rows[::2], result.rows[1::2], strict=True):
            score = scores.look_up(held)
            if structure.frame:
                assert score.values == (structure.value, noise.value)
            else:
                assert score.frame == ""
                assert all(map(math.isnan, score.values))
        shown = {point.frame for point in result.rows} - {""}
        assert shown
        assert len({scores.look_up(held).frame for held in sets} - {""}) == len(shown)

    def test_a_photo_of_half_the_size_is_scored_against_the_full_frame(self, small_photo):
        scenario = story(small_photo, scale=0.5)
        reference = load_photo(scenario.image).pixels
        sending = sending_of(scenario, Cache(None))
        coder = FakeCodec()
        half = coder.decode(dict(enumerate(sending.outbox.payloads)), 24, 32)
        full = np.asarray(Image.fromarray(half).resize((64, 48), Image.Resampling.BICUBIC))
        assert cached_judge(sending, Cache(None)).look_up(frozenset(range(10))).values == (psnr(reference, full),)


class TestOnce:
    def test_a_set_is_decoded_once_by_two_that_share_a_folder(self, small_photo, tmp_path):
        sending = sending_of(story(small_photo), Cache(tmp_path))
        first, second = cached_judge(sending, Cache(tmp_path)), cached_judge(sending, Cache(tmp_path))
        assert first.look_up(frozenset({1, 2})) == second.look_up(frozenset({1, 2}))
        assert second.look_up(frozenset({3})) == first.look_up(frozenset({3}))
        assert (first.decoded, second.decoded) == (1, 1)

    def test_worker_processes_agree_and_a_later_one_decodes_nothing(self, small_photo, tmp_path):
        sending = sending_of(story(small_photo), Cache(tmp_path))
        spawn = multiprocessing.get_context("spawn")
        answers = spawn.SimpleQueue()
        workers = [spawn.Process(target=look_up_one_by_one, args=(tmp_path, sending, answers)) for _ in range(2)]
        for worker in workers:
            worker.start()
        told = [answers.get() for _ in range(4)]
        for worker in workers:
            worker.join()
        later = cached_judge(sending, Cache(tmp_path))
        expected = [later.look_up(frozenset({k})) for k in range(10)]
        assert [each for each in told if isinstance(each, list)] == [expected] * 2
        assert later.decoded == 0

    def test_sets_from_which_the_same_payloads_follow_are_one_entry(self, small_photo):
        scores = cached_judge(sending_of(story(small_photo, **THREE_AND_REPAIRS), Cache(None)), Cache(None))
        whole = scores.look_up(frozenset({0, 1, 2}))
        for held in ({0, 1, 3}, {1, 3, 4}, {0, 1, 2, 3, 4}):
            assert scores.look_up(frozenset(held)) == whole
        assert scores.decoded == 1
        assert scores.look_up(frozenset({0, 3})) == scores.look_up(frozenset({0}))
        assert scores.decoded == 2

    def test_repair_packets_that_repair_nothing_show_nothing(self, small_photo):
        scores = cached_judge(sending_of(story(small_photo, **THREE_AND_REPAIRS), Cache(None)), Cache(None))
        assert scores.look_up(frozenset({3, 4})) is scores.look_up(frozenset())
        assert scores.decoded == 0

    def test_what_shows_nothing_is_remembered_too(self, small_photo, tmp_path):
        sending = sending_of(story(small_photo, codec="test_scores:Whole"), Cache(tmp_path))
        for decoded in (1, 0):
            scores = cached_judge(sending, Cache(tmp_path))
            assert scores.look_up(frozenset({1, 2})).frame == ""
            assert scores.decoded == decoded

    def test_a_picture_that_two_sets_show_is_one_frame(self, small_photo, tmp_path):
        sending = sending_of(story(small_photo, codec="test_scores:Prefix"), Cache(tmp_path))
        Prefix.asked = 0
        scores = cached_judge(sending, Cache(tmp_path))
        assert scores.look_up(frozenset({0, 1, 5})) == scores.look_up(frozenset({0, 1, 7}))
        assert Prefix.asked == scores.decoded == 2
        journals = b"".join(journal.read_bytes() for journal in tmp_path.rglob("*.journal"))
        assert journals.count(b'"frame ') == 1

    def test_a_photo_is_coded_once_for_all_links_with_the_same_room(self, small_photo, tmp_path):
        for loss_ratio in (0.1, 0.2):
            scenario = story(small_photo, codec="test_scores:Once")
            link = scenario.link.model_copy(update={"loss_ratio": loss_ratio})
            sending_of(scenario.model_copy(update={"link": link}), Cache(tmp_path))
        with pytest.raises(CodecError, match="encode raised AssertionError"):
            sending_of(story(small_photo, codec="test_scores:Once", options={"strips": 4}), Cache(tmp_path))

    def test_a_warm_cache_answers_without_torch_and_without_the_codec(self, tmp_path, tiny_weights):
        Image.fromarray(picture(176, 192)).save(tmp_path / "photo.png")
        progic = {"codec": "progic", "options": {"model": str(tiny_weights)}}
        scenario = story(tmp_path / "photo.png", ("ms-ssim",), (192, 176), **progic)
        sending = sending_of(scenario, Cache(tmp_path))
        score = cached_judge(sending, Cache(tmp_path)).look_up(frozenset({0, 2}))
        (tmp_path / "sending").write_bytes(pickle.dumps((sending, Cache(tmp_path))))
        code = (
            "import json, pickle, sys; from satsim.scoring.coding import cached_judge\n"
            "scores = cached_judge(*pickle.load(open(sys.argv[1], 'rb')))\n"
            "score = scores.look_up(frozenset({0, 2}))\n"
            "print(json.dumps([score, scores.decoded, 'torch' in sys.modules]))"
        )
        command = [sys.executable, "-c", code, str(tmp_path / "sending")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == [[score.frame, list(score.values)], 0, False]

    def test_a_damaged_entry_is_worked_out_again(self, small_photo, tmp_path):
        sending = sending_of(story(small_photo), Cache(None))
        score = cached_judge(sending, Cache(tmp_path)).look_up(frozenset({1}))
        [journal] = tmp_path.rglob("*.journal")
        journal.write_bytes(journal.read_bytes().replace(b"[", b"{"))
        for decoded, repaired in ((1, 2), (0, 0)):
            cache = Cache(tmp_path)
            scores = cached_judge(sending, cache)
            assert scores.look_up(frozenset({1})) == score
            assert (scores.decoded, cache.repaired) == (decoded, repaired)


class TestKey:
    def test_the_same_sending_has_the_same_key(self, small_photo):
        assert key_of(small_photo) == key_of(small_photo)

    def test_repair_packets_that_change_no_payload_share_scores(self, small_photo):
        assert key_of(small_photo, transport={"repair_packets": 2}) == key_of(small_photo)

    @pytest.mark.parametrize(
        "changes",
        [
            {"options": {"strips": 9}},
            {"metrics": ["dists-lite"]},
            {"metrics": ["psnr", "dists-lite"]},
            {"scale": 0.5},
            {"side": (48, 64)},
            {"codec": "test_scores:Prefix"},
        ],
        ids=str,
    )
    def test_what_changes_scores_changes_the_key(self, small_photo, changes):
        assert key_of(small_photo, **changes) != key_of(small_photo)

    def test_one_pixel_changes_the_key_even_where_payloads_stay_the_same(self, small_photo):
        before = key_of(small_photo)
        pixels = np.asarray(Image.open(small_photo)).copy()
        pixels[0, 0, 0] ^= 1
        Image.fromarray(pixels).save(small_photo)
        assert key_of(small_photo) != before

    def test_other_weights_under_the_same_name_change_the_key(self, small_photo, tmp_path):
        weights = tmp_path / "model.safetensors"
        keys = set()
        for seed in (0, 1):
            write_tiny_weights(weights, seed)
            keys.add(key_of(small_photo, codec="progic", options={"model": str(weights)}))
        assert len(keys) == 2

    def test_a_metrics_weights_change_the_key(self, small_photo, tmp_path, monkeypatch):
        monkeypatch.setenv("SATSIM_CACHE", str(tmp_path))
        keys = set()
        for content in (b"", b"one", b"two"):
            (tmp_path / "squeezenet1_1_features.safetensors").write_bytes(content)
            keys.add(key_of(small_photo, metrics=["lpips-squeeze"]))
        assert len(keys) == 3

    @pytest.mark.parametrize("option", ["{file}", "python3 {file} --quality 3"])
    def test_a_file_that_an_option_names_counts_by_its_content(self, tmp_path, option):
        file = tmp_path / "coder.py"
        digests = set()
        for content in ("1", "22"):
            file.write_text(content)
            digests.add(options_digest({"encode": option.format(file=file)}))
        assert len(digests) == 2

    def test_the_code_of_ones_own_codec_counts_by_all_files_of_its_package(self, tmp_path):
        package = tmp_path / "own_codec"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "named.py").write_text("from own_codec.inner import Own\n")
        code = "from satsim.scoring.digests import code_digest; print(code_digest('own_codec.named'))"
        digests = set()
        for content in ("class Own: pass", "class Own: ..."):
            (package / "inner.py").write_text(content)
            path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
            done = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}
            )
            digests.add(done.stdout)
        assert len(digests) == 2


class TestMistakes:
    @pytest.mark.parametrize(
        ("scheme", "kind", "complaint"),
        [
            ({"codec": "avvif"}, CodecError, "codec is 'avvif'; did you mean 'avif'"),
            ({"codec": "progic", "options": {"model": "absent.safetensors"}}, WeightsError, "no such weights file"),
            ({"codec": "test_pipeline:Oversize"}, CodecError, "payload 0 has 11 bytes; expected 1 to 10"),
        ],
    )
    def test_a_mistake_carries_the_names_of_scenario_and_scheme(self, small_photo, scheme, kind, complaint):
        with pytest.raises(kind, match=f"^scenario story, scheme 'first': .*{complaint}"):
            sending_of(story(small_photo, **scheme), Cache(None))

    def test_a_process_with_other_versions_refuses_to_score(self, small_photo):
        sending = sending_of(story(small_photo), Cache(None))
        elsewhere = replace(sending, made_with={**sending.made_with, "numpy": "1.0"})
        with pytest.raises(
            CodecError, match=r"scenario story, scheme 'first': numpy is .* but 1\.0 where the photo was"
        ):
            cached_judge(elsewhere, Cache(None)).look_up(frozenset({1}))

    def test_weights_that_went_missing_are_told_with_the_mend(self, small_photo, tmp_path, monkeypatch):
        monkeypatch.setenv("SATSIM_CACHE", str(tmp_path))
        monkeypatch.delenv("SATSIM_WEIGHTS", raising=False)
        sending = sending_of(story(small_photo, metrics=["lpips-squeeze"]), Cache(None))
        with pytest.raises(WeightsError, match=r"scheme 'first': weights of lpips-squeeze are missing: .*mend: "):
            cached_judge(sending, Cache(None)).look_up(frozenset({1}))


def test_the_cache_lies_in_the_folder_of_satsim_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SATSIM_CACHE", str(tmp_path))
    assert default_folder() == tmp_path / "sweeps"
