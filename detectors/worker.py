"""One detector worker: a process that answers analysis requests until its pipe closes.

It is started by `detectors.entry.run_worker`. Interrupts of the terminal are left to the
server, which closes the pipe when it stops.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import traceback
from multiprocessing.connection import Connection, wait
from typing import Protocol

from detectors.entry import WorkerConfig
from detectors.messages import (
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
    try:
        while True:
            message = connection.recv()
            if isinstance(message, AnalysisRequest):
                connection.send(_answer(analyzer, message))
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


def _answer(analyzer: RequestAnalyzer, request: AnalysisRequest) -> AnalysisResult:
    try:
        return analyzer.analyze(request)
    except Exception as error:
        log.exception("Analysis failed", extra={"session_id": request.session_id})
        fault = DetectorFault("worker", f"{type(error).__name__}: {error}")
        return AnalysisResult(request.request_id, request.session_id, faults=(fault,))


def _follow_parent() -> None:
    """End when the server is gone, even while an analysis hangs."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
