"""REST cases: what schemathesis draws from the OpenAPI document, and hostile requests by hand."""

from __future__ import annotations

import json
import random
import re
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisException
from schemathesis import GenerationMode

from tools.fuzzing.report import Report
from tools.fuzzing.values import TEXTS, hostile, nested

TIMEOUT_S = 30
PER_ROUND = 20
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE")
# These end what the fuzzer itself needs; the matrix of roles tests them.
LEFT_OUT = frozenset({("POST", "/logout")})

Door = Callable[[requests.Session], dict[str, str]]


class RestFuzzer:
    """Sends cases to one server and judges the answers."""

    def __init__(self, url: str, doors: dict[str, dict[str, str]], report: Report) -> None:
        """`doors` are the headers of each kind of caller, by its name."""
        self._url = url
        self._doors = doors
        self._report = report
        self._line = requests.Session()
        self._line.trust_env = False
        document = self._line.get(f"{url}/api/openapi.json", timeout=TIMEOUT_S).json()
        self._paths: dict[str, Any] = document["paths"]
        self._schema = schemathesis.openapi.from_dict(document)

    def run_schema(self, cases: int, number: int) -> None:
        """Send at least `cases` requests drawn from the document."""
        drawn: list[Any] = list(self._schema.get_all_operations())
        operations = [result.ok() for result in drawn]
        operations = [
            each for each in operations if (each.method.upper(), each.path) not in LEFT_OUT
        ]
        modes: tuple[Any, ...] = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        sent = 0
        while sent < cases:
            before = sent
            for operation in operations:
                for mode in modes:
                    sent += self._round(operation, mode, number + sent, min(PER_ROUND, cases))
                    if sent >= cases:
                        return
            if sent == before:
                return

    def _round(self, operation: Any, mode: GenerationMode, number: int, most: int) -> int:
        sent = 0
        doors = list(self._doors)

        @seed(number)
        @settings(
            max_examples=most,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            nonlocal sent
            sent += 1
            asked = case.as_transport_kwargs(base_url=self._url)
            asked["headers"] = {**asked["headers"], **self._doors[doors[sent % len(doors)]]}
            self._send(f"schema {operation.label}", asked)

        try:
            send()
        except HypothesisException:
            # This operation has nothing to draw in this mode.
            return sent
        return sent

    def run_raw(self, cases: int, chance: random.Random) -> None:
        """Send hostile requests to every path of the document."""
        for asked in self._raw(cases, chance):
            self._send(f"raw {asked['method']} {asked['url'][:120]}", asked)

    def _raw(self, cases: int, chance: random.Random) -> Iterator[dict[str, Any]]:
        doors = list(self._doors.values())
        paths = sorted(self._paths)
        for number in range(cases):
            template = paths[number % len(paths)]
            declared = [method.upper() for method in self._paths[template]]
            method = chance.choice(declared * 3 + list(METHODS))
            if (method, template) in LEFT_OUT:
                continue
            path = re.sub(r"{\w+}", lambda _: _quoted(chance), template)
            headers = dict(chance.choice(doors))
            if chance.random() < 0.2:
                headers["Range"] = chance.choice(
                    ("bytes=0-", "bytes=-1", "bytes=9-3", "bytes=a-b", "bytes=0-0,1-1,2-2", "x=1")
                )
            query = urllib.parse.urlencode({"q": chance.choice(TEXTS)}, errors="replace")
            yield {
                "method": method,
                "url": f"{self._url}{path}{'?' + query if chance.random() < 0.3 else ''}",
                "headers": {**headers, "Content-Type": "application/json"},
                "data": _body(chance) if method not in ("GET", "HEAD") else None,
            }

    def _send(self, what: str, asked: dict[str, Any]) -> None:
        try:
            answer = self._line.request(timeout=TIMEOUT_S, allow_redirects=False, **asked)
        except (
            requests.exceptions.InvalidHeader,
            requests.exceptions.InvalidURL,
            UnicodeError,
            ValueError,
        ):
            # The client itself refuses to send this.
            return
        except requests.exceptions.RequestException as error:
            self._report.case(what, "no answer")
            if not self._is_up():
                self._report.fault(f"{what}: {type(error).__name__}, and the server is gone")
            return
        self._report.case(what, str(answer.status_code))
        if answer.status_code >= 500:
            self._report.fault(f"{what}: {answer.status_code} {answer.text[:200]}")
        elif answer.headers.get("Content-Type", "").startswith("application/json"):
            try:
                answer.json()
            except ValueError:
                if answer.content:
                    self._report.fault(f"{what}: the answer is not JSON")

    def _is_up(self) -> bool:
        try:
            return self._line.get(f"{self._url}/healthz", timeout=TIMEOUT_S).ok
        except requests.exceptions.RequestException:
            return False


def _quoted(chance: random.Random) -> str:
    text = chance.choice(TEXTS)
    return text if chance.random() < 0.2 and text.isalnum() else _escape(text)


def _escape(text: str) -> str:
    return urllib.parse.quote(text.encode("utf-8", "surrogatepass"), safe="")


def _body(chance: random.Random) -> bytes:
    pick = chance.random()
    if pick < 0.7:
        return json.dumps(hostile(chance)).encode("utf-8", "surrogatepass")
    if pick < 0.75:
        return b"[" * 100_000
    if pick < 0.8:
        return json.dumps(nested(900)).encode()
    if pick < 0.82:
        return b'{"user_id": "' + b"a" * 1_100_000 + b'"}'
    return chance.choice((b"", b"{", b"\xff\xfe", b"nul", b'{"a":1,"a":2}', b"\0" * 10))
