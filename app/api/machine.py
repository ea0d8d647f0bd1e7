"""REST: the state of this machine, and whether the server is up."""

from __future__ import annotations

from app.access.needs import MACHINE_READ, OPEN
from app.api.models import DetectorPart, Health, Machine, SessionCounts, StorePart
from app.errors import Unavailable
from app.version import VERSION
from app.web.routes import Call, Route


def machine_of(call: Call) -> Machine:
    services = call.services
    sessions = services.sessions.active()
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
        counters=services.counters(),
        sessions=SessionCounts(
            active=len(sessions), running=sum(record.is_running for record in sessions)
        ),
        store=StorePart(
            engine=services.repository.engine_name, ok=services.repository.is_answering()
        ),
    )


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
        "/healthz",
        "health",
        "Whether the server and its database answer",
        health,
        OPEN,
        answer=Health,
        refusals={503: "The database does not answer."},
    ),
)
