"""Studies: which designs there are, how they are judged, which is recommended, and what is said where none will do."""

import csv
import json
import math
import sys

import numpy as np
import pytest
from PIL import Image

from codec.base import BudgetError
from codec.fake import FakeCodec
from satsim.errors import StudyError
from satsim.links.linkspec import Ack, LinkSpec
from satsim.photoset.photos import find_photos
from satsim.pipeline import run
from satsim.scenario.scenario import load_scenario
from satsim.study.front import beats, pareto
from satsim.study.goal import Goal, parse_goal
from satsim.study.outcome import certain, quality, runs_to_be_sure, verdict_on
from satsim.study.plan import read_plan
from satsim.study.results import write_study
from satsim.study.run import run_study
from satsim.study.search import at_most
from satsim.study.space import Design, OperatingPoint, Size, Space, codings, designs, plainest, schemes
from satsim.sweep.local import run_here
from satsim.sweep.quantiles import share

FAKE = "codec.fake:FakeCodec"
GOAL = Goal("psnr", 5.0, 60.0, 0.9)


@pytest.fixture
def scenario_file(small_photo):
    """A message every 10 s of which half are lost, a run of 100 s, and a codec that paints strips."""
    path = small_photo.with_name("plain.yaml")
    path.write_text(
        "name: plain\nimage: {path: photo.png, width: 64, height: 48}\n"
        "link: {packet_bytes: 60, interval_s: 10, loss_ratio: 0.5}\nduration_s: 100\nmetrics: [psnr]\n"
        f"schemes: [{{name: any, codec: '{FAKE}'}}]\n",
        encoding="utf-8",
    )
    return path


def studied(path, goal="psnr >= 5 by 60 s with 0.9", budget=(), settings=(), trials=300, runs=400, **space):
    """The study of `path` with one strip a picture, sent once, unless `space` says otherwise."""
    plain = {"codecs": [f"{FAKE}:strips=1"], "scales": [1], "transports": ["once"], "copies": [1], "repair": [0]}
    options = {"goal": goal, "budget": list(budget), "space": plain | space, "replications": runs, "trials": trials}
    return run_study(read_plan(path, options, settings), run_here)


def by_name(study):
    return {outcome.name: outcome for outcome in study.found.outcomes}


# Designs


CODING = OperatingPoint(FAKE, "fake", {}, "", 1.0)


def ways(size, link, **space):
    return [str(design) for design in designs(Space(**space), CODING, size, link)]


def test_a_link_without_acknowledgements_never_gets_arq():
    assert ways(Size(5, 1), LinkSpec(), copies=(1,), repair=(0,)) == ["fake, once", "fake, carousel"]


def test_arq_needs_neither_copies_nor_repair_packets():
    link = LinkSpec(ack=Ack(kind="session"))
    assert ways(Size(5, 1), link, transports=("arq",)) == ["fake, arq"]


def test_arq_with_a_lossy_ground_may_need_repair_packets():
    link = LinkSpec(ack=Ack(kind="satellite"), ground_loss_ratio=0.1)
    assert ways(Size(5, 1), link, transports=("arq",), repair=(0, 2)) == ["fake, arq", "fake, arq, 2 repair"]


def test_repair_packets_of_a_single_message_are_copies_of_it():
    assert ways(Size(1, 1), LinkSpec(), transports=("once",), copies=(1, 2), repair=(0, 1)) == [
        "fake, once", "fake, once, 2 copies", "fake, once, 3 copies",
    ]  # fmt: skip


def test_a_carousel_of_a_whole_file_goes_round_without_copies():
    assert ways(Size(3, 3), LinkSpec(), transports=("carousel",), repair=(0,)) == ["fake, carousel"]
    assert ways(Size(3, 1), LinkSpec(), transports=("carousel",), repair=(0,)) == [
        "fake, carousel", "fake, carousel, 2 copies",
    ]  # fmt: skip


def test_stages_are_stages_of_progic_and_messages_of_a_file():
    found = codings(Space(codecs=("progic", "avif"), stages=(1, 3), scales=(1.0, 0.5)))
    assert [str(coding) for coding in found] == [
        "progic 1 stage", "progic 3 stages", "progic 1 stage at 0.5", "progic 3 stages at 0.5",
        "avif 1 message", "avif 3 messages", "avif 1 message at 0.5", "avif 3 messages at 0.5",
    ]  # fmt: skip
    assert found[5].options == {"budget_packets": 3}


def test_an_option_that_is_given_stays_as_it_is():
    space = Space(codecs=("progic:model=nano,stages=2", f"{FAKE}:strips=4"), stages=(1, 3), scales=(1.0,))
    assert [(str(c), c.options) for c in codings(space)] == [
        ("progic model=nano stages=2", {"model": "nano", "stages": 2}), ("FakeCodec strips=4", {"strips": 4}),
    ]  # fmt: skip


def test_designs_of_one_name_get_numbers():
    twins = [Design(OperatingPoint(f"{module}:Codec", "Codec", {}, "", 1.0), "once", 1, 0) for module in "ab"]
    assert [scheme.name for scheme in schemes(twins)] == ["Codec, once", "Codec, once #2"]


def test_a_design_that_makes_no_sense_is_none():
    assert plainest(Design(CODING, "arq", 1, 0), Size(1, 1), LinkSpec()) is None


# Judging


@pytest.mark.parametrize(
    ("came", "runs", "verdict"),
    [(400, 400, "met"), (390, 400, "met"), (382, 400, "met, but not certain"), (379, 400, "not met"),
     (50, 50, "met, but not certain")],
)  # fmt: skip
def test_a_goal_is_met_where_the_lower_end_of_the_interval_is(came, runs, verdict):
    ratio, low, _ = share(came, runs)
    assert verdict_on(ratio, low, Goal("psnr", 5, 60, 0.95)) == verdict


def test_runs_that_can_show_95_percent_are_at_least_73():
    # All n of n: the lower end is n / (n + 1.96^2), which reaches 0.95 at n = 19 * 3.8415 = 72.99.
    assert runs_to_be_sure(Goal("psnr", 5, 60, 0.95)) == 73


def test_numbers_are_what_a_share_of_the_runs_is_at_least_as_good_as():
    times = np.array([5.0, 1, 2, 4, np.nan])
    assert certain(times, Goal("psnr", 5, 60, 0.8)) == 5
    assert math.isnan(certain(times, Goal("psnr", 5, 60, 0.81)))
    assert quality(times, Goal("psnr", 5, 60, 0.8)) == 1  # higher is better: four of five reach 1
    assert quality(times, Goal("dists", 5, 60, 0.4)) == 2


def test_the_front_by_hand():
    early_bad_cheap, late_good_cheap, late_bad_cheap, late_good_dear = (1, 9, 1), (5, 2, 1), (5, 9, 1), (5, 2, 3)
    assert pareto([late_bad_cheap, early_bad_cheap, late_good_dear, late_good_cheap]) == [1, 3]
    assert pareto([(1, 1), (1, 1)]) == [0]
    assert beats((1, 2), (1, 3))
    assert not beats((1, 2), (1, 2))


# Whole studies


def test_copies_meet_the_goal_as_often_as_they_should(scenario_file):
    """A message sent n times arrives with 1 - 0.5^n. Five standard deviations at 400 runs are at most 0.125."""
    found = by_name(studied(scenario_file, copies=[1, 2, 3, 4, 5]))
    for copies, words in enumerate(["", ", 2 copies", ", 3 copies", ", 4 copies", ", 5 copies"], 1):
        truth = 1 - 0.5**copies
        bound = 5 * math.sqrt(truth * (1 - truth) / 400)
        assert abs(found[f"FakeCodec strips=1, once{words}"].share - truth) < bound


def test_the_cheapest_design_that_meets_the_goal_for_certain_is_recommended(scenario_file):
    """One, two, seven and eight copies arrive with 0.5, 0.75, 0.992 and 0.996; 400 runs certify 0.9 from 0.93 on."""
    study = studied(scenario_file, copies=[1, 2, 7, 8])
    assert study.recommended.name == "FakeCodec strips=1, once, 7 copies"
    assert study.recommended.verdict == study.confirmed.verdict == "met"
    assert study.recommended.spent["messages"] == 7
    assert "Send FakeCodec strips=1, once, 7 copies: " in study.sentence


def test_the_choice_is_tried_on_seeds_that_did_not_choose_it(scenario_file):
    study = studied(scenario_file, copies=[3], goal="psnr >= 5 by 60 s with 0.8")
    assert study.recommended is not None
    assert study.confirmed.share != study.recommended.share


def test_on_a_lossless_link_one_message_does(scenario_file):
    study = studied(scenario_file, settings=["link.loss_ratio=0"], copies=[1, 2], transports=["once", "carousel"])
    assert study.recommended.name == "FakeCodec strips=1, once"
    assert study.recommended.first_image_s == 0
    assert [each.name for each in study.front] == ["FakeCodec strips=1, once"]


def test_an_acknowledged_link_gets_arq_and_needs_fewer_messages_for_it(scenario_file):
    """Sent until it is acknowledged: 5 slots in 60 s with waits in between, where 8 copies always cost 8."""
    settings = ["link.ack.kind=session", "link.retry_interval_s=1", "link.interval_s=1", "duration_s=200"]
    study = studied(scenario_file, settings=settings, transports=["once", "arq"], copies=[8])
    assert set(by_name(study)) == {"FakeCodec strips=1, once, 8 copies", "FakeCodec strips=1, arq"}
    assert study.recommended.name == "FakeCodec strips=1, arq"


def test_a_budget_takes_away_what_costs_more(scenario_file):
    study = studied(scenario_file, copies=[2, 7], budget=["messages <= 4"])
    assert study.recommended is None
    assert [each.over for each in study.found.outcomes] == [(), ("messages <= 4",)]
    assert [each.name for each in study.front] == []  # two copies show nothing in a quarter of all runs
    assert "(met by 'FakeCodec strips=1, once, 7 copies', but with messages 7)" in study.sentence


def test_minutes_are_told_by_the_last_message(scenario_file):
    study = studied(scenario_file, copies=[7], transports=["once", "carousel"], budget=["minutes <= 1"])
    minutes = {name: outcome.spent["minutes"] for name, outcome in by_name(study).items()}
    # Seven slots from 0 s to 60 s; a carousel goes on to the last slot before 100 s.
    assert minutes == {"FakeCodec strips=1, once, 7 copies": 1.0, "FakeCodec strips=1, carousel": 1.5}
    assert study.recommended.name == "FakeCodec strips=1, once, 7 copies"


def test_a_budget_that_nothing_keeps_to_says_the_least(scenario_file):
    study = studied(scenario_file, budget=["messages <= 0"])
    assert study.sentence == "no design keeps to messages <= 0; the least is 1 messages"


def test_a_price_that_is_known_is_what_counts(scenario_file):
    price = ["link.cost.price_per_message=0.5", "link.loss_ratio=0"]
    study = studied(scenario_file, settings=price, budget=["price <= 1"], copies=[1, 3])
    assert study.cost == "price"
    assert [each.spent["price"] for each in study.found.outcomes] == [0.5, 1.5]
    assert study.sentence.endswith("1 message, 0.50 USD (at a certainty of 0.9).")


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ("psnr >= 5 by 60 s with 0.9", "{:.1%} of its runs"),
        ("psnr >= 40 by 60 s with 0.4", "by then 0.4 of them reach psnr {:.3g}"),
        ("psnr >= 40 by 60 s with 0.9", "by then 0.1 or more of them show nothing"),
    ],
)
def test_a_goal_that_nothing_meets_says_how_close_the_best_came(scenario_file, goal, said):
    study = studied(scenario_file, goal=goal)
    (only,) = study.found.outcomes
    assert study.recommended is None
    assert study.sentence.startswith(
        f"no design meets the goal {parse_goal(goal)}; closest is 'FakeCodec strips=1, once'"
    )
    assert said.format(only.share if "%" in said else only.final) in study.sentence


def test_a_goal_that_comes_too_late_says_when_it_would_be_met(scenario_file):
    """One message every 20 s without loss: the third strip of three is there after 40 s."""
    settings = ["link.loss_ratio=0", "link.interval_s=20"]
    every = studied(
        scenario_file, settings=settings, codecs=[f"{FAKE}:strips=3"], runs=1, goal="psnr >= 1 by 90 s with 0.9"
    )
    whole = every.found.outcomes[0].final
    study = studied(
        scenario_file,
        settings=settings,
        codecs=[f"{FAKE}:strips=3"],
        goal=f"psnr >= {whole - 0.01:.6f} by 30 s with 0.9",
    )
    assert "it takes until 40 s for 0.9" in study.sentence


def test_a_run_is_made_long_enough_for_the_goal(scenario_file):
    plan = read_plan(scenario_file, {"goal": "psnr >= 5 by 100 s with 0.9"})
    assert plan.scenario.duration_s == 101
    assert "runs last 101 s, a second beyond the goal's time, not 100 s" in plan.notices


def test_too_few_runs_to_be_sure_are_told(scenario_file):
    study = studied(scenario_file, runs=30, settings=["link.loss_ratio=0"])
    assert study.recommended.verdict == "met, but not certain"
    assert "30 runs cannot show 0.9 for certain; --replications 35 could" in study.notices
    assert "(not certain: " in study.sentence


def test_a_photo_that_cannot_be_coded_so_is_left_out_with_the_reason(scenario_file):
    study = studied(scenario_file, codecs=["avif", f"{FAKE}:strips=1"], stages=[1], settings=["link.packet_bytes=30"])
    assert list(study.found.left_out) == ["avif 1 message"]
    assert "the smallest 64x48 picture takes" in study.found.left_out["avif 1 message"]
    assert any("cannot be coded, so left out: avif 1 message (avif: " in notice for notice in study.notices)


def test_a_space_of_nothing_says_why(scenario_file):
    with pytest.raises(StudyError, match="no design is left to weigh: avif: the smallest"):
        studied(scenario_file, codecs=["avif"], stages=[1], settings=["link.packet_bytes=30"])


def test_a_goal_is_not_judged_by_another_metric(scenario_file):
    with pytest.raises(StudyError, match="cannot be judged: it needs sides of at least 161 pixels"):
        studied(scenario_file, goal="ms-ssim >= 0.8 by 60 s with 0.9")


# Large spaces


LARGE = {"codecs": [f"{FAKE}:strips={n}" for n in (1, 2, 3, 4)], "copies": [1, 2, 3, 4], "repair": [0, 1, 2]}


def test_of_a_large_space_an_optimizer_picks_the_same_designs_each_time(scenario_file):
    pytest.importorskip("optuna")
    once, again = (studied(scenario_file, trials=12, runs=50, **LARGE) for _ in range(2))
    assert once.found.how == "NSGA-II"
    assert len(by_name(once)) == len(once.found.outcomes) == 12
    assert by_name(once).keys() == by_name(again).keys()


def test_an_optimizer_that_has_seen_all_stops(scenario_file):
    pytest.importorskip("optuna")
    small = LARGE | {"codecs": [f"{FAKE}:strips=1"], "repair": [0]}
    study = studied(scenario_file, trials=3, runs=20, **small)
    assert len(study.found.outcomes) == 3


def test_without_optuna_a_large_space_is_refused_with_the_mend(scenario_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(
        StudyError, match=r"need the library Optuna: pip install 'satsim-link\[study\]' \(or raise --trials\)"
    ):
        studied(scenario_file, trials=12, **LARGE)


# Files


def test_the_folder_holds_every_design_the_front_and_a_figure(scenario_file, tmp_path):
    study = studied(scenario_file, copies=[2, 7], goal="psnr >= 5 by 60 s with 0.9")
    write_study(study, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "study.json", "designs.csv", "front.csv", "front.png", "notes.md", "recommended.yaml", "inputs",
    }  # fmt: skip
    rows = list(csv.DictReader((tmp_path / "out" / "designs.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["design"], row["messages"], row["price"], row["recommended"]) for row in rows] == [
        ("FakeCodec strips=1, once, 2 copies", "2", "", "no"), ("FakeCodec strips=1, once, 7 copies", "7", "", "yes"),
    ]  # fmt: skip
    about = json.loads((tmp_path / "out" / "study.json").read_text(encoding="utf-8"))
    assert about["goal"]["text"] == "psnr >= 5 by 1 min with 0.9"
    assert (about["designs"], about["replications"], about["seeds"]) == (2, 400, [1, 400])
    assert about["confirmed"]["seeds"] == [401, 800]


def test_the_recommended_scenario_runs_and_meets_the_goal(scenario_file, tmp_path):
    """Eight copies of which half are lost: 1 run in 256 fails, so of seeds 1 to 5 all pass but with chance 0.02."""
    write_study(studied(scenario_file, copies=[8]), tmp_path / "out")
    file = tmp_path / "out" / "recommended.yaml"
    assert file.read_text(encoding="utf-8").startswith(
        "# Goal: psnr >= 5 by 1 min with 0.9. Send FakeCodec strips=1, once, 8"
    )
    for seed in range(1, 6):
        summary = run(load_scenario(file, [f"seed={seed}"])).summary
        (scheme,) = summary["schemes"].values()
        assert scheme["time_to_quality_s"]["psnr"]["5"] <= 60


def test_the_recommended_scenario_keeps_what_was_set_against_a_preset(scenario_file, tmp_path):
    settings = ["link={preset: sbd_9603_open, delay_s: 0, interval_s: 60}"]
    study = studied(scenario_file, settings=settings, transports=["arq"])
    write_study(study, tmp_path / "out")
    assert load_scenario(tmp_path / "out" / "recommended.yaml").link == study.plan.scenario.link


def test_a_study_file_names_its_scenario_and_options_are_above_it(scenario_file):
    file = scenario_file.with_name("study.yaml")
    file.write_text(
        "scenario: plain.yaml\ntitle: Copies\nset: [link.loss_ratio=0.25]\ngoal: psnr >= 5 by 60 s with 0.9\n"
        "budget: [messages <= 5]\nspace: {copies: [1, 2, 3], transports: [once]}\nreplications: 50\n",
        encoding="utf-8",
    )
    plan = read_plan(file, {})
    assert (plan.scenario.title, plan.scenario.link.loss_ratio, plan.replications) == ("Copies", 0.25, 50)
    assert (plan.space.copies, plan.space.transports, plan.space.stages) == ((1, 2, 3), ("once",), (1, 2, 3, 5))
    above = read_plan(file, {"goal": "psnr >= 6 by 60 s with 0.9", "space": {"copies": [4]}}, ["link.loss_ratio=0.1"])
    assert (above.goal.level, above.space.copies, above.space.transports) == (6, (4,), ("once",))
    assert (above.scenario.link.loss_ratio, [str(each) for each in above.budgets]) == (0.1, ["messages <= 5"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gaol: psnr >= 5 by 60 s with 0.9", "gaol is no key; did you mean goal?"),
        ("space: {copys: [1]}", "space.copys is no key; did you mean copies?"),
        ("space: {copies: [0]}", "space.copies.0 is 0; expected 1 to 20"),
        ("replications: none", "replications is 'none'"),
        ("space: 3", "space is 3"),
        ("title: plain", "a study needs a goal"),
        ("goal: psnr >= 5 by 60 s with 0.9\nspace: {copies: []}", "copies is empty; expected at least one"),
        (
            "goal: psnr >= 5 by 60 s with 0.9\nspace: {transports: [often]}",
            "transport is 'often'; expected one of: once",
        ),
        ("goal: psnr >= 5 by 60 s with 0.9\nbudget: [price <= 3]", "the price of a message is not known on this link"),
        ("goal: psnr >= 5 by 60 s with 0.9\nbudget: [energy <= 3]", "(set link.cost.joules_per_message, or limit"),
        ("goal: psnr >= 5 by 60 s with 0.9\nset: [link.measured_times=true]", "set encode_s and decode_s"),
    ],
)
def test_a_study_that_cannot_run_is_told_in_one_line(scenario_file, text, said):
    file = scenario_file.with_name("study.yaml")
    file.write_text(f"scenario: plain.yaml\n{text}\n", encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        read_plan(file, {})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_chance_of_so_few_successes_by_hand():
    assert at_most(0, 2, 0.5) == 0.25
    assert at_most(1, 2, 0.5) == 0.75
    assert at_most(44, 50, 0.95) == pytest.approx(0.0378, abs=0.0001)  # still goes on


def test_a_hopeless_design_is_left_alone_after_a_first_look_and_that_is_said(scenario_file):
    """One copy shows in half of all runs; a design that meets 0.9 shows in 36 of 50 or fewer with chance 0.0003."""
    study = studied(scenario_file, copies=[1, 7], goal="psnr >= 5 by 60 s with 0.9")
    assert {name.rpartition(", ")[2]: outcome.runs for name, outcome in by_name(study).items()} == {
        "once": 50, "7 copies": 400,
    }  # fmt: skip
    assert "1 design looked hopeless after 50 runs, and was not run further" in study.notices


# A set of photos


@pytest.fixture
def two_photos(tmp_path):
    """A photo of which black is no bad picture, and one of which it is a bad one."""
    folder = tmp_path / "set"
    folder.mkdir()
    for name, shade in (("dark", 20), ("light", 230)):
        Image.new("RGB", (64, 48), (shade, shade, shade)).save(folder / f"{name}.png")
    return find_photos([folder])


def test_a_goal_over_a_set_counts_all_runs_and_each_photo_weighs_the_same(scenario_file, two_photos, tmp_path):
    """Two strips; half of the packets are lost; of a black lower half the light photo has 4 dB, the dark one 25."""
    plain = {"codecs": [f"{FAKE}:strips=2"], "scales": [1], "transports": ["once"], "copies": [1], "repair": [0]}
    options = {"goal": "psnr >= 15 by 60 s with 0.4", "space": plain, "replications": 301}
    plan = read_plan(scenario_file, options, [], None, two_photos)
    assert plan.replications == 302, "as many on each photo"
    study = run_study(plan, run_here)
    (outcome,) = study.found.outcomes
    dark, light = outcome.shares
    assert dark == pytest.approx(0.75, abs=0.15), "either strip will do"
    assert light == pytest.approx(0.25, abs=0.15), "it takes both strips"
    assert outcome.share == pytest.approx((dark + light) / 2)
    assert study.confirmed.runs == 2 * 302
    assert "over 2 photos, of which 1 meet the goal on their own" in study.sentence
    write_study(study, tmp_path / "out")
    with (tmp_path / "out" / "photos.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["photo"], row["goal_met"]) for row in rows] == [("dark.png", "yes"), ("light.png", "no")]
    about = json.loads((tmp_path / "out" / "study.json").read_text(encoding="utf-8"))
    assert about["photos"] == ["dark.png", "light.png"]
    assert about["confirmed"]["photos_that_meet_the_goal"] == 1


def test_a_set_of_one_photo_is_that_photo(scenario_file):
    alone = studied(scenario_file, copies=[1, 3])
    (photo,) = find_photos([scenario_file.parent])
    plain = {"codecs": [f"{FAKE}:strips=1"], "scales": [1], "transports": ["once"], "copies": [1, 3], "repair": [0]}
    options = {"goal": "psnr >= 5 by 60 s with 0.9", "space": plain, "replications": 400, "trials": 300}
    study = run_study(read_plan(scenario_file, options, (), None, [photo]), run_here)
    assert repr(study.found.outcomes) == repr(alone.found.outcomes)


class Picky(FakeCodec):
    """It cannot code what is bright."""

    def encode(self, image, payload_bytes):
        if image.mean() > 200:
            raise BudgetError("too bright")
        return super().encode(image, payload_bytes)


def test_a_coding_that_fails_on_one_photo_is_left_out_and_the_photo_named(scenario_file, two_photos):
    space = {"codecs": [f"{__name__}:Picky", f"{FAKE}:strips=1"], "scales": [1], "transports": ["once"]}
    options = {"goal": "psnr >= 5 by 60 s with 0.2", "space": space, "replications": 30}
    study = run_study(read_plan(scenario_file, options, (), None, two_photos), run_here)
    assert {outcome.design.coding.codec for outcome in study.found.outcomes} == {FAKE}
    assert study.found.left_out == {"Picky": "light.png: too bright"}


def test_all_codecs_of_a_study_that_cannot_be_are_told_at_once(story):
    codecs = ["avfi", "codec.fake:FakeCodec:strips=1", "jpeg:quality=3", "progic:model=nanno", ":"]
    with pytest.raises(StudyError) as caught:
        read_plan(story, {"goal": "psnr >= 5 by 60 s with 0.5", "space": {"codecs": codecs}})
    assert str(caught.value).splitlines() == [
        "codec is 'avfi'; did you mean 'avif'?",
        "codec jpeg has no option 'quality'; expected one of: budget_bytes, quick",
        "model is 'nanno'; expected a .safetensors file or one of: nano, small",
        "codec ':': expected NAME or NAME:key=value, such as avif or progic:model=nano",
    ]


def test_mistakes_of_goal_budget_and_scenario_are_told_at_once(tmp_path):
    (tmp_path / "bad.yaml").write_text("name: bad\nlink: {loss_ratio: 3}\n")
    with pytest.raises(StudyError) as told:
        read_plan(tmp_path / "bad.yaml", {"goal": "soon", "budget": ["cheap"]})
    lines = str(told.value).splitlines()
    assert "'soon'" in lines[0]
    assert "'cheap'" in lines[1]
    assert any("link.loss_ratio" in line for line in lines[2:])
