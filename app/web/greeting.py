"""What the server says on the console when it is up."""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.settings import Settings
from app.version import PRODUCT, VERSION
from app.wiring import Services

DETECTORS_WAIT_S = 60.0
LOOK_S = 0.2


class Greeting:
    """Says where the server listens, the first credentials, and which detectors are off.

    Detectors take some seconds to load, so they are told by a thread of its own, which ends
    by itself.
    """

    def __init__(self, settings: Settings, services: Services, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._services = services
        self._say = say

    def start(self) -> None:
        for line in self.where():
            self._say(line)
        threading.Thread(target=self._tell_detectors, name="greeting", daemon=True).start()

    def where(self) -> list[str]:
        """The address, the database and, once, what was made at the first start."""
        url = address_of(self._settings)
        made = self._services.first_credentials
        lines = [
            "",
            f"{PRODUCT} {VERSION} is ready at {url}",
            f"  students  {url}/",
            f"  proctors  {url}/admin",
            f"  database  {self._services.repository.engine_name},"
            f" {self._services.repository.place}",
        ]
        if made.admin_password:
            lines.append(f"  admin login (shown only now)  admin / {made.admin_password}")
        if made.api_key:
            lines.append(f"  API key (shown only now)      {made.api_key}")
        return [*lines, ""]

    def detectors(self) -> list[str]:
        """What is on, then one line per detector that is off, with the remedy."""
        statuses = self._services.pool.statuses()
        on = ", ".join(status.detector for status in statuses if status.is_on)
        lines = [f"Detectors on: {on or 'none'}."]
        lines += [
            f"Detector OFF: {status.detector}. {status.remedy}"
            for status in statuses
            if not status.is_on
        ]
        return lines

    def _tell_detectors(self) -> None:
        pool = self._services.pool
        asked = threading.Event()
        for _ in range(int(DETECTORS_WAIT_S / LOOK_S)):
            if pool.counters().get("workers_ready"):
                break
            asked.wait(LOOK_S)
        for line in self.detectors():
            self._say(line)


def address_of(settings: Settings) -> str:
    """The URL to open on this machine, or the public one where it is set."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    scheme = "https" if settings.is_tls else "http"
    host = settings.host
    if host in ("0.0.0.0", "::", "127.0.0.1", "::1"):  # noqa: S104  # compared, not bound
        host = "localhost"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"
