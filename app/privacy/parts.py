"""The parts of privacy, put together for the server and for the commands."""

from __future__ import annotations

from dataclasses import dataclass

from app.audit.log import AuditLog
from app.clock import Clock
from app.evidence.media import Media
from app.privacy.consent import Consents
from app.privacy.export import Exporter
from app.privacy.removal import Remover
from app.privacy.retention import Retention, Sweeper
from app.settings import Settings
from app.store import Repository


@dataclass(frozen=True, slots=True)
class Privacy:
    """What the routes, the socket and the commands use."""

    consents: Consents
    remover: Remover
    retention: Retention
    exporter: Exporter
    sweeper: Sweeper


def open_privacy(
    settings: Settings, repository: Repository, media: Media, audit: AuditLog, clock: Clock
) -> Privacy:
    remover = Remover(repository, media, audit, clock)
    retention = Retention(repository, remover, clock, settings.retention_days)
    return Privacy(
        Consents(repository.trail, clock, settings.legal_basis, retention.days_of),
        remover,
        retention,
        Exporter(repository, media, audit),
        Sweeper(retention),
    )
