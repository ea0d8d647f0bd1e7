"""A short form of `./run.sh fuzz`."""

from __future__ import annotations

from pathlib import Path

from tools.fuzz import run


def test_the_server_withstands_what_no_client_would_send(tmp_path: Path) -> None:
    report = run(300, 7, tmp_path)
    assert report.faults == []
    assert report.cases >= 290
    assert {"schema", "raw", "event", "frame"} <= set(report.kinds)
