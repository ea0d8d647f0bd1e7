from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.load.memory import give_back

PIECE = 20_000
COUNT = 4_000


def resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="/proc and glibc are Linux's")
def test_what_lies_free_between_what_stays_is_given_back() -> None:
    pieces = [bytes(PIECE) for _ in range(COUNT)]
    kept = pieces[:: COUNT // 20]
    pieces.clear()
    before = resident()
    assert give_back()
    assert resident() < before - PIECE * COUNT / 2
    assert len(kept) == 20
