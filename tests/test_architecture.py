"""The shape of the program, as docs/architecture.md draws it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("app", "detectors", "scoring", "tools", "tests")
VISION_AND_AUDIO = frozenset(
    {
        "cv2",
        "jax",
        "mediapipe",
        "numpy",
        "onnx",
        "onnxruntime",
        "openvino",
        "silero_vad",
        "sounddevice",
        "tensorflow",
        "torch",
        "ultralytics",
        "webrtcvad",
    }
)
MAY_BE_IMPORTED_OF_DETECTORS = frozenset({"detectors.messages", "detectors.entry"})
CLOCKS = frozenset(
    {
        ("time", "time"),
        ("time", "time_ns"),
        ("time", "monotonic"),
        ("time", "monotonic_ns"),
        ("datetime", "now"),
        ("datetime", "utcnow"),
        ("date", "today"),
    }
)
LONGEST_MODULE_LINES = 400


@cache
def modules(*packages: str) -> dict[str, Path]:
    """Every module of these packages by its dotted name."""
    found = {}
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(path: Path, *, when_imported: bool = False) -> frozenset[str]:
    """The modules a file imports; with `when_imported` only those its import pulls in."""
    return frozenset(_imports(path, when_imported=when_imported))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(path: Path, *, when_imported: bool) -> Iterator[str]:
    nodes: list[ast.AST] = [parsed(path)]
    while nodes:
        node = nodes.pop()
        if when_imported and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and _is_for_types_only(node):
            nodes.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
        nodes.extend(ast.iter_child_nodes(node))


def _is_for_types_only(node: ast.If) -> bool:
    test = node.test
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def top(name: str) -> str:
    return name.partition(".")[0]


def reached(start: str, known: dict[str, Path]) -> set[str]:
    """Everything that importing a module imports, through our own modules."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        parent = name.rpartition(".")[0]
        if parent in known:
            waiting.append(parent)
        if name in known:
            waiting.extend(imports(known[name], when_imported=True))
    return seen


@pytest.mark.parametrize("name", modules("scoring"))
def test_scoring_uses_the_standard_library_only(name: str) -> None:
    foreign = {
        used
        for used in imports(modules("scoring")[name])
        if top(used) != "scoring" and top(used) not in sys.stdlib_module_names
    }
    assert not foreign


@pytest.mark.parametrize("name", modules("detectors"))
def test_detectors_know_the_words_of_scoring_and_nothing_of_the_server(name: str) -> None:
    ours = {used for used in imports(modules("detectors")[name]) if top(used) in OURS}
    foreign = {
        used for used in ours if top(used) != "detectors" and not used.startswith("scoring.model")
    } - {"scoring"}
    assert not foreign


@pytest.mark.parametrize("name", modules("app"))
def test_the_server_imports_of_detectors_only_what_is_light(name: str) -> None:
    used = {used for used in imports(modules("app")[name]) if top(used) == "detectors"}
    heavy = {
        one
        for one in used - {"detectors"}
        if one not in MAY_BE_IMPORTED_OF_DETECTORS
        and one.rpartition(".")[0] not in MAY_BE_IMPORTED_OF_DETECTORS
    }
    assert not heavy


@pytest.mark.parametrize("name", modules("app"))
def test_the_server_reaches_no_vision_or_audio_library(name: str) -> None:
    known = modules(*OURS)
    direct = {top(used) for used in imports(known[name])}
    assert not (direct | {top(used) for used in reached(name, known)}) & VISION_AND_AUDIO


@pytest.mark.parametrize("name", modules("app", "detectors", "scoring"))
def test_the_product_imports_neither_its_tools_nor_its_tests(name: str) -> None:
    known = modules("app", "detectors", "scoring")
    assert not {used for used in imports(known[name]) if top(used) in ("tools", "tests")}


def test_importing_the_wiring_loads_no_vision_or_audio_library() -> None:
    script = (
        "import sys, app.wiring, app.web.factory, app.web.server, detectors.entry;"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout.split()) & VISION_AND_AUDIO


@pytest.mark.parametrize("name", modules("app", "detectors", "scoring"))
def test_only_the_clock_reads_a_clock(name: str) -> None:
    if name == "app.clock" or top(name) == "detectors":
        return
    tree = parsed(modules("app", "scoring")[name])
    read = {
        (node.value.id, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert not read & CLOCKS


@pytest.mark.parametrize("name", modules("app", "detectors", "scoring", "tools"))
def test_a_module_says_its_job_and_stays_readable(name: str) -> None:
    path = modules("app", "detectors", "scoring", "tools")[name]
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE_LINES
    assert not text.strip() or ast.get_docstring(parsed(path))


@pytest.mark.parametrize("folder", ["app", "detectors", "scoring", "tools", "templates", "static"])
def test_no_word_judges_a_student(folder: str) -> None:
    judging = ("che" + "ating", "che" + "ater")
    endings = {".py", ".js", ".mjs", ".html", ".css", ".svg"}
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in endings and "vendor" not in path.parts:
            text = path.read_text(encoding="utf-8").lower()
            assert not [word for word in judging if word in text], path


def test_nothing_of_eventlet_or_gevent_is_installed_or_imported() -> None:
    known = modules(*OURS)
    used = {top(name) for path in known.values() for name in imports(path)}
    assert not used & {"eventlet", "gevent"}
    wanted = (ROOT / "requirements.txt").read_text(encoding="utf-8").lower()
    assert "eventlet" not in wanted
    assert "gevent" not in wanted
