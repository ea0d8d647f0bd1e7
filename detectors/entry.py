"""Entry of a spawned process of the detectors. Importing it loads no model and no library."""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What a worker is told at birth. `models_dir` holds what `setup.sh` fetched.

    What the worker and its libraries print goes to `log_file` when there is one.
    """

    models_dir: Path
    object_model: str = "auto"
    threads: int = 1
    scripted: bool = False
    log_file: Path | None = None


def run_worker(connection: Connection, config: WorkerConfig) -> None:
    """Serve requests from `connection` until it closes."""
    from detectors.worker import serve

    serve(connection, config)


def run_decoder(connection: Connection) -> None:
    """Answer one list of coded sounds with the same as PCM, and end."""
    from detectors.opus import decode_all

    decode_all(connection)
