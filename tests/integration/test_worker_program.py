"""The server with its detectors in a process of their own, as `./run.sh worker` starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import PROJECT_ROOT
from tests.live_server import live_server
from tests.redis_server import redis_server
from tests.scripted_media import scripted_jpeg
from tests.waiting import wait_until


def start_worker(folder: Path, redis_url: str) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "REDIS_URL": redis_url, "PROCTOR_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "tools.worker", "--processes", "1", "--scripted"]
    return subprocess.Popen(command, cwd=PROJECT_ROOT, env=environ, stdout=subprocess.DEVNULL)


def test_a_worker_that_is_killed_and_started_again_loses_no_picture(tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        worker = start_worker(tmp_path, url)
        try:
            with live_server(tmp_path, REDIS_URL=url) as server:
                session = server.new_session()
                student = server.student(session)
                assert student.start()["ok"]
                server.wait_for_workers()
                phone = scripted_jpeg({"face": "one", "objects": "phone"})

                def last_seen_s() -> float:
                    view = server.services.monitor.view(session.session_id)
                    return view.overlay.at_s if view and view.overlay else 0.0

                def now_s() -> float:
                    view = server.services.monitor.view(session.session_id)
                    return view.at_s if view else 0.0

                student.send((phone, phone))
                wait_until(lambda: last_seen_s() > 0, "the pictures are looked at")
                before_s = last_seen_s()
                worker.kill()
                worker.wait(10)
                wait_until(lambda: now_s() > before_s + 2, "there are newer pictures to take")
                student.send((phone, phone))
                worker = start_worker(tmp_path, url)
                wait_until(lambda: last_seen_s() > before_s, "the next ones are, too")
                assert server.services.pool.counters()["dropped_frames"] == 0
                student.close()
        finally:
            worker.terminate()
            assert worker.wait(30) == 0


@pytest.mark.parametrize(
    ("redis_url", "says"), [("", "Set REDIS_URL"), ("redis://127.0.0.1:1/0", "Check REDIS_URL")]
)
def test_a_worker_without_redis_says_what_to_do(tmp_path: Path, redis_url: str, says: str) -> None:
    environ = {**os.environ, "REDIS_URL": redis_url, "PROCTOR_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "tools.worker"],
        cwd=PROJECT_ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode
    assert says in done.stderr
