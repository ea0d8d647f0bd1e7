"""Looks up the pinned packages among known vulnerabilities, with pip-audit."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Sequence

from app.settings import PROJECT_ROOT

FILES = ("requirements.txt", "requirements-bare.txt")
PATIENCE_S = 300
UNREACHABLE = ("ConnectionError", "ServiceError", "Max retries", "Failed to connect", "Timeout")

Run = Callable[[Sequence[str]], tuple[int, str]]


def main(run: Run | None = None) -> int:
    """0 when nothing is known or it cannot be asked (which is said), 1 for a finding."""
    if run is None and importlib.util.find_spec("pip_audit") is None:
        print("Skipped: pip-audit is not installed (pip install pip-audit).")
        return 0
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps"]
    for file in FILES:
        command += ["-r", str(PROJECT_ROOT / file)]
    status, said = (run or _run)(command)
    if status and any(word in said for word in UNREACHABLE):
        print("Skipped: the service that knows vulnerabilities cannot be reached from here.")
        return 0
    print(said.strip())
    return 1 if status else 0


def _run(command: Sequence[str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, "Timeout"
    return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
