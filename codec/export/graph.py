"""The sums of `codec.progic.model` as ONNX graphs, written node by node from the arrays of a weights file.

No torch is needed, and the same weights give the same bytes. Weights that float16 holds exactly, as those of our files,
are stored so and cast where the graph is loaded: half the bytes, the same sums. In int8 those of the wide convolutions
take half of that, in steps that each output channel has of its own; the sums are still of float32, and not quite the
same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from codec.progic.shape import UNSHUFFLE, ProgicConfig, Weights

IR_VERSION = 8
"""Of the file's form; the one that came with the opset."""
Array = npt.NDArray[Any]
Arrays = Mapping[str, npt.NDArray[np.float32]]


class Graph:
    """Nodes and constants as they are added; a value is known by its name."""

    def __init__(self, arrays: Arrays, int8: bool) -> None:
        self.arrays, self.int8 = arrays, int8
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """The value that a new node of this kind makes."""
        return self.add_many(1, kind, *inputs, **attributes)[0]

    def add_many(self, count: int, kind: str, *inputs: str, **attributes: Any) -> list[str]:
        """The same for a node that makes several."""
        outputs = [f"{kind}_{len(self.nodes)}_{k}" for k in range(count)]
        self.nodes.append(helper.make_node(kind, inputs, outputs, name=outputs[0], **attributes))
        return outputs

    def constant(self, name: str, array: Array) -> str:
        """`array` as a value; weights are stored in float16 where that loses nothing."""
        if name not in self.constants:
            if array.dtype == np.float32:
                with np.errstate(over="ignore"):
                    short = array.astype(np.float16)
                array = short if (short.astype(np.float32) == array).all() else array
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        if self.constants[name].data_type == TensorProto.FLOAT16:
            return self.add("Cast", name, to=TensorProto.FLOAT)
        return name

    def convolve(self, name: str, x: str, **attributes: Any) -> str:
        """The convolution of this name over `x`."""
        return self.convolve_by(name, self.arrays[f"{name}.weight"], x, **attributes)

    def convolve_by(self, name: str, weight: Array, x: str, **attributes: Any) -> str:
        """The same with its weight in another order of input channels."""
        kernel = self.kernel(f"{name}.weight", weight)
        bias = self.constant(f"{name}.bias", self.arrays[f"{name}.bias"])
        return self.add("Conv", x, kernel, bias, kernel_shape=weight.shape[2:], **attributes)

    def kernel(self, name: str, weight: Array) -> str:
        """The weight of a convolution; in int8 where that is asked for, and it is not depthwise: that has few."""
        if not self.int8 or weight.shape[1] == 1:
            return self.constant(name, weight)
        step = np.abs(weight).max(axis=(1, 2, 3), keepdims=True) / np.float32(127)
        step[step == 0] = 1
        steps = self.constant(f"{name}.steps", np.rint(weight / step).astype(np.int8))
        return self.add("Mul", self.add("Cast", steps, to=TensorProto.FLOAT), self.constant(f"{name}.step", step))

    def stack(self, name: str, x: str, held: str = "") -> str:
        """`x` through the stack of this name; `held` int64[1], stages held less one, modulates it."""
        number = 0
        while f"{(block := f'{name}.blocks.{number}')}.enter.weight" in self.arrays:
            entered = self.convolve(f"{block}.enter", x)
            if number % 2 == 0:
                width = len(self.arrays[f"{block}.depthwise.weight"])
                inner = self.add("Relu", entered)
                inner = self.convolve(f"{block}.depthwise", inner, pads=[1, 1, 1, 1], group=width)
            else:
                gate, value = self.add_many(2, "Split", entered, axis=1, num_outputs=2)
                inner = self.add("Mul", self.add("Relu", gate), value)
            branch = self.convolve(f"{block}.leave", inner)
            if held:
                scale, bias = (self.chosen(f"{block}.{part}", held) for part in ("scale", "bias"))
                branch = self.add("Add", self.add("Mul", branch, scale), bias)
            x = self.add("Add", x, branch)
            number += 1
        return x

    def chosen(self, name: str, held: str) -> str:
        """float[1, C, 1, 1]: what modulates where so many stages are held."""
        table = self.constant(name, self.arrays[name][:, :, None, None])
        return self.add("Gather", table, held, axis=0)

    def attend(self, name: str, x: str, held: str = "") -> str:
        """`x` plus its attended self."""
        gate = self.add("Sigmoid", self.convolve(f"{name}.gate", self.stack(f"{name}.mask", x, held)))
        return self.add("Add", x, self.add("Mul", self.stack(f"{name}.trunk", x, held), gate))


def encoder_graph(config: ProgicConfig, arrays: Arrays, int8: bool) -> GraphProto:
    """`picture` to `indices`; shapes as the room's docstring says."""
    graph, factor = Graph(arrays, int8), config.downsampling // UNSHUFFLE
    cells = graph.add("SpaceToDepth", "picture", blocksize=UNSHUFFLE)
    enter = arrays["analysis.enter.weight"]  # from inputs (channel, dy, dx), as torch unshuffles, to (dy, dx, channel)
    enter = enter.reshape(-1, 3, UNSHUFFLE**2).swapaxes(1, 2).reshape(enter.shape)
    cells = graph.stack("analysis.body", graph.convolve_by("analysis.enter", enter, cells))
    latent = graph.attend("analysis.attention", graph.convolve("analysis.down", cells, strides=[factor, factor]))
    residual = graph.add("Transpose", latent, perm=[0, 2, 3, 1])
    found = []
    for stage, codebook in enumerate(arrays["quantizer.codebooks"]):
        words = graph.constant(f"codebook.{stage}", codebook)
        # the nearest is that of the largest product less half its square
        halves = graph.constant(f"codebook.{stage}.halves", np.square(codebook).sum(axis=1) / np.float32(-2))
        products = graph.add("MatMul", residual, graph.add("Transpose", words, perm=[1, 0]))
        index = graph.add("ArgMax", graph.add("Add", products, halves), axis=3, keepdims=0)
        found.append(graph.add("Unsqueeze", index, graph.constant("one", np.array([1]))))
        if stage + 1 < config.stages:
            residual = graph.add("Sub", residual, graph.add("Gather", words, index, axis=0))
    graph.nodes.append(helper.make_node("Concat", found, ["indices"], name="indices", axis=1))
    f = config.downsampling
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, f"{f}h", f"{f}w"])
    indices = helper.make_tensor_value_info("indices", TensorProto.INT64, [1, config.stages, "h", "w"])
    return helper.make_graph(graph.nodes, "encoder", [picture], [indices], list(graph.constants.values()))


def decoder_graph(config: ProgicConfig, arrays: Arrays, int8: bool) -> GraphProto:
    """`indices` to `picture`; shapes as the room's docstring says.

    Modulation follows the number of stages of which any cell is held (at least 1).
    """
    graph, factor = Graph(arrays, int8), config.downsampling // UNSHUFFLE
    zero, one, cell_axes = (graph.constant(f"int.{k}", np.array(k)) for k in (0, 1, [2, 3]))
    largest = graph.add("ReduceMax", "indices", cell_axes, keepdims=0)
    some = graph.add("Cast", graph.add("GreaterOrEqual", largest, zero), to=TensorProto.INT64)
    count = graph.add("ReduceSum", some, graph.constant("axis", np.array([1])), keepdims=0)
    held = graph.add("Sub", graph.add("Max", count, one), one)
    total = ""
    stages = graph.add_many(config.stages, "Split", "indices", axis=1, num_outputs=config.stages)
    for stage, codebook in enumerate(arrays["quantizer.codebooks"]):
        words = graph.constant(f"codebook.{stage}", codebook)
        index = graph.add("Squeeze", stages[stage], graph.constant("axis", np.array([1])))
        here = graph.add("Cast", graph.add("GreaterOrEqual", index, zero), to=TensorProto.FLOAT)
        here = graph.add("Unsqueeze", here, graph.constant("last", np.array([3])))
        part = graph.add("Mul", graph.add("Gather", words, graph.add("Max", index, zero), axis=0), here)
        total = graph.add("Add", total, part) if total else part
    latent = graph.attend("synthesis.attention", graph.add("Transpose", total, perm=[0, 3, 1, 2]), held)
    cells = graph.add("DepthToSpace", graph.convolve("synthesis.up", latent), blocksize=factor, mode="CRD")
    pixels = graph.convolve("synthesis.leave", graph.stack("synthesis.body", cells, held))
    shuffle = helper.make_node("DepthToSpace", [pixels], ["picture"], name="picture", blocksize=UNSHUFFLE, mode="CRD")
    graph.nodes.append(shuffle)
    f = config.downsampling
    indices = helper.make_tensor_value_info("indices", TensorProto.INT64, [1, config.stages, "h", "w"])
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, f"{f}h", f"{f}w"])
    return helper.make_graph(graph.nodes, "decoder", [indices], [picture], list(graph.constants.values()))


GRAPHS = {"encoder": encoder_graph, "decoder": decoder_graph}


def onnx_model(part: str, weights: Weights, about: Mapping[str, str]) -> ModelProto:
    """The ONNX model of a part; `about`, which names opset and kind of weights, becomes its metadata."""
    model = helper.make_model(
        GRAPHS[part](weights.config, weights.arrays, about["weights"] == "int8"),
        opset_imports=[helper.make_opsetid("", int(about["opset"]))],
        ir_version=IR_VERSION,
        producer_name="satsim",
    )
    helper.set_model_props(model, dict(about))
    return model
