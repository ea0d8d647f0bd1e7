"""Looks up the pinned packages among known vulnerabilities, with pip-audit."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Sequence

from app.settings import PROJECT_ROOT

FILES = ("requirements.txt", "requirements-bare.txt")
PATIENCE_S = 300
UNREACHABLE = ("ConnectionError", "ServiceError", "Max retries", "Failed to connect", "Timeout")

Run = Callable[[Sequence[str]], tuple[int, str]]


NOT_CHECKED = 2


def main(arguments: Sequence[str] = (), run: Run | None = None) -> int:
    """0 when nothing is known, 1 for a finding; what cannot be asked is said, and is 2 only with
    `--strict`."""
    parser = argparse.ArgumentParser(prog="./run.sh audit-packages", description=__doc__)
    parser.add_argument("--strict", action="store_true", help="fail when nothing could be checked")
    skipped = NOT_CHECKED if parser.parse_args(arguments).strict else 0
    if run is None and importlib.util.find_spec("pip_audit") is None:
        print("Not checked: pip-audit is not installed. Install it into .venv with:")
        print("  .venv/bin/pip install pip-audit")
        return skipped
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps"]
    for file in FILES:
        command += ["-r", str(PROJECT_ROOT / file)]
    status, said = (run or _run)(command)
    if status and any(word in said for word in UNREACHABLE):
        print(
            "Not checked: the service that knows vulnerabilities cannot be reached from here."
            " Run ./run.sh audit-packages on a machine that reaches the internet, or through a"
            " proxy (HTTPS_PROXY)."
        )
        return skipped
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
    sys.exit(main(sys.argv[1:]))
