"""Scenario files: what is read, and the line for every mistake."""

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from satsim.errors import ScenarioError
from satsim.links.linkspec import LinkSpec
from satsim.messages import check_part
from satsim.scenario.scenario import ImageSpec, Scenario, TransportSpec, load_scenario, slug
from satsim.scenario.settings import check_codecs, override

GOOD = {
    "name": "test",
    "image": {"path": "photo.png"},
    "link": {"packet_bytes": 360, "loss_ratio": 0.1},
    "schemes": [{"name": "one", "codec": "progic"}, {"name": "two", "codec": "avif", "options": {"budget_bytes": 340}}],
}


@pytest.fixture
def scenario_file(tmp_path):
    """Writes a scenario, or any text, to story.yaml."""

    def write(content):
        path = tmp_path / "story.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


def complaint_about(path, settings=()):
    """The one line that loading `path` ends in."""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, settings)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_good_file_loads_with_the_papers_defaults(scenario_file):
    scenario = load_scenario(scenario_file(GOOD))
    assert (scenario.image.width, scenario.image.height, scenario.image.fit) == (256, 256, "crop")
    assert scenario.link.interval_s == 60
    assert scenario.link.packet_bytes == 360
    assert scenario.metrics == ("dists",)
    assert [scheme.transport for scheme in scenario.schemes] == [TransportSpec(name="once"), TransportSpec(name="once")]
    assert scenario.schemes[1].options == {"budget_bytes": 340}


def test_the_image_is_found_beside_the_scenario_wherever_one_stands(scenario_file, tmp_path, monkeypatch):
    path = scenario_file(GOOD)
    monkeypatch.chdir("/")
    assert load_scenario(path).image.path == (tmp_path / "photo.png").resolve()


def test_an_absolute_image_path_stays(scenario_file):
    assert load_scenario(scenario_file(GOOD), ["image.path=/far/photo.png"]).image.path == Path("/far/photo.png")


def test_a_resolved_scenario_loads_again_as_the_same(scenario_file):
    scenario = load_scenario(scenario_file(GOOD), ["seed=7"])
    assert load_scenario(scenario_file(scenario.model_dump(mode="json"))) == scenario


def test_a_scenario_cannot_be_changed_once_loaded(scenario_file):
    with pytest.raises(ValueError, match="frozen"):
        load_scenario(scenario_file(GOOD)).seed = 5


def test_a_missing_file_is_named(tmp_path):
    assert "absent.yaml: no such scenario file" in complaint_about(tmp_path / "absent.yaml")


def test_a_folder_is_no_scenario(tmp_path):
    assert f"{tmp_path}: cannot be read as text" in complaint_about(tmp_path)


def test_a_picture_is_no_scenario(tmp_path):
    path = tmp_path / "photo.yaml"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "photo.yaml: cannot be read as text" in complaint_about(path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: a\nimage: [1, 2", "story.yaml: line 2: not YAML"),
        ("a\tb: : c", "story.yaml: line 1: not YAML"),
        ("name: \x01", "story.yaml: not YAML"),
        ("title: 2024-13-45", "story.yaml: not YAML (month must be in 1..12)"),
        ("seed: " + "9" * 5000, "story.yaml: line 1: is a number of 5,000 digits; expected at most 300"),
        ("seed: 0x" + "f" * 6000, "story.yaml: line 1: is a number of 6,002 digits"),
        ("x: " + "[" * 600, "story.yaml: line 1: not YAML"),
        ("x: " + "[" * 60 + "]" * 60, "story.yaml: line 1: nested more than 50 deep"),
        ("name: a\nseed: 1\nname: b", "story.yaml: line 3: has the key 'name' twice; keep one"),
        ("link: {loss_ratio: 0, loss_ratio: 1}", "story.yaml: line 1: has the key 'loss_ratio' twice"),
        ("name: a\nnotes: &all [*all]", "story.yaml: line 2: nested more than 50 deep, or without end"),
        ('image: {path: "a\\0b"}', "story.yaml: line 1: holds the character '\\x00', which no text or path may hold"),
        ("title: !!bool maybe", "story.yaml: not YAML (a value is not what its tag says)"),
        ("x: " + "y" * 300_000, "story.yaml: holds more than 250,000 letters; expected a shorter text"),
        ("- one\n- two", "story.yaml: holds list; expected keys such as name"),
        ("", "story.yaml: holds NoneType"),
        ("just words", "story.yaml: holds str"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_not_a_scenario_at_all(scenario_file, text, complaint):
    assert complaint in complaint_about(scenario_file(text))


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        # unknown keys name the nearest valid one
        ("lnik.loss_ratio=0.1", "story.yaml: lnik is no key; did you mean link?"),
        ("link.los_ratio=0.1", "story.yaml: link.los_ratio is no key; did you mean loss_ratio?"),
        ("image.widht=100", "story.yaml: image.widht is no key; did you mean width?"),
        ("schemes.0.codek=avif", "story.yaml: schemes.0.codek is no key; did you mean codec?"),
        ("link.zzz=1", "story.yaml: link.zzz is no key; expected one of: preset, packet_bytes, interval_s"),
        # out of range
        ("link.loss_ratio=10", "story.yaml: link.loss_ratio is 10; expected 0 to 1 (write 0.1 for ten percent)"),
        ("link.loss_ratio=-0.1", "story.yaml: link.loss_ratio is -0.1; expected 0 to 1"),
        ("link.packet_bytes=20", "link.packet_bytes is 20; expected more than 20, at most 1000000 (20 of them are"),
        ("link.interval_s=0", "link.interval_s is 0; expected more than 0, at most 86400"),
        ("link.delay_s=-1", "link.delay_s is -1; expected 0 to 86400"),
        ("image.width=15", "image.width is 15; expected 16 to 4096"),
        ("image.height=5000", "image.height is 5000; expected 16 to 4096"),
        ("duration_s=0", "duration_s is 0; expected more than 0"),
        ("seed=-1", "seed is -1; expected at least 0"),
        ("link.loss_ratio=.nan", "link.loss_ratio is nan"),
        ("link.loss_ratio=1e999", "link.loss_ratio is '1e999'; expected a finite number (write 0.1 for ten percent)"),
        ("seed='" + "9" * 5000 + "'", "seed is '99999"),
        ("duration_s=.inf", "duration_s is inf"),
        # wrong types and words
        ("link.loss_ratio=much", "story.yaml: link.loss_ratio is 'much'"),
        ("link.packet_bytes=360.5", "story.yaml: link.packet_bytes is 360.5"),
        ("link=5", "story.yaml: link is 5"),
        ("schemes=progic", "story.yaml: schemes is 'progic'"),
        ("schemes=[]", "story.yaml: schemes is []"),
        ("metrics=dists", "story.yaml: metrics is 'dists'"),
        ("image.fit=stretch", "image.fit is 'stretch'; expected 'crop', 'pad' or 'keep'"),
        (
            "schemes.1.transport=pigeon",
            "schemes.1.transport.name is 'pigeon'; expected 'auto', 'once', 'carousel'",
        ),
        ("name=a/b", "story.yaml: name is 'a/b'"),
        ("name=../up", "story.yaml: name is '../up'"),
        ("image.path=null", "story.yaml: image.path is None"),
        # loss, delay, windows: each model has keys of its own
        ("link.loss={model: gilber}", "link.loss.model is 'gilber'; did you mean 'gilbert_elliott'?"),
        ("link.loss=abc", "link.loss is 'abc'; expected keys (model: gilbert_elliott or two_state"),
        ("link.ack=3", "link.ack is 3; expected keys (kind, delay_s, timeout_s, false_negative_ratio)"),
        ("quality_levels=2", "quality_levels is 2; expected keys with values"),
        ("schemes=3", "schemes is 3; expected a list"),
        ("schemes.0=x", "schemes.0 is 'x'; expected keys (name, codec,"),
        ("link.loss={good_to_bad: 1}", "link.loss.model is missing; expected one of: gilbert_elliott"),
        (
            "link.loss={model: gilbert_elliott, good_to_bad: 2, bad_to_good: 1}",
            "link.loss.good_to_bad is 2; expected 0 to 1",
        ),
        ("link.loss={model: trace}", "link.loss.path is missing"),
        (
            "link.loss={model: two_state, mean_good_s: 1, mean_bad_s: 1, los_bad: 1}",
            "link.loss.los_bad is no key; did you mean loss_bad?",
        ),
        (
            "link.loss={model: gilbert_elliott, good_to_bad: 0, bad_to_good: 0}",
            "link.loss.good_to_bad and bad_to_good are both 0",
        ),
        ("link.windows={model: list, open_s: [[5, 2]]}", "link.windows.open_s is [[5.0, 2.0]]; expected start"),
        ("link.windows={model: periodic, period_s: 5, open_s: 9}", "windows.open_s is 9; expected at most period_s"),
        ("link.delay={model: lognormal, median_s: 9, p90_s: 5}", "link.delay.p90_s is 5; expected at least median_s"),
        ("link.lifetime_s=-3", "link.lifetime_s is -3; expected more than 0, at most 2592000"),
        (
            "link.windows={model: tle, path: a.tle, latitude_deg: 1, longitude_deg: 2, start: yesterday}",
            "link.windows.start is 'yesterday'; expected UTC such as 2026-08-01T12:00:00Z",
        ),
        ("link.copies={count: 1, gap_s: [1, 2]}", "link.copies.count is 1; expected 2 to 20"),
        ("link.ack={kind: maybe}", "link.ack.kind is 'maybe'; expected 'none', 'session', 'satellite' or 'end'"),
        ("link=sbd_9603_opne", "'sbd_9603_opne' is no link preset; did you mean sbd_9603_open?"),
        # senders, header, transports
        ("senders.count=0", "senders.count is 0; expected 1 to 1000"),
        ("senders.schedule=lottery", "senders.schedule is 'lottery'; expected 'first_come'"),
        ("header.tag_bytes=9", "header.tag_bytes is 9; expected 0, 8, 10, 12, 14 or 16"),
        ("header.position={latitude_deg: 91, longitude_deg: 0}", "position.latitude_deg is 91; expected -90 to 90"),
        ("schemes.0.transport={repair_packets: -1}", "schemes.0.transport.repair_packets is -1; expected 0 to 200"),
        ("schemes.0.transport={ladder: [[1, -2]]}", "schemes.0.transport.ladder"),
        # names of schemes
        ("schemes.1.name=one", "story.yaml: schemes has two named 'one'; expected names that differ"),
        ("schemes.1.name=ONE!", "story.yaml: schemes 'one' and 'ONE!' would share file names"),
    ],
)
def test_every_mistake_is_one_line_with_file_field_finding_and_expectation(scenario_file, setting, complaint):
    assert complaint in complaint_about(scenario_file(GOOD), [setting])


def test_several_mistakes_are_told_at_once_in_a_line_each_and_in_our_words(scenario_file):
    schemes = [
        {"name": "a", "codec": 3, "transport": {"name": "pigeon", "ladder": [[1, -2]]}},
        5,
        {"codec": "jpeg", "options": 3},
    ]
    link = {"los_ratio": 0.1, "interval_s": 0, "windows": {"model": "periodic", "period_s": 5, "open_s": 9}}
    wrong = {"name": "a/b", "image": 5, "link": link, "schemes": schemes, "seed": -1, "metrics": "dists"}
    path = scenario_file(wrong)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert str(caught.value).splitlines() == [
        f"{path}: {line}"
        for line in (
            "name is 'a/b'; expected letters, digits and any of . _ - after the first",
            "image is 5; expected keys (path, width, height, fit, drawn)",
            "link.interval_s is 0; expected more than 0, at most 86400",
            "link.windows.open_s is 9; expected at most period_s, which is 5",
            "link.los_ratio is no key; did you mean loss_ratio?",
            "schemes.0.codec is 3; expected text",
            "schemes.0.transport.name is 'pigeon'; expected 'auto', 'once', 'carousel' or 'arq' or one of your own",
            "schemes.0.transport.ladder.0.1 is -2; expected 0 to 2592000",
            "schemes.1 is 5; expected keys (name, codec, options, transport, scale, link)",
            "schemes.2.name is missing; expected schemes.2.name: ...",
            "schemes.2.options is 3; expected keys with values",
            "metrics is 'dists'; expected a list",
            "seed is -1; expected at least 0, less than 9.223372037e+18",
        )
    ]


CODING = {
    "schemes": [
        {"name": "a", "codec": "progic", "options": {"stages": 99}},
        {"name": "b", "codec": "avfi"},
        {"name": "c", "codec": "jpeg", "options": {"budget_bytes": "few"}},
        {"name": "d", "codec": "jpeg", "options": {"quality": 3}},
        {"name": "e", "codec": "webp", "options": {"budget_packets": 1}},
        {"name": "f", "codec": "progic", "options": {"model": "nanno"}},
    ]
}
"""Five schemes that only their codecs know to be wrong, and one that is right."""
CODING_FAULTS = [
    "schemes.0: progic: stages is 99; expected 1 to 5",
    "schemes.1.codec is 'avfi'; did you mean 'avif'?",
    "schemes.2: jpeg: budget_bytes is 'few'; expected a whole number of bytes, 1 or more",
    "schemes.3.codec jpeg has no option 'quality'; expected one of: budget_bytes, quick",
    "schemes.5: model is 'nanno'; expected a .safetensors file or one of: nano, small",
]


def test_what_only_codecs_know_to_be_wrong_is_told_with_the_rest(scenario_file):
    path = scenario_file(GOOD | CODING | {"seed": -1})
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    seed = "seed is -1; expected at least 0, less than 9.223372037e+18"
    assert str(caught.value).splitlines() == [f"{path}: {line}" for line in [seed, *CODING_FAULTS]]


@pytest.mark.parametrize("command", ["run", "photos", "sweep"])
def test_what_only_codecs_know_to_be_wrong_is_told_at_once_by_every_command(
    scenario_file, small_photo, in_process, tmp_path, command
):
    path = scenario_file(GOOD | CODING | {"image": {"path": str(small_photo)}})
    arguments = {
        "run": ["run", str(path)],
        "photos": ["run", str(path), "--images", str(small_photo.parent)],
        "sweep": ["sweep", str(path), "--vary", "loss=0,0.1"],
    }[command]
    done = in_process(*arguments, "--out", str(tmp_path / "out"), "--quiet")
    source = str(path) if command == "sweep" else "scenario test"
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        [f"{'' if k else 'error: '}{source}: {line}" for k, line in enumerate(CODING_FAULTS)],
    )
    assert not (tmp_path / "out").exists()


def test_a_model_beside_a_scenario_is_not_missed_where_something_else_is_wrong(scenario_file):
    own = {"name": "one", "codec": "progic", "options": {"model": "own.safetensors"}}
    complaint = complaint_about(scenario_file(GOOD | {"schemes": [own], "seed": -1}))
    assert complaint.endswith("seed is -1; expected at least 0, less than 9.223372037e+18")


@pytest.mark.parametrize(
    "setting",
    [
        "link.loss={model: trace, path: /dev/zero}",
        "link.loss={model: trace, path: pipe}",
        "link.windows={model: tle, path: pipe, latitude_deg: 1, longitude_deg: 2, start: '2026-08-01'}",
        "image.path=/dev/zero",
    ],
)
def test_a_scenario_names_nothing_that_never_ends(scenario_file, tmp_path, setting):
    os.mkfifo(tmp_path / "pipe")
    assert "is a device or a pipe, which may never end; name a file" in complaint_about(scenario_file(GOOD), [setting])


def test_weights_that_never_end_are_no_weights(scenario_file, tmp_path):
    (tmp_path / "own.safetensors").symlink_to("/dev/zero")
    scheme = {"name": "own", "codec": "progic", "options": {"model": str(tmp_path / "own.safetensors")}}
    scenario = load_scenario(scenario_file(GOOD | {"schemes": [scheme]}))
    with pytest.raises(ScenarioError, match=r"not the weights of a ProGIC model \(it is no file\)"):
        check_codecs([scenario.schemes], "story")


def test_of_very_many_mistakes_the_first_twenty_are_told(scenario_file):
    path = scenario_file(GOOD | {f"key{k}": k for k in range(30)})
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[-1] == f"{path}: and 10 more"


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("schemes.0.transport={ladder: fast}", "ladder is 'fast'; expected 'standard' or a list"),
        ("schemes.0.transport={ladder: []}", "ladder is []; expected 'standard' or a list of 1 or more"),
        (
            "link.windows={model: periodic, period_s: 5, open_s: 1, first_s: -1}",
            "link.windows.first_s is -1; expected 0 to 2592000 or 'random'",
        ),
    ],
)
def test_where_several_kinds_of_value_may_stand_all_are_named(scenario_file, setting, complaint):
    assert complaint in complaint_about(scenario_file(GOOD), [setting])


def test_every_path_in_a_scenario_is_relative_to_its_file(scenario_file, tmp_path):
    settings = ["link.loss={model: trace, path: field.csv}"]
    assert load_scenario(scenario_file(GOOD), settings).link.loss.path == (tmp_path / "field.csv").resolve()


@pytest.mark.parametrize("key", ["name", "image", "schemes"])
def test_a_missing_key_is_named(scenario_file, key):
    path = scenario_file({k: v for k, v in GOOD.items() if k != key})
    assert f"story.yaml: {key} is missing" in complaint_about(path)


def test_settings_change_one_key_each_and_the_last_wins(scenario_file):
    settings = ["link.loss_ratio=0.5", "schemes.1.codec=webp", "link.loss_ratio=0.25", "metrics=[psnr, ms-ssim]"]
    scenario = load_scenario(scenario_file(GOOD), settings)
    assert scenario.link.loss_ratio == 0.25
    assert scenario.link.packet_bytes == 360
    assert [scheme.codec for scheme in scenario.schemes] == ["progic", "webp"]
    assert scenario.metrics == ("psnr", "ms-ssim")


def test_a_setting_may_change_what_a_bare_name_stands_for(scenario_file):
    data = {**GOOD, "link": "sbd_9603_canopy", "schemes": [{**GOOD["schemes"][0], "transport": "arq"}]}
    settings = ["link.interval_s=90", "link.loss.mean_bad_s=10", "schemes.0.transport.give_up_s=60"]
    scenario = load_scenario(scenario_file(data), settings)
    assert scenario.link.preset == "sbd_9603_canopy"
    assert (scenario.link.interval_s, scenario.link.loss.mean_bad_s, scenario.link.loss.mean_good_s) == (90, 10, 60)
    assert scenario.schemes[0].transport == TransportSpec(name="arq", give_up_s=60)


def test_a_setting_may_open_a_section_that_the_file_has_not(scenario_file):
    path = scenario_file({k: v for k, v in GOOD.items() if k != "link"})
    assert load_scenario(path, ["link.interval_s=40"]).link.interval_s == 40


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("link.loss_ratio", "--set link.loss_ratio: expected key=value, such as link.loss_ratio=0.1"),
        ("=5", "--set =5: expected key=value"),
        ("name.x=5", "--set name.x=5: 'x' cannot be set inside 'test'"),
        ("schemes.2.name=x", "--set schemes.2.name=x: '2' is no place in a list of 2; expected 0 to 1, or * for all"),
        ("schemes.00.codec=jpeg", "'00' is no place in a list of 2"),
        ("schemes.².codec=jpeg", "'²' is no place in a list of 2"),
        ("title=&a [*a]", "--set title=&a [*a]: the value is line 1: nested more than 50 deep, or without end"),
        ("schemes.one.name=x", "'one' is no place in a list of 2"),
        ("link.loss_ratio=[1", "--set link.loss_ratio=[1: the value is line 1: not YAML"),
        ("title=2024-13-45", "--set title=2024-13-45: the value is not YAML"),
    ],
)
def test_a_setting_that_cannot_be_read(scenario_file, setting, complaint):
    assert complaint in complaint_about(scenario_file(GOOD), [setting])


def test_overriding_leaves_the_original_alone():
    data = {"link": {"loss_ratio": 0}, "schemes": [{"name": "a"}]}
    assert override(data, "schemes.0.name=b")["schemes"] == [{"name": "b"}]
    assert override(data, "link.loss_ratio=1")["link"] == {"loss_ratio": 1}
    assert data == {"link": {"loss_ratio": 0}, "schemes": [{"name": "a"}]}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text(max_size=8) | st.sampled_from(list(Scenario.model_fields)), inner)
        ),
        max_leaves=12,
    )
)
def test_any_yaml_gives_a_scenario_or_one_line(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    lines = str(caught.value).splitlines()
    assert lines
    assert all(line.startswith(f"{path}: ") for line in lines)


def test_part_of_a_scenario_is_checked_the_same_way():
    assert check_part(LinkSpec, {"packet_bytes": 340}, "link").packet_bytes == 340
    with pytest.raises(ScenarioError, match=r"^image.width is 5; expected 16 to 4096$"):
        check_part(ImageSpec, {"path": "x.png", "width": 5}, "image")


def test_a_slug_is_letters_digits_and_single_underscores():
    assert slug("ProGIC whole, 5 packets") == "progic_whole_5_packets"
    assert slug("!?") == "scheme"


class TestSchemesSetFromOutside:
    STORY = GOOD | {
        "schemes": [
            {"name": "one", "codec": "progic", "options": {"stages": 2, "model": "nano"}},
            {"name": "two", "codec": "avif", "options": {"budget_packets": 3}},
            {"name": "three", "codec": "jpeg2000", "options": {"budget_packets": 3, "progressive": True}},
        ]
    }

    def test_options_that_the_new_codec_lacks_are_left_out_with_a_note(self, scenario_file):
        plan = load_scenario(scenario_file(self.STORY), ["schemes.0.codec=avif"])
        assert plan.schemes[0].options == {"stages": 2}
        assert plan.notes == ("scheme 'one': avif has no model, so that is left out",)

    def test_options_of_other_schemes_and_of_scenarios_as_written_stay(self, scenario_file):
        plan = load_scenario(scenario_file(self.STORY), ["schemes.0.codec=progic-whole"])
        assert [scheme.options for scheme in plan.schemes] == [each["options"] for each in self.STORY["schemes"]]
        assert plan.notes == ()

    def test_schemes_that_become_equal_are_one_with_a_note(self, scenario_file):
        plan = load_scenario(scenario_file(self.STORY), ["schemes.*.codec=webp"])
        assert [(scheme.name, scheme.options) for scheme in plan.schemes] == [
            ("one", {"stages": 2}),
            ("two", {"budget_packets": 3}),
        ]
        assert plan.notes[-1] == "scheme 'three' is now the same as 'two', and is left out"

    def test_they_are_compared_after_the_last_setting(self, scenario_file):
        settings = ["schemes.*.codec=webp", "schemes.2.options.budget_packets=4"]
        assert len(load_scenario(scenario_file(self.STORY), settings).schemes) == 3

    def test_equal_schemes_as_written_stay(self, scenario_file):
        twin = {"name": "twin", "codec": "avif", "options": {"budget_packets": 3}}
        story = self.STORY | {"schemes": [*self.STORY["schemes"], twin]}
        assert len(load_scenario(scenario_file(story), ["seed=3"]).schemes) == 4
