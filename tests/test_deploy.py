"""The files of `deploy/` speak of settings, files, commands and routes that are there."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from app.settings import NAMES, PROJECT_ROOT

DEPLOY = PROJECT_ROOT / "deploy"
SEARCH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))


def _compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8")))


def _nginx_script() -> str:
    """What the container of nginx runs before it starts, with compose's own quoting undone."""
    _, _, script = _compose()["services"]["nginx"]["command"]
    return str(script).replace("$$", "$").partition("&& exec nginx")[0]


def test_containers_get_settings_that_the_program_knows() -> None:
    services = _compose()["services"]
    given = set(dotenv_values(DEPLOY / "compose.env.example")) - {"CANDOR_NAME"}
    for service in services.values():
        given |= set(service.get("environment", {}))
    assert {"MONGO_URI", "REDIS_URL", "PROCTOR_SECRET_KEY"} <= given
    assert given <= set(NAMES)


def test_containers_start_programs_and_mount_volumes_that_are_there() -> None:
    compose = _compose()
    modules = re.findall(r'"-m", "([\w.]+)"', (DEPLOY / "compose.yaml").read_text("utf-8"))
    modules += re.findall(r'"-m", "([\w.]+)"', (DEPLOY / "Dockerfile").read_text("utf-8"))
    assert set(modules) == {"app", "tools.worker"}
    assert all(importlib.util.find_spec(module) for module in modules)
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            is_there = source in compose["volumes"] or source.startswith("/")
            assert is_there or (DEPLOY / source).is_file(), source


def test_pictures_are_kept_in_no_image_and_by_no_redis() -> None:
    ignored = (PROJECT_ROOT / ".dockerignore").read_text("utf-8").split()
    assert {".env", "data", "flagged_videos", "logs"} <= set(ignored)
    assert _compose()["services"]["redis"]["command"][1:] == ["--save", "", "--appendonly", "no"]


def test_only_nginx_is_reached_from_outside() -> None:
    services = _compose()["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]


@pytest.mark.skipif(shutil.which("nginx", path=SEARCH) is None, reason="nginx is not installed")
def test_nginx_takes_the_configuration_that_compose_makes(tmp_path: Path) -> None:
    script = _nginx_script()
    script = script.replace("/candor.conf", str(DEPLOY / "nginx-several.conf"))
    made = tmp_path / "default.conf"
    script = script.replace("/etc/nginx/conf.d/default.conf", str(made))
    name = {"CANDOR_NAME": "exams.school.test", "PATH": SEARCH}
    subprocess.run(["sh", "-c", script], check=True, env=name)
    text = made.read_text("utf-8")
    assert "server server-1:5000" in text
    assert "server server-2:5000" in text
    assert "example.org" not in re.sub(r"#.*", "", text)
    assert "live/exams.school.test/fullchain.pem" in text
    # No such names and no certificate here; nginx is to read the rest.
    text = re.sub(r"server-[12]:5000", "127.0.0.1:5000", text)
    text = re.sub(r"listen .*;|ssl_.*;", "", text)
    whole = tmp_path / "nginx.conf"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {tmp_path}/{kind}; " for kind in kinds)
    whole.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {places}\n{text} }}\n",
        encoding="utf-8",
    )
    nginx = str(shutil.which("nginx", path=SEARCH))
    checked = subprocess.run(
        [nginx, "-t", "-c", str(whole)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
