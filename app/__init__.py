"""The Candor server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.clock import Clock
    from app.settings import Settings


def create_app(
    settings: Settings | None = None, clock: Clock | None = None, *, scripted: bool = False
) -> Flask:
    """The web application with every part built; `app.extensions["candor"].start()` runs them.

    Without settings they are read from the environment and `.env`. `scripted` replaces the
    detectors by ones that follow a script. Raises CandorError when a part cannot be built.
    """
    # Here and not above: tools import modules of this package without the web server.
    from functools import partial

    from app.settings import load_settings
    from app.web.factory import build_app
    from app.wiring import build_services

    return build_app(settings or load_settings(), clock, partial(build_services, scripted=scripted))
