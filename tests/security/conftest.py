"""The web application of the unit tests, for attacks."""

from __future__ import annotations

from tests.unit.web.conftest import web

__all__ = ["web"]
