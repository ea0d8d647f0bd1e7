"""The OpenAPI 3.1 document, drawn from the declared routes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.access.needs import OPEN, SIGNED_IN
from app.api.models import Refusal
from app.version import PRODUCT, VERSION
from app.web.routes import Call, Route

REF = "#/components/schemas/{model}"
SECURITY: dict[str, dict[str, str]] = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An integrator's API key.",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A student's token: opens that student's session only.",
    },
    "phone": {
        "type": "http",
        "scheme": "bearer",
        "description": "What `POST /portal/phone` answered: opens one room scan only.",
    },
    "address": {
        "type": "apiKey",
        "in": "query",
        "name": "sig",
        "description": "With `for` and `until`: an address as another answer gave it.",
    },
    "login": {
        "type": "apiKey",
        "in": "cookie",
        "name": "candor",
        "description": "The cookie of a staff login; requests other than GET also send the"
        " page's token as X-CSRFToken.",
    },
}
SCHEME_OF = {"integrator": "key", "student": "token", "staff": "login", "phone": "phone"}


def document_of(routes: Sequence[Route]) -> dict[str, Any]:
    """The whole document as plain data."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": PRODUCT,
            "version": VERSION,
            "description": "Create and end exam sessions, and read what was observed in them."
            " Live updates come over Socket.IO (docs/protocol.md).",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {"schemas": _schemas(routes), "securitySchemes": SECURITY},
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": ["pages" if route.media == "text/html" else "api"],
        "security": [
            *({SCHEME_OF[kind]: []} for kind in route.callers),
            *([{"address": []}] if route.needs.is_signed else []),
        ],
        "responses": _responses(route),
    }
    if route.names:
        operation["parameters"] = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": route.parameters.get(name, ""),
                "schema": {"type": "string"},
            }
            for name in route.names
        ]
    if route.body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref(route.body)}},
        }
    elif route.takes:
        binary = {"schema": {"type": "string", "format": "binary"}}
        operation["requestBody"] = {"required": True, "content": {route.takes: binary}}
    elif route.form:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}},
        }
    return operation


def _responses(route: Route) -> dict[str, Any]:
    content: dict[str, Any] = {route.media: {"schema": _ref(route.answer)} if route.answer else {}}
    responses: dict[str, Any] = {}
    if route.form:
        responses["303"] = {"description": "Done; goes on to a page."}
    else:
        responses["200"] = {"description": "Done.", "content": content}
    if route.name in ("video_file", "media_part"):
        responses["206"] = {"description": "A part, as asked for by Range.", "content": content}
    refusals = dict(route.refusals)
    if route.body:
        refusals.setdefault(400, "Something sent is missing or malformed; the message says what.")
        refusals.setdefault(413, "More than 1 MB was sent.")
    if route.callers and route.is_page and route.method == "GET":
        responses["302"] = {"description": "Not signed in: goes to the login page."}
    elif route.callers:
        refusals.setdefault(401, "No valid key, token or login.")
        refusals.setdefault(403, "The key, token or login does not open this.")
    for status, description in sorted(refusals.items()):
        refused: dict[str, Any] = {"description": description or HTTPStatus(status).phrase}
        if not route.is_page:
            refused["content"] = {"application/json": {"schema": _ref(Refusal)}}
        responses[str(status)] = refused
    return responses


def _models(routes: Iterable[Route]) -> list[type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {Refusal.__name__: Refusal}
    for route in routes:
        for model in (route.body, route.answer):
            if model is not None:
                found[model.__name__] = model
    return list(found.values())


def _schemas(routes: Sequence[Route]) -> dict[str, Any]:
    answers = {route.answer for route in routes} | {Refusal}
    _, drawn = models_json_schema(
        [
            (model, "serialization" if model in answers else "validation")
            for model in _models(routes)
        ],
        ref_template=REF,
    )
    schemas: dict[str, Any] = drawn["$defs"]
    return schemas


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}


def _document(_call: Call) -> flask.Response:
    return flask.jsonify(flask.current_app.extensions["candor_openapi"])


def _page(_call: Call) -> str:
    return flask.render_template(
        "api_docs.html", document=flask.current_app.extensions["candor_openapi"]
    )


ROUTES = (
    Route("GET", "/api/openapi.json", "openapi", "This document", _document, OPEN),
    Route(
        "GET",
        "/api/docs",
        "api_docs",
        "This document as a page",
        _page,
        needs=SIGNED_IN,
        media="text/html",
        is_page=True,
    ),
)
