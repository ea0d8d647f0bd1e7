"""A web application around fakes, and clients with each kind of credential."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.settings import Settings
from app.web.factory import build_app
from app.wiring import Services
from tests.fakes import FakeClock
from tests.parts import build_around_fakes

KEY = "integrator-key-0123456789"
PASSWORD = "correct-horse-battery"


@dataclass
class Web:
    """The application under test."""

    app: Flask
    services: Services
    clock: FakeClock

    @property
    def anyone(self) -> FlaskClient:
        """A browser nobody has signed in with."""
        return self.app.test_client()

    @property
    def integrator(self) -> Bearer:
        return Bearer(self.anyone, KEY)

    def student(self, token: str) -> Bearer:
        return Bearer(self.anyone, token)

    def staff(self) -> FlaskClient:
        """A browser that has signed in as the admin."""
        client = self.anyone
        answer = client.post(
            "/login",
            data={
                "username": "admin",
                "password": PASSWORD,
                "csrf_token": page_token(client),
            },
        )
        assert answer.status_code == 303
        return client

    def create(self, user_id: str = "ann", exam_id: str = "math") -> dict[str, Any]:
        answer = self.integrator.post(
            "/api/session/create", {"user_id": user_id, "exam_id": exam_id}
        )
        assert answer.status_code == 200
        body: dict[str, Any] = answer.json
        return body


@dataclass
class Bearer:
    """Sends one key or token with every request."""

    client: FlaskClient
    secret: str

    def get(self, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.secret}", **more.pop("headers", {})}
        return self.client.get(path, headers=headers, **more)

    def put(self, path: str, json: Any = None, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.secret}", **more.pop("headers", {})}
        return self.client.put(path, json=json, headers=headers, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.secret}", **more.pop("headers", {})}
        if json is not None:
            more["json"] = json
        return self.client.post(path, headers=headers, **more)


def json_of(answer: Any) -> Any:
    """The JSON of an answer, which the test knows to be JSON."""
    assert answer.mimetype == "application/json"
    return answer.json


def page_token(client: FlaskClient, path: str = "/login") -> str:
    """The CSRF token in the page a browser has open."""
    found = re.search(
        r'name="csrf-token"\s+content="([^"]+)"', client.get(path).get_data(as_text=True)
    )
    assert found
    return found[1]


def build_web(folder: Path, **given: str) -> Web:
    settings = Settings.model_validate(
        {
            "PROCTOR_DATA_DIR": folder,
            "PROCTOR_API_KEY": KEY,
            "PROCTOR_ADMIN_PASSWORD": PASSWORD,
            **given,
        }
    )
    clock = FakeClock()
    app = build_app(settings, clock, build_around_fakes)
    app.testing = False
    return Web(app, app.extensions["candor"], clock)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    built = build_web(tmp_path)
    yield built
    built.services.repository.close()
