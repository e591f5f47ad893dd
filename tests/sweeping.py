"""A small sweep, for the tests of sweeps: its schemes, its plan, and a run of it without figures."""

import pandas as pd
import yaml

from satsim.sweep.grid import read_factor
from satsim.sweep.plan import make_plan
from satsim.sweep.run import run_sweep as run_and_draw

SCHEMES = [
    {"name": "strips", "codec": "codec.fake:FakeCodec", "transport": "carousel"},
    {"name": "whole", "codec": "jpeg", "options": {"budget_bytes": 900}, "transport": "once"},
    {"name": "asked again", "codec": "codec.fake:FakeCodec", "transport": {"name": "arq", "ladder": [[0, 0]]}},
]


def plan_of(story, *varied, replications=20, cache=None, **changes):
    data = yaml.safe_load(story.read_text(encoding="utf-8")) | changes
    axes = [read_factor(text, story.parent) for text in varied]
    return make_plan(data, story, axes, replications, (), cache)


def run_sweep(*arguments, **more):
    """Without figures, which have tests of their own and take time."""
    return run_and_draw(*arguments, **more, draw=False)


def same_tables(one, other):
    for name in ("runs.parquet", "quantiles.parquet"):
        pd.testing.assert_frame_equal(pd.read_parquet(one / name), pd.read_parquet(other / name))
