"""What the documents say is what the program does."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from app import create_app
from app.settings import NAMES, PROJECT_ROOT, Settings, load_settings

DOCUMENTS = sorted(
    [PROJECT_ROOT / "README.md", PROJECT_ROOT / "NOTICE", *(PROJECT_ROOT / "docs").rglob("*.md")]
)
PROTOCOL = PROJECT_ROOT / "docs" / "protocol.md"
CODE = ("app", "detectors", "scoring", "tools")


def _example() -> dict[str, str | None]:
    return dotenv_values(PROJECT_ROOT / ".env.example")


def test_env_example_has_every_setting_and_no_other() -> None:
    assert set(_example()) == set(NAMES)


def test_env_example_states_the_defaults() -> None:
    given = {name: value or "" for name, value in _example().items()}
    assert load_settings(given, env_file=PROJECT_ROOT / "no.env") == Settings.model_validate({})


def _handlers(tmp_path: Path) -> set[str]:
    settings = load_settings({"PROCTOR_DATA_DIR": str(tmp_path)}, env_file=tmp_path / "no.env")
    app = create_app(settings, scripted=True)
    server: Any = app.extensions["socketio"].server
    app.extensions["candor"].repository.close()
    return set(server.handlers["/"]) - {"connect", "disconnect"}


def _sections() -> Iterator[tuple[str, str]]:
    for section in re.split(r"^## ", PROTOCOL.read_text(encoding="utf-8"), flags=re.M)[1:]:
        title, _, text = section.partition("\n")
        yield title, text


def _documented(direction: str) -> set[str]:
    """Events of the sections whose title has this direction: headings and first table cells."""
    found: set[str] = set()
    for title, text in _sections():
        if direction in title.lower():
            found |= set(re.findall(r"^(?:### |\| )`(\w+)`", text, flags=re.M))
    return found


def test_the_protocol_names_every_event_a_client_may_send(tmp_path: Path) -> None:
    assert _documented("client to server") == _handlers(tmp_path)


def test_the_protocol_names_every_event_pages_listen_to() -> None:
    heard: set[str] = set()
    for script in (PROJECT_ROOT / "static" / "js").rglob("*.js"):
        heard |= set(re.findall(r'socket\.on\("(\w+)"', script.read_text(encoding="utf-8")))
    assert heard - {"connect", "connect_error", "disconnect"} <= _documented("server to")


def test_the_server_sends_every_event_the_protocol_promises() -> None:
    words = {
        node.value
        for file in (PROJECT_ROOT / "app").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert _documented("server to") - words == set()


def _help() -> str:
    done = subprocess.run(
        ["./run.sh", "help"], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0
    return done.stdout


def _commands(text: str) -> set[str]:
    return set(re.findall(r"\./run\.sh ([a-z][a-z-]*)", text))


def test_the_readme_names_every_command_of_run_sh() -> None:
    assert _commands(_help()) <= _commands((PROJECT_ROOT / "README.md").read_text("utf-8"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_a_document_names_exists(document: Path) -> None:
    assert _commands(document.read_text(encoding="utf-8")) <= _commands(_help())


def test_every_command_says_what_it_does() -> None:
    for line in _help().splitlines():
        if line.startswith("  ./run.sh "):
            assert re.search(r"\s{2,}[A-Z].*\.$", line), line


def test_an_unknown_command_ends_with_two_and_the_list() -> None:
    done = subprocess.run(
        ["./run.sh", "no-such-command"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert "./run.sh demo" in done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_a_document_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|sh|md|toml|txt))`", text))
    named |= set(re.findall(r"\]\(([^)#:]+)\)", text))
    missing = {name for name in named if not _exists(name, document)}
    assert missing == set()


def _exists(name: str, document: Path) -> bool:
    """A path from the root or from the document; a bare name of code may be in any folder."""
    made_at_run_time = ("data/", "logs/", "flagged_videos/", "models/", "static/vendor")
    if name.startswith(made_at_run_time):
        return True
    if any((folder / name).exists() for folder in (PROJECT_ROOT, document.parent)):
        return True
    return "/" not in name and any(
        path for folder in CODE for path in (PROJECT_ROOT / folder).rglob(name)
    )


def test_the_architecture_has_a_place_for_every_folder_of_code() -> None:
    text = (PROJECT_ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {
        path.parent.relative_to(PROJECT_ROOT).as_posix() + "/"
        for name in CODE
        for path in (PROJECT_ROOT / name).rglob("*.py")
    }
    assert {folder for folder in folders if f"`{folder}`" not in text} == set()


def test_no_document_names_an_issue_or_a_machine() -> None:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        assert not re.search(r"\bissue #?\d|/(?:root|home)/|shared/design", text, flags=re.I), (
            document
        )
