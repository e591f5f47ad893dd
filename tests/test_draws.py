"""Drawing in blocks changes the cost of a number, not the number."""

import numpy as np
import pytest

from satsim.draws import exponentials, normals, uniforms


@pytest.mark.parametrize(
    ("one_by_one", "name"), [(uniforms, "random"), (normals, "standard_normal"), (exponentials, "standard_exponential")]
)
def test_the_numbers_are_those_of_single_draws(one_by_one, name):
    single = getattr(np.random.default_rng(7), name)
    draw = one_by_one(np.random.default_rng(7))
    assert [draw() for _ in range(3000)] == [single() for _ in range(3000)]  # more than two of the largest blocks


def test_a_draw_is_a_plain_float():
    assert type(uniforms(np.random.default_rng(1))()) is float
