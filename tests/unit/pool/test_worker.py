from __future__ import annotations

import multiprocessing
import threading
import time
from pathlib import Path

import pytest

from app.pool.process import SpawnedWorker
from detectors.entry import WorkerConfig
from detectors.messages import (
    REST,
    AnalysisRequest,
    AnalysisResult,
    CloseSession,
    DetectorStatus,
    WorkerFailed,
)
from detectors.worker import answer_requests


class FragileAnalyzer:
    """Fails on the session called "bad" and remembers what was closed."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    def statuses(self) -> tuple[DetectorStatus, ...]:
        return ()

    def analyze(self, request: AnalysisRequest) -> AnalysisResult:
        if request.session_id == "bad":
            raise ValueError("no picture")
        return AnalysisResult(request.request_id, request.session_id)

    def close(self, session_id: str) -> None:
        self.closed.append(session_id)


def test_requests_are_answered_in_order_until_the_pipe_closes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ours, theirs = multiprocessing.Pipe()
    analyzer = FragileAnalyzer()
    thread = threading.Thread(target=answer_requests, args=(theirs, analyzer))
    thread.start()
    for number, session_id in enumerate(("good", "bad", "bad", "good")):
        ours.send(AnalysisRequest(number, session_id))
    ours.send(CloseSession("good"))
    answers = [ours.recv() for _ in range(4)]
    ours.close()
    thread.join(10)
    assert not thread.is_alive()
    assert [answer.request_id for answer in answers] == [0, 1, 2, 3]
    assert [len(answer.faults) for answer in answers] == [0, 1, 1, 0]
    assert answers[1].faults[0].message == "ValueError: no picture"
    assert [record.message for record in caplog.records] == ["Analysis failed"]
    assert analyzer.closed == ["good"]


class BusyAnalyzer(FragileAnalyzer):
    """Works, and accounts for half of it."""

    def analyze(self, request: AnalysisRequest) -> AnalysisResult:
        until_s = time.process_time() + 0.05
        while time.process_time() < until_s:
            pass
        return AnalysisResult(request.request_id, request.session_id, cost_ms=(("mesh", 25.0),))


def test_what_no_step_accounts_for_is_told_as_the_rest() -> None:
    ours, theirs = multiprocessing.Pipe()
    thread = threading.Thread(target=answer_requests, args=(theirs, BusyAnalyzer()))
    thread.start()
    ours.send(AnalysisRequest(1, "s"))
    told = dict(ours.recv().cost_ms)
    ours.close()
    thread.join(10)
    assert told["mesh"] == 25.0
    assert told[REST] >= 24.0


def test_what_a_worker_prints_goes_to_its_file(tmp_path: Path) -> None:
    log_file = tmp_path / "logs" / "worker.log"
    config = WorkerConfig(tmp_path, scripted=True, log_file=log_file)
    from detectors.messages import Frame
    from tests.scripted_media import scripted_jpeg

    worker = SpawnedWorker(config, "printer")
    worker.connection.recv()
    frame = Frame(1.0, scripted_jpeg({"do": "fail"}))
    worker.connection.send(AnalysisRequest(1, "s", (frame,), (), frozenset({"face"})))
    worker.connection.recv()
    worker.dismiss(10)
    assert "RuntimeError: The script asked for a failure." in log_file.read_text()


def test_a_large_log_is_put_aside(tmp_path: Path) -> None:
    log_file = tmp_path / "worker.log"
    log_file.write_bytes(bytes(1_000_001))
    worker = SpawnedWorker(WorkerConfig(tmp_path, scripted=True, log_file=log_file), "printer")
    assert not isinstance(worker.connection.recv(), WorkerFailed)
    worker.dismiss(10)
    assert log_file.stat().st_size == 0
    assert (tmp_path / "worker.log.1").stat().st_size == 1_000_001
