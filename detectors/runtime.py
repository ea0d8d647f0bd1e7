"""Runs an ONNX model: OpenVINO where it is installed, else ONNX Runtime.

A network is shared by all sessions of a worker and used by one thread at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from detectors.arrays import Floats
from detectors.base import DetectorUnavailable


class Network(Protocol):
    """A loaded model with one input. `engine` says what runs it."""

    engine: str
    input_shape: tuple[int, ...]

    def run(self, blob: Floats) -> Sequence[Floats]:
        """All outputs for one float32 blob of `input_shape`; valid until the next run."""
        ...


class OpenVinoNetwork:
    """OpenVINO on the CPU; its default precision (bf16 where the CPU has it) unless exact."""

    engine = "openvino"

    def __init__(
        self, path: Path, threads: int, exact: bool, shape: tuple[int, ...] | None
    ) -> None:
        import openvino

        options: dict[str, Any] = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        if exact:
            options["INFERENCE_PRECISION_HINT"] = "f32"
        core = openvino.Core()
        model = core.read_model(str(path))
        if shape is not None:
            model.reshape(list(shape))
        compiled = core.compile_model(model, "CPU", options)
        self._request = compiled.create_infer_request()
        self._outputs = range(len(compiled.outputs))
        sides = compiled.input(0).partial_shape
        self.input_shape = tuple(d.get_length() if d.is_static else 1 for d in sides)

    def run(self, blob: Floats) -> Sequence[Floats]:
        self._request.infer([blob], share_inputs=True)
        return [self._request.get_output_tensor(index).data for index in self._outputs]


class OnnxRuntimeNetwork:
    """ONNX Runtime on the CPU."""

    engine = "onnxruntime"

    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        entry = self._session.get_inputs()[0]
        self._name = entry.name
        self.input_shape = tuple(d if isinstance(d, int) else 1 for d in entry.shape)

    def run(self, blob: Floats) -> Sequence[Floats]:
        return [np.asarray(out) for out in self._session.run(None, {self._name: blob})]


def load_network(
    path: Path, threads: int = 1, exact: bool = False, shape: tuple[int, ...] | None = None
) -> Network:
    """Load a model file. Raises DetectorUnavailable when no engine can run it.

    `shape` is a wish for the input's shape: only OpenVINO can grant it. `exact` keeps float32.
    """
    problems = []
    try:
        return OpenVinoNetwork(path, threads, exact, shape)
    except (ImportError, RuntimeError) as error:
        problems.append(f"OpenVINO: {_first_line(error)}")
    try:
        return OnnxRuntimeNetwork(path, threads)
    except Exception as error:  # ONNX Runtime's errors share no public base class
        problems.append(f"ONNX Runtime: {_first_line(error)}")
    raise DetectorUnavailable(
        f"{path.name} cannot be run ({'; '.join(problems)}). Run ./setup.sh to install the "
        "libraries again, and replace the file if it is damaged."
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
