"""The document and the server say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from app.web.factory import ROUTES
from tests.unit.web.conftest import Web, json_of

NOT_DECLARED = {"static"}


def document(web: Web) -> dict[str, Any]:
    body: dict[str, Any] = json_of(web.anyone.get("/api/openapi.json"))
    return body


def operations(drawn: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in drawn["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_every_route_is_in_the_document_and_the_other_way_round(web: Web) -> None:
    served = {
        (method, re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule))
        for rule in web.app.url_map.iter_rules()
        if rule.endpoint not in NOT_DECLARED
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(method, path) for method, path, _ in operations(document(web))} == served


def test_it_is_openapi_3_1_with_unique_operations(web: Web) -> None:
    drawn = document(web)
    assert drawn["openapi"] == "3.1.0"
    ids = [operation["operationId"] for _, _, operation in operations(drawn)]
    assert len(ids) == len(set(ids)) == len(ROUTES)


def test_every_reference_leads_somewhere(web: Web) -> None:
    drawn = document(web)
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(drawn)):
        place: Any = drawn
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
        assert place


def test_every_operation_says_who_may_call_it(web: Web) -> None:
    drawn = document(web)
    open_paths = {path for _, path, operation in operations(drawn) if not operation["security"]}
    assert open_paths == {
        "/",
        "/portal/config",
        "/portal/exam/{exam}",
        "/portal/result",
        "/portal/phone",
        "/phone",
        "/portal/session",
        "/portal/words/{language}",
        "/login",
        "/healthz",
        "/readyz",
        "/api/openapi.json",
    }
    schemes = drawn["components"]["securitySchemes"]
    for _, _, operation in operations(drawn):
        assert all(name in schemes for need in operation["security"] for name in need)


def test_path_parameters_are_declared(web: Web) -> None:
    for _, path, operation in operations(document(web)):
        named = {parameter["name"] for parameter in operation.get("parameters", [])}
        assert named == set(re.findall(r"{(\w+)}", path))


def test_answers_have_the_shape_the_document_gives(web: Web) -> None:
    created = web.create()
    drawn = document(web)
    schemas = drawn["components"]["schemas"]
    asked = {
        "/api/sessions/active": "/api/sessions/active",
        "/api/sessions/stats": "/api/sessions/stats",
        "/api/session/{session_id}/details": f"/api/session/{created['session_id']}/details",
        "/api/flagged/all": "/api/flagged/all",
        "/api/machine": "/api/machine",
    }
    for path, real in asked.items():
        content = drawn["paths"][path]["get"]["responses"]["200"]["content"]
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert web.integrator.get(real).json.keys() == schemas[name]["properties"].keys()
