"""The detectors' benchmark: what is written down, what is counted, what is printed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from detectors.messages import AnalysisRequest, AnalysisResult
from detectors.runtime import OpenVinoNetwork
from tools.bench_detectors import (
    WARM_UP_S,
    Cost,
    Recorder,
    as_table,
    main,
    measure,
    run_session,
    student,
)


class _Network(OpenVinoNetwork):
    """Answers with what it was given, without a model."""

    def __init__(self) -> None:
        self.seen: list[float] = []


class _Analyzer:
    """Asks a network once a second, as the product would."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    def analyze(self, request: AnalysisRequest) -> AnalysisResult:
        return AnalysisResult(
            request.request_id, request.session_id, cost_ms=(("mesh", 2.0), ("decode", 1.0))
        )

    def close(self, session_id: str) -> None:
        self.closed.append(session_id)


def _echo(owner: _Network, blob: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    owner.seen.append(float(blob[0]))
    return owner.seen[-1]


def test_calls_are_written_down_only_while_it_is_on_and_keep_their_tensors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(OpenVinoNetwork, "run", _echo)
    recorder, network = Recorder(), _Network()
    blob = np.array([1.0], np.float32)
    with recorder.installed():
        network.run(blob)
        calls: list[Callable[[], object]] = []
        recorder.calls = calls
        network.run(blob)
        recorder.calls = None
        blob[0] = 7.0
    network.run(blob)
    assert network.seen == [1.0, 1.0, 7.0]
    (call,) = calls
    call()
    assert network.seen[-1] == 1.0


def test_the_models_are_left_as_they_were() -> None:
    before = OpenVinoNetwork.run
    with Recorder().installed():
        assert OpenVinoNetwork.run is not before
    assert OpenVinoNetwork.run is before


def test_each_second_is_followed_by_its_calls_and_the_session_is_closed() -> None:
    analyzer = _Analyzer()
    made: list[int] = []
    seconds = student(3, None, None)
    calls = [[lambda i=i: made.append(i)] for i in range(3)]
    spent = run_session(analyzer, "quiet", seconds, calls)  # type: ignore[arg-type]
    assert [second.step_ms for second in spent] == [{"mesh": 2.0, "decode": 1.0}] * 3
    assert made == [0, 1, 2]
    assert analyzer.closed == ["quiet"]


def test_the_warm_up_is_not_counted() -> None:
    seconds = student(WARM_UP_S + 3, None, None)
    cost = measure(_Analyzer(), "quiet", seconds, rounds=1)  # type: ignore[arg-type]
    assert cost.seconds == 3


def test_steps_are_per_student_second() -> None:
    seconds = student(WARM_UP_S + 2, None, None)
    cost = measure(_Analyzer(), "quiet", seconds, rounds=2)  # type: ignore[arg-type]
    assert cost.seconds == 2
    assert cost.steps["mesh"] == {"ms_when_it_works": 2.0, "ms_per_student_second": 2.0}
    assert cost.model_calls == 0


def test_a_student_sends_two_frames_and_a_second_of_sound_each_second() -> None:
    seconds = student(3, None, None)
    assert [frame.at_s for second in seconds for frame in second.frames] == [0, 0.5, 1, 1.5, 2, 2.5]
    assert {second.sound.span_s for second in seconds} == {1.0}
    assert len({frame.jpeg for second in seconds for frame in second.frames}) == 6


def test_the_table_puts_the_product_beside_the_models() -> None:
    step = {"ms_when_it_works": 3.0, "ms_per_student_second": 6.0}
    text = as_table(Cost("quiet", 60, 13.0, 10.0, 240, {"mesh": step}))
    assert "1.30 times the bare models" in text
    assert "240 calls" in text


def test_impossible_lengths_are_refused() -> None:
    with pytest.raises(SystemExit):
        main(["--seconds", "0"])
