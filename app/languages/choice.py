"""Which language a request is answered in: the student's choice, else the browser's wish.

Only the student's pages are translated; everything else is English.
"""

from __future__ import annotations

from typing import Any

import flask
from babel.support import Translations
from flask_babel import Babel
from flask_babel import Domain as BabelDomain

from app.languages.catalogue import BY_CODE, ENGLISH, LANGUAGES, translations

COOKIE = "candor_language"
PHONE = "/phone"


class _Domain(BabelDomain):  # type: ignore[misc]  # the package has no types
    """Reads the written catalogues; nothing has to be compiled beforehand."""

    def get_translations(self) -> Translations:
        return translations(language_of_request() if flask.has_request_context() else ENGLISH)


class StudentBabel(Babel):  # type: ignore[misc]  # the package has no types
    """Flask-Babel over `translations/`."""

    _domain = _Domain()

    @property
    def domain_instance(self) -> _Domain:
        return self._domain


def language_of_request() -> str:
    """The code of the language this request is answered in."""
    path = flask.request.path
    if path == PHONE:
        # A phone is somebody's who reads the language of the page that joined it.
        asked = flask.request.args.get("l", "")
        return asked if asked in BY_CODE else wished()
    if path != "/" and not path.startswith(("/portal", "/api/my/")):
        return ENGLISH
    return wished()


def wished() -> str:
    """What the student chose on the page, else the best of what the browser asks for."""
    chosen = flask.request.cookies.get(COOKIE, "")
    if chosen in BY_CODE:
        return chosen
    return flask.request.accept_languages.best_match(list(BY_CODE), ENGLISH) or ENGLISH


def add_languages(app: flask.Flask) -> None:
    """Let templates say `_("...")`, and tell them the language and its direction."""
    StudentBabel(app, locale_selector=language_of_request)

    @app.context_processor
    def context() -> dict[str, Any]:
        language = BY_CODE[language_of_request()]
        return {
            "language": language.code,
            "direction": language.direction,
            "languages": LANGUAGES,
        }
