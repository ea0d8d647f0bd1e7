"""Makes the voice encoder's ONNX file from the weights the Resemblyzer package carries.

The weights are a PyTorch checkpoint of the old, unzipped form. It is read without torch and
without trusting it: the unpickler knows three names and nothing else. Used by set-up only.
The network is `VoiceEncoder` of https://github.com/resemble-ai/Resemblyzer: three LSTM layers of
256 over 40 mel bands, a linear layer and ReLU on the last hidden state, then unit length.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

BANDS = 40
HIDDEN = 256
LAYERS = 3
RECIPE = "1"

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


class UnreadableWeightsError(Exception):
    """The checkpoint is not of the expected form."""


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    length: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def _describe_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(stride))


class _FloatStorage:
    """Stands for torch.FloatStorage; only its name is needed."""


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _describe_tensor,
    ("torch", "FloatStorage"): _FloatStorage,
}


class _WeightsUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        try:
            return _KNOWN[module_name, global_name]
        except KeyError:
            raise UnreadableWeightsError(f"unexpected {module_name}.{global_name}") from None

    def persistent_load(self, pid: Any) -> _Storage:
        if pid[0] != "storage" or pid[1] is not _FloatStorage:
            raise UnreadableWeightsError("unexpected kind of storage")
        return _Storage(str(pid[2]), int(pid[4]))


def read_weights(path: Path) -> dict[str, Floats]:
    """The checkpoint's "model_state": float32 arrays by name.

    Raises UnreadableWeightsError and OSError.
    """
    with path.open("rb") as file:
        try:
            return _read_weights(file)
        except (pickle.UnpicklingError, EOFError, IndexError, KeyError, TypeError) as error:
            raise UnreadableWeightsError(str(error)) from error


def _read_weights(file: BinaryIO) -> dict[str, Floats]:
    magic, protocol, _system, checkpoint, keys = (_WeightsUnpickler(file).load() for _ in range(5))
    if magic != _MAGIC or protocol != _PROTOCOL:
        raise UnreadableWeightsError("not a checkpoint of the known form")
    storages: dict[str, Floats] = {}
    for key in keys:
        length = int.from_bytes(file.read(8), "little")
        data = file.read(4 * length)
        if len(data) != 4 * length:
            raise UnreadableWeightsError("the checkpoint is cut short")
        storages[key] = np.frombuffer(data, "<f4")
    return {name: _array(tensor, storages) for name, tensor in checkpoint["model_state"].items()}


def _array(tensor: _Tensor, storages: dict[str, Floats]) -> Floats:
    count = int(np.prod(tensor.shape))
    contiguous = tuple(int(np.prod(tensor.shape[i + 1 :])) for i in range(len(tensor.shape)))
    if tensor.stride != contiguous:
        raise UnreadableWeightsError("a tensor is not contiguous")
    data = storages[tensor.storage.key][tensor.offset : tensor.offset + count]
    return data.reshape(tensor.shape).astype(np.float32)


def build_voice_encoder(weights: Path, target: Path, source_sha256: str) -> None:
    """Write the ONNX file: input "mels" float32 (N, T, 40), output "voices" float32 (N, 256).

    The output rows have unit length. Raises UnreadableWeightsError, OSError, ImportError (onnx).
    """
    import onnx
    from onnx import TensorProto, helper

    state = read_weights(weights)
    values = {name: array for i in range(LAYERS) for name, array in _layer(state, i).items()}
    values["linear_w"] = state["linear.weight"].T
    values["linear_b"] = state["linear.bias"]
    values["tiny"] = np.array(1e-8, np.float32)
    nodes = [helper.make_node("Transpose", ["mels"], ["x0"], perm=[1, 0, 2])]
    for i in range(LAYERS):
        nodes.append(
            helper.make_node(
                "LSTM",
                [f"x{i}", f"w{i}", f"r{i}", f"b{i}"],
                [f"y{i}", f"h{i}", ""],
                hidden_size=HIDDEN,
            )
        )
        nodes.append(helper.make_node("Squeeze", [f"y{i}", "direction_axis"], [f"x{i + 1}"]))
    nodes[-1] = helper.make_node("Squeeze", [f"h{LAYERS - 1}", "direction_axis_h"], ["last"])
    nodes += [
        helper.make_node("Gemm", ["last", "linear_w", "linear_b"], ["linear"]),
        helper.make_node("Relu", ["linear"], ["positive"]),
        helper.make_node("ReduceL2", ["positive"], ["length"], axes=[1], keepdims=1),
        helper.make_node("Max", ["length", "tiny"], ["safe_length"]),
        helper.make_node("Div", ["positive", "safe_length"], ["voices"]),
    ]
    constants = [
        onnx.numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in values.items()
    ]
    for name, axis in (("direction_axis", 1), ("direction_axis_h", 0)):
        constants.append(onnx.numpy_helper.from_array(np.array([axis], np.int64), name))
    graph = helper.make_graph(
        nodes,
        "voice_encoder",
        [helper.make_tensor_value_info("mels", TensorProto.FLOAT, ["n", "t", BANDS])],
        [helper.make_tensor_value_info("voices", TensorProto.FLOAT, ["n", HIDDEN])],
        constants,
    )
    model = helper.make_model(
        graph, producer_name="candor", opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    )
    helper.set_model_props(model, {"source_sha256": source_sha256, "recipe": RECIPE})
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def _layer(state: dict[str, Floats], i: int) -> dict[str, Floats]:
    """One layer's weights in ONNX's gate order (input, output, forget, cell)."""

    def reorder(array: Floats) -> Floats:
        gate_in, forget, cell, gate_out = np.split(array, 4)
        return np.concatenate([gate_in, gate_out, forget, cell])

    bias = [reorder(state[f"lstm.bias_{side}_l{i}"]) for side in ("ih", "hh")]
    return {
        f"w{i}": reorder(state[f"lstm.weight_ih_l{i}"])[None],
        f"r{i}": reorder(state[f"lstm.weight_hh_l{i}"])[None],
        f"b{i}": np.concatenate(bias)[None],
    }


def is_made_from(path: Path, source_sha256: str) -> bool:
    """Whether `path` is what `build_voice_encoder` writes today from that source."""
    try:
        import onnx

        properties = {p.key: p.value for p in onnx.load(str(path)).metadata_props}
    except Exception:  # a damaged file raises whatever the parser raises; it is made again
        return False
    return properties == {"source_sha256": source_sha256, "recipe": RECIPE}
