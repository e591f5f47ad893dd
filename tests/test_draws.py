"""Drawing in blocks changes the cost of a number, not the number."""

import numpy as np
import pytest

from satsim.links.draws import child, exponentials, normals, uniforms
from satsim.simulation.simulation import Chance


@pytest.mark.parametrize(
    ("one_by_one", "name"), [(uniforms, "random"), (normals, "standard_normal"), (exponentials, "standard_exponential")]
)
def test_the_numbers_are_those_of_single_draws(one_by_one, name):
    single = getattr(np.random.default_rng(7), name)
    draw = one_by_one(np.random.default_rng(7))
    assert [draw() for _ in range(3000)] == [single() for _ in range(3000)]  # more than two of the largest blocks


def test_a_draw_is_a_plain_float():
    assert type(uniforms(np.random.default_rng(1))()) is float


def test_a_child_is_the_one_that_would_be_spawned():
    spawned = np.random.SeedSequence(5).spawn(4)[3]
    assert child(5, 3).random() == np.random.default_rng(spawned).random()
    assert child(5, 3, 0).random() == np.random.default_rng(spawned).spawn(1)[0].random()


def test_each_concern_has_the_child_of_its_number_whichever_is_asked_first():
    chance = Chance(5, ["loss", "delay"], first=10)
    assert chance["delay"].random() == child(5, 11).random()
    assert chance["loss"].random() == child(5, 10).random()


def test_a_generator_is_made_once_and_only_where_it_is_used():
    chance = Chance(5, ["loss", "delay"])
    draw = chance.uniforms("loss")
    assert list(chance) == []
    expected = child(5, 0).random(2).tolist()
    assert [draw(), draw()] == expected
    assert list(chance) == ["loss"]
    assert chance["loss"] is chance["loss"]
