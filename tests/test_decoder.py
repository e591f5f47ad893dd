"""The operations that the one decoder runs on mean the same in NumPy and in torch."""

import numpy as np
import pytest
import torch

from codec.progic.fast import TORCH
from codec.progic.receiver import NUMPY


def matrix(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def by_both(name, *arguments):
    """What an operation gives in NumPy and in torch, each on copies of its own."""
    own = [each.copy() if isinstance(each, np.ndarray) else each for each in arguments]
    tensors = [torch.from_numpy(each.copy()) if isinstance(each, np.ndarray) else each for each in arguments]
    return getattr(NUMPY, name)(*own), getattr(TORCH, name)(*tensors).numpy(), own[0], tensors[0].numpy()


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("copy", [np.float32([[1, -2]])], [[1, -2]]),
        ("linear", [np.float32([[1, 2]]), np.float32([[3, 4], [5, 6], [0, 1]]), np.float32([1, 0, -1])], [[12, 17, 1]]),
        ("plus_product", [np.float32([[1, 2]]), np.float32([[3, 4]]), np.float32([5, 0])], [[16, 2]]),
        ("relu", [np.float32([[1, -2, 0]])], [[1, 0, 0]]),
        ("sigmoid", [np.float32([[0, 200, -200]])], [[0.5, 1, 0]]),
    ],
)
def test_an_operation_gives_what_its_words_say(name, arguments, expected):
    one, other, _, _ = by_both(name, *arguments)
    np.testing.assert_allclose(one, expected, atol=1e-6)
    np.testing.assert_allclose(other, expected, atol=1e-6)
    assert one.dtype == other.dtype == np.float32


def test_zeros_are_float32_of_the_shape_asked_for():
    for zeros in (NUMPY.zeros(2, 3), TORCH.zeros(2, 3).numpy()):
        assert zeros.shape == (2, 3)
        assert zeros.dtype == np.float32
        assert not zeros.any()


def test_a_product_is_added_in_place():
    x, branch, weight = matrix(5, 3), matrix(5, 4, seed=1), matrix(3, 4, seed=2)
    own, tensor = x.copy(), torch.from_numpy(x.copy())
    NUMPY.add_product(own, branch, weight)
    TORCH.add_product(tensor, torch.from_numpy(branch), torch.from_numpy(weight))
    np.testing.assert_allclose(own, x + branch @ weight.T, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(tensor.numpy(), own, rtol=1e-5, atol=1e-6)


def test_a_relu_changes_what_it_is_given_and_gives_it_back():
    one, other, own, tensor = by_both("relu", matrix(3, 4))
    assert one is own
    assert np.shares_memory(other, tensor)


def test_a_depthwise_convolution_sees_its_own_channel_and_zeros_around():
    weight = np.zeros((2, 1, 3, 3), np.float32)
    weight[0, 0, 0, 1] = 1  # the cell above
    weight[1, 0, 1, 2] = 10  # the cell to the right
    cells = np.float32([[1, 1], [2, 2], [3, 3], [4, 4], [5, 5], [6, 6]])  # two rows of three, both channels alike
    one, other, _, _ = by_both("depthwise", cells, 2, 3, weight, np.float32([0, 0.5]))
    above, right = [0, 0, 0, 1, 2, 3], [20.5, 30.5, 0.5, 50.5, 60.5, 0.5]
    assert one.tolist() == other.tolist() == np.stack([above, right], axis=1).tolist()


def test_operations_agree_on_any_numbers():
    x, weight, bias = matrix(20, 6), matrix(6, 1, 3, 3, seed=1), matrix(6, seed=2)
    one, other, _, _ = by_both("depthwise", x, 4, 5, weight, bias)
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    one, other, _, _ = by_both("sigmoid", 10 * x)
    np.testing.assert_allclose(one, other, rtol=1e-5)
