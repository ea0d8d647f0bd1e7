"""What the audit of packages makes of the answers of pip-audit."""

from __future__ import annotations

import pytest

from tools.audit_packages import main


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ((0, "No known vulnerabilities found"), 0, "No known"),
        ((1, "Found 1 known vulnerability in x"), 1, "Found 1"),
        ((1, "requests.exceptions.ConnectionError: no route"), 0, "Not checked"),
    ],
)
def test_a_finding_fails_and_a_silent_service_is_said(
    answer: tuple[int, str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(run=lambda _command: answer) == status
    assert said in capsys.readouterr().out
