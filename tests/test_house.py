"""The rooms stay apart, and none of them grows too large: who may import whom, and the bars of `house.py`."""

import subprocess
import sys

import house
import pytest


def importers_of(package):
    """Modules that import `package` or anything in it."""
    return {
        module.name
        for module in house.modules().values()
        if any(name == package or name.startswith(f"{package}.") for name in module.imports)
    }


def within(names, *rooms):
    """Those of `names` that lie in none of `rooms`."""
    return sorted(n for n in names if not any(n == room or n.startswith(f"{room}.") for room in rooms))


def test_no_import_runs_upward():
    assert house.imports_upward() == []


def test_modem_sender_and_inbox_share_nothing_but_wires():
    """They are processes of three machines: none imports anything of another."""
    rooms = ("satsim.modem", "satsim.sender", "satsim.inbox")
    for module in house.modules().values():
        for room in rooms:
            if module.name.startswith(room):
                others = [name for name in module.imports if name.startswith(rooms) and not name.startswith(room)]
                assert others == [], module.name


def test_no_imports_run_in_a_circle():
    assert house.circles() == []


def test_every_module_stands_on_a_floor_but_the_two_entrances():
    assert [name for name in house.modules() if house.floor_of(name) is None] == ["satsim", "satsim.__main__"]


def test_the_simulation_never_sees_pixels():
    below = ("satsim.air", "satsim.links", "satsim.scenario", "satsim.simulation")
    asks_for_options = {"satsim.scenario.settings"}
    find_own_code = {"satsim.links.checks", "satsim.links.own", "satsim.scenario.own", "satsim.simulation.own"}
    for package in ("PIL", "torch"):
        assert within(importers_of(package), *below) == sorted(importers_of(package)), package
    callers = {
        module.name
        for module in house.modules().values()
        if within({i for i in module.imports if i.split(".")[0] == "codec"}, "codec.yaml_reader", "codec.own")
    } - asks_for_options
    for name in find_own_code:
        assert (
            within({i for i in house.modules()[name].imports if i.startswith("codec.")}, "codec.base", "codec.own")
            == []
        )
    callers -= find_own_code
    assert within(callers, *below) == sorted(callers)


def test_codecs_never_see_a_clock():
    assert [name for name in importers_of("satsim") | importers_of("simpy") if name.startswith("codec")] == []


def test_figures_see_only_saved_rows():
    allowed = ("satsim.figures", "satsim.words", "numpy", "matplotlib", "PIL", "pyarrow", *sys.stdlib_module_names)
    for module in house.modules().values():
        if module.name.startswith("satsim.figures"):
            assert within(module.imports, *allowed) == [], module.name


@pytest.mark.parametrize(
    ("package", "rooms"),
    [
        ("simpy", ["satsim.simulation.simulation", "satsim.simulation.terminal", "satsim.simulation.channel",
                   "satsim.simulation.arq", "satsim.simulation.acks", "satsim.simulation.transports",
                   "satsim.simulation.own", "satsim.simulation.sessions"]),
        ("distributed", ["satsim.sweep.cluster"]),
        ("optuna", ["satsim.study.search"]),
        ("pyarrow", ["satsim.sweep.tables", "satsim.commands.sweep_table", "satsim.figures.sweep",
                     "satsim.api.sweep"]),
        ("matplotlib", ["satsim.figures", "codec.figures", "codec.analysis.plots", "codec.evaluation.rate_plots",
                        "codec.paper.plots", "satsim.api"]),
        ("torch", ["codec"]),
        ("rich", ["satsim.commands", "codec.evaluation.tables"]),
        ("typer", ["satsim.commands"]),
    ],
)  # fmt: skip
def test_a_library_stays_in_its_rooms(package, rooms):
    assert importers_of(package), "a library that nobody imports need not be kept in its rooms"
    assert within(importers_of(package), *rooms) == []


def test_only_a_few_rooms_of_satsim_call_codecs():
    contract = ("codec.base", "codec.exchange", "codec.files", "codec.photos", "codec.folders",
                "codec.metrics.MetricInfo", "codec.own", "codec.yaml_reader")  # fmt: skip
    callers = {
        module.name
        for module in house.modules().values()
        if within({i for i in module.imports if i.startswith("codec.")} - {"codec.metrics"}, *contract)
        and module.name.startswith("satsim")
    }
    rooms = ("satsim.pipeline", "satsim.messages", "satsim.receiving", "satsim.scoring", "satsim.study.space",
             "satsim.study.goal", "satsim.commands", "satsim.api", "satsim.scenario.settings")  # fmt: skip
    assert within(callers, *rooms) == []


def test_the_command_line_starts_without_anything_heavy():
    heavy = {"torch", "matplotlib", "numpy", "simpy", "PIL", "pydantic"}
    check = f"import sys, satsim.commands.main; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=house.REPO)
    assert done.stdout == "[]\n"


def test_no_folder_holds_more_modules_than_a_newcomer_can_overlook():
    assert {folder: count for folder, count in house.folders().items() if count > house.MOST_MODULES} == {}


def test_no_module_is_longer_than_its_bar():
    assert [m.name for m in house.modules().values() if m.lines > house.MOST_LINES] == []


def test_every_function_fits_a_screen():
    long = {
        f"{module.name}.{name}": lines
        for module in house.modules().values()
        for name, lines in module.functions.items()
        if lines > house.MOST_FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.slow
def test_a_run_walks_through_few_rooms():
    way = house.traced()
    assert "satsim.pipeline" in way, "the trace saw the run"
    assert len(way) <= house.MOST_RUN_MODULES
    assert sum(way.values()) <= house.MOST_RUN_LINES
