"""One detector worker: a process that answers analysis requests until its pipe closes.

It is started by `detectors.entry.run_worker`. Interrupts of the terminal are left to the
server, which closes the pipe when it stops.
"""

from __future__ import annotations

import faulthandler
import logging
import multiprocessing
import os
import signal
import threading
import time
import traceback
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Protocol

from detectors.entry import WorkerConfig
from detectors.messages import (
    REST,
    AnalysisRequest,
    AnalysisResult,
    CloseSession,
    DetectorFault,
    DetectorStatus,
    WorkerFailed,
    WorkerReady,
)

log = logging.getLogger(__name__)

_NICENESS = 5
_LOG_MAX_BYTES = 1_000_000
_MAX_KNOWN_FAILURES = 100
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)


class RequestAnalyzer(Protocol):
    """What answers requests: all detectors behind one door, with a stream per session."""

    def statuses(self) -> tuple[DetectorStatus, ...]: ...

    def analyze(self, request: AnalysisRequest) -> AnalysisResult: ...

    def close(self, session_id: str) -> None: ...


def prepare_process(config: WorkerConfig) -> None:
    """Make this process a polite worker; to be called before a model library is loaded."""
    if config.log_file is not None:
        _print_to(config.log_file)
    faulthandler.enable()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in _THREAD_VARIABLES:
        os.environ[name] = str(config.threads)
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    threading.Thread(target=_follow_parent, name="parent-watch", daemon=True).start()


def serve(connection: Connection, config: WorkerConfig) -> None:
    """Load the detectors, say what works, and answer until the pipe closes."""
    prepare_process(config)
    try:
        analyzer = _build(config)
        ready = WorkerReady(os.getpid(), analyzer.statuses())
    except Exception as error:
        traceback.print_exc()
        connection.send(WorkerFailed(os.getpid(), f"{type(error).__name__}: {error}"))
        raise SystemExit(1) from None
    connection.send(ready)
    answer_requests(connection, analyzer)


def answer_requests(connection: Connection, analyzer: RequestAnalyzer) -> None:
    """Answer each request in order; returns when the other side is gone."""
    known_failures: set[str] = set()
    spent_s = time.process_time()
    try:
        while True:
            message = connection.recv()
            if isinstance(message, AnalysisRequest):
                result = _answer(analyzer, message, known_failures)
                before_s, spent_s = spent_s, time.process_time()
                connection.send(_with_rest(result, 1000 * (spent_s - before_s)))
            elif isinstance(message, CloseSession):
                analyzer.close(message.session_id)
    except (EOFError, OSError):
        return


def _build(config: WorkerConfig) -> RequestAnalyzer:
    if config.scripted:
        from detectors.scripted import ScriptedAnalyzer

        return ScriptedAnalyzer(config)
    from detectors.analyzer import Analyzer

    return Analyzer(config)


def _print_to(log_file: Path) -> None:
    """Send standard output and errors, those of C libraries included, to the end of a file.

    A file that has grown large is put aside first; one that cannot be written is done without.
    """
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        if log_file.exists() and log_file.stat().st_size > _LOG_MAX_BYTES:
            log_file.replace(log_file.with_suffix(log_file.suffix + ".1"))
        with log_file.open("ab") as target:
            os.dup2(target.fileno(), 1)
            os.dup2(target.fileno(), 2)
    except OSError:
        return


def _answer(
    analyzer: RequestAnalyzer, request: AnalysisRequest, known_failures: set[str]
) -> AnalysisResult:
    """The analysis, or a fault; each kind of failure is logged the first time only."""
    try:
        return analyzer.analyze(request)
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
        if failure not in known_failures and len(known_failures) < _MAX_KNOWN_FAILURES:
            known_failures.add(failure)
            log.exception("Analysis failed", extra={"session_id": request.session_id})
        fault = DetectorFault("worker", failure)
        return AnalysisResult(request.request_id, request.session_id, faults=(fault,))


def _with_rest(result: AnalysisResult, spent_ms: float) -> AnalysisResult:
    """The result with all of the CPU time since the last one: what no step accounts for is REST."""
    rest_ms = max(0.0, spent_ms - sum(ms for _, ms in result.cost_ms))
    return replace(result, cost_ms=(*result.cost_ms, (REST, rest_ms)))


def _follow_parent() -> None:
    """End when the server is gone, even while an analysis hangs."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
