"""The voice encoder is made from a checkpoint without trusting it."""

from __future__ import annotations

import importlib.util
import os
import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from detectors.model_files import gather
from detectors.models import VOICE_ENCODER
from detectors.voice_model import UnreadableWeightsError, is_made_from, read_weights

Floats = npt.NDArray[np.float32]


def _weights_path() -> Path:
    spec = importlib.util.find_spec("resemblyzer")
    if spec is None or spec.origin is None:
        pytest.skip("the package resemblyzer is not installed")
    return Path(spec.origin).parent / "pretrained.pt"


def _sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def _reference_voice(state: dict[str, Floats], mels: Floats) -> Floats:
    """The published network, written out: PyTorch's gate order is input, forget, cell, output."""
    sequence = mels
    for layer in range(3):
        hidden = np.zeros(256, np.float32)
        cell = np.zeros(256, np.float32)
        outputs = []
        for x in sequence:
            gates = (
                state[f"lstm.weight_ih_l{layer}"] @ x
                + state[f"lstm.bias_ih_l{layer}"]
                + state[f"lstm.weight_hh_l{layer}"] @ hidden
                + state[f"lstm.bias_hh_l{layer}"]
            )
            i, f, g, o = np.split(gates, 4)
            cell = _sigmoid(f) * cell + _sigmoid(i) * np.tanh(g)
            hidden = _sigmoid(o) * np.tanh(cell)
            outputs.append(hidden)
        sequence = np.stack(outputs)
    raw = np.maximum(state["linear.weight"] @ sequence[-1] + state["linear.bias"], 0)
    voice: Floats = raw / np.linalg.norm(raw)
    return voice


def test_the_made_file_computes_the_published_network(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    weights = _weights_path()
    (outcome,) = gather(tmp_path, (), (VOICE_ENCODER,))
    assert outcome.is_there, outcome.problem
    mels = np.random.default_rng(1).random((3, 60, 40), np.float32) * 0.02
    session = onnxruntime.InferenceSession(str(tmp_path / VOICE_ENCODER.name))
    (voices,) = session.run(None, {"mels": mels})
    state = read_weights(weights)
    for row, voice in zip(mels, voices, strict=True):
        np.testing.assert_allclose(voice, _reference_voice(state, row), atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(voices, axis=1), 1, atol=1e-5)


def test_a_made_file_is_recognised_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    _weights_path()
    gather(tmp_path, (), (VOICE_ENCODER,))
    path = tmp_path / VOICE_ENCODER.name
    assert is_made_from(path, VOICE_ENCODER.sha256[0])
    assert not is_made_from(path, "0" * 64)
    path.write_bytes(path.read_bytes()[:100_000])
    assert not is_made_from(path, VOICE_ENCODER.sha256[0])


class _Hostile:
    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._marker),)


def test_a_checkpoint_that_calls_something_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "was_run"
    hostile = tmp_path / "hostile.pt"
    hostile.write_bytes(pickle.dumps(_Hostile(marker), protocol=2))
    with pytest.raises(UnreadableWeightsError, match="unexpected"):
        read_weights(hostile)
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"not a pickle", pickle.dumps(5) * 5])
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.pt"
    path.write_bytes(content)
    with pytest.raises(UnreadableWeightsError):
        read_weights(path)
