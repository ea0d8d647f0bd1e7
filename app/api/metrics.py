"""What Prometheus scrapes: figures of this server, without a name or an id of anybody.

Needs a login that may see the machine, or a key with the scope `machine:read`, which Prometheus
sends as `authorization: {credentials: <key>}`. There is no exception for local addresses: behind a
reverse proxy every request looks local.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import flask
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
    UntypedMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from app.access.needs import MACHINE_READ
from app.records import SessionState
from app.version import VERSION
from app.web.routes import Call, Route
from app.wiring import Services


class ServerMetrics(Collector):
    """The figures at the moment of a scrape."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        services = self._services
        yield InfoMetricFamily("candor", "The version that runs.", {"version": VERSION})
        yield _gauge("candor_uptime_seconds", "Since the start.", services.uptime_s())
        is_answering = services.repository.is_answering()
        yield _gauge("candor_store_up", "1 when the database answers.", float(is_answering))
        if is_answering:
            yield self._sessions()
        disk = shutil.disk_usage(services.settings.data_path)
        yield _gauge("candor_disk_free_bytes", "Of the disk that holds the data.", disk.free)
        yield _gauge("candor_disk_size_bytes", "Of the disk that holds the data.", disk.total)
        detectors = GaugeMetricFamily("candor_detector_on", "1 when it works.", labels=["detector"])
        for status in services.pool.statuses():
            detectors.add_metric([status.detector], float(status.is_on))
        yield detectors
        yield from self._load()
        for name, value in sorted(services.counters().items()):
            safe = "".join(each if each.isalnum() else "_" for each in name)
            yield UntypedMetricFamily(
                f"candor_{safe}", f"{name.replace('_', ' ')}, as on the machine page.", value
            )

    def _load(self) -> Iterator[Metric]:
        state, headroom = self._services.load.state(), self._services.load.headroom()
        yield _gauge("candor_students_connected", "Students here now.", headroom.students)
        if headroom.holds is not None and headroom.reduced is not None:
            yield _gauge("candor_students_held", "That the machine holds.", headroom.holds)
            yield _gauge("candor_students_reduced", "More at half the rate.", headroom.reduced)
        yield _gauge("candor_worker_busy_ratio", "Of the workers' time.", state.worker_busy)
        yield _gauge("candor_web_busy_ratio", "Of one core.", state.web_busy)
        yield _gauge("candor_worker_wait_seconds", "In line for a worker.", state.wait_s)
        yield _gauge("candor_analysis_fps", "Judged of each student now.", state.judged_fps)

    def _sessions(self) -> GaugeMetricFamily:
        active = self._services.repository.sessions(
            states=(SessionState.CREATED, SessionState.RUNNING)
        )
        family = GaugeMetricFamily("candor_sessions", "That have not ended.", labels=["state"])
        for state in (SessionState.CREATED, SessionState.RUNNING):
            count = sum(record.state is state for record in active)
            family.add_metric([state.value], count)
        return family


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value)


def metrics(call: Call) -> flask.Response:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServerMetrics(call.services))
    return flask.Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


ROUTES = (
    Route(
        "GET",
        "/metrics",
        "metrics",
        "Figures for Prometheus",
        metrics,
        MACHINE_READ,
        media="text/plain",
    ),
)
