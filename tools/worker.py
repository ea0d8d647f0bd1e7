"""Offers this machine's detectors to the servers that share a REDIS_URL.

It runs until it is told to stop; what it had in hand then is analysed by other workers. Start as
many on as many machines as are needed, and stop any at any time.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from functools import partial

from app.clock import SystemClock
from app.errors import SettingsError
from app.fleet.line import LineDown, open_line
from app.pool.host import WorkerHost
from app.pool.local import cores
from app.pool.process import SpawnedWorker
from app.settings import load_settings
from app.web.logs import set_up_logs
from detectors.entry import WorkerConfig


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="./run.sh worker", description="Analyse for servers on this and other machines."
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=0,
        metavar="N",
        help="detector processes (default: PROCTOR_WORKERS, or one for each core)",
    )
    parser.add_argument(
        "--scripted",
        action="store_true",
        help="follow scripts in the pictures instead of looking at them, for tests",
    )
    args = parser.parse_args(argv)
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if not settings.redis_url:
        print(
            "Set REDIS_URL to the Redis that the servers use; without one a server starts its own"
            " detectors.",
            file=sys.stderr,
        )
        return 2
    line = open_line(settings)
    try:
        line.check()
    except LineDown as error:
        print(f"{error} Check REDIS_URL.", file=sys.stderr)
        return 1
    set_up_logs(settings.logs_path, settings.log_level)
    config = WorkerConfig(
        settings.models_path,
        object_model=settings.object_model,
        scripted=args.scripted,
        log_file=settings.logs_path / "worker.log",
    )
    workers = args.processes or settings.workers or cores()
    host = WorkerHost(line, workers, partial(SpawnedWorker, config), SystemClock())
    is_over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: is_over.set())
    host.start()
    print(f"{workers} detector processes are starting; stop with Ctrl-C.", flush=True)
    while not is_over.wait(1.0):
        pass
    host.stop()
    logging.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
