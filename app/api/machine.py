"""REST: the state of this machine, and whether the server is up."""

from __future__ import annotations

import contextlib
import functools
import platform
import shutil
import threading
from importlib import metadata

from app.access.needs import MACHINE_READ, OPEN
from app.api.models import (
    DetectorPart,
    DiskPart,
    Health,
    LoadPart,
    Machine,
    SessionCounts,
    StorePart,
)
from app.errors import Unavailable
from app.version import VERSION
from app.web.routes import Call, Route
from app.wiring import Services

PACKAGES = ("flask", "flask-socketio", "gunicorn", "pymongo", "neosqlite", "pydantic", "numpy")


@functools.cache
def versions() -> dict[str, str]:
    """Python, this machine, and the packages that matter most when something is reported."""
    found = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def machine_of(call: Call) -> Machine:
    services = call.services
    sessions = services.sessions.active()
    disk = shutil.disk_usage(services.settings.data_path)
    return Machine(
        version=VERSION,
        uptime_s=round(services.uptime_s(), 1),
        detectors=[
            DetectorPart(
                detector=status.detector,
                is_on=status.is_on,
                model=status.model,
                remedy=status.remedy,
            )
            for status in services.pool.statuses()
        ],
        load=load_of(services),
        counters=services.counters(),
        sessions=SessionCounts(
            active=len(sessions), running=sum(record.is_running for record in sessions)
        ),
        store=StorePart(
            engine=services.repository.engine_name, ok=services.repository.is_answering()
        ),
        disk=DiskPart(free_bytes=disk.free, size_bytes=disk.total),
        versions=versions(),
        threads=threading.active_count(),
    )


def load_of(services: Services) -> LoadPart:
    state, headroom = services.load.state(), services.load.headroom()
    return LoadPart(
        students=headroom.students,
        holds=headroom.holds,
        reduced=headroom.reduced,
        says=headroom.says(),
        rung=state.rung.name,
        is_reduced=state.index > 0,
        left_out=state.says(),
        analysis_fps=round(state.judged_fps, 3),
        worker_busy=state.worker_busy,
        web_busy=state.web_busy,
        wait_s=state.wait_s,
        worker_ms_per_student_s=headroom.worker_ms,
        web_ms_per_student_s=headroom.web_ms,
    )


def ready(call: Call) -> Health:
    services = call.services
    if services.is_closing:
        raise Unavailable("The server is stopping.")
    if not services.repository.is_answering():
        raise Unavailable("The database does not answer.")
    if not services.counters().get("workers_ready"):
        raise Unavailable("No detector worker is ready yet.")
    return Health()


def health(call: Call) -> Health:
    if not call.services.repository.is_answering():
        raise Unavailable("The database does not answer.")
    return Health()


ROUTES = (
    Route(
        "GET",
        "/api/machine",
        "machine",
        "Detectors, workers and counters of this server",
        machine_of,
        needs=MACHINE_READ,
        answer=Machine,
    ),
    Route(
        "GET",
        "/readyz",
        "ready",
        "Whether the server can take students now",
        ready,
        OPEN,
        answer=Health,
        refusals={503: "It is starting or stopping, or a part of it does not answer."},
    ),
    Route(
        "GET",
        "/healthz",
        "health",
        "Whether the server and its database answer",
        health,
        OPEN,
        answer=Health,
        refusals={503: "The database does not answer."},
    ),
)
