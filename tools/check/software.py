"""Python, the pinned packages, the pages' packages, and what FFmpeg can write."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.settings import PROJECT_ROOT
from tools.check.findings import Finding, less, ok, problem

SET_UP = "Run ./setup.sh."

# What a package is imported as, where that differs from its name in the requirement files.
_MODULES = {
    "flask-babel": "flask_babel",
    "prometheus-client": "prometheus_client",
    "pillow": "PIL",
    "flask-socketio": "flask_socketio",
    "flask-wtf": "flask_wtf",
    "simple-websocket": "simple_websocket",
    "typing-extensions": "typing_extensions",
    "python-dotenv": "dotenv",
    "pyyaml": "yaml",
    "argon2-cffi": "argon2",
    "opencv-contrib-python-headless": "cv2",
    "webrtcvad-wheels": "webrtcvad",
    "python-socketio": "socketio",
    "absl-py": "absl",
    "attrs": "attr",
    "protobuf": "google.protobuf",
}
# Their own modules ask for packages of several GB that are not installed; only data of theirs
# is used, so being there is enough.
_DATA_ONLY = {"silero-vad", "resemblyzer"}
_VENDOR = ("socket.io.esm.min.js", "uPlot.esm.js", "uPlot.min.css")


def look_at_python() -> Iterable[Finding]:
    """The interpreter."""
    version = platform.python_version()
    if (3, 10) <= sys.version_info[:2] <= (3, 12):
        yield ok("Python", version)
    else:
        yield problem("Python", version, "Use Python 3.10, 3.11 or 3.12: PYTHON=... ./setup.sh")


def pinned(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """(name, version) of every requirement that applies to this interpreter."""
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            requirement, _, marker = line.partition("#")[0].partition(";")
            name, _, version = requirement.strip().partition("==")
            if version and _applies(marker.strip()):
                yield name.partition("[")[0].lower(), version


def _applies(marker: str) -> bool:
    # The only markers of our files compare the Python version.
    if not marker:
        return True
    _, comparison, version = marker.split()
    wanted = tuple(int(part) for part in version.strip("\"'").split("."))
    here = sys.version_info[:2]
    return here >= wanted if comparison == ">=" else here < wanted


def look_at_packages(files: Iterable[Path] | None = None) -> Iterable[Finding]:
    """Every pinned package: is it the pinned version, and can it be loaded?"""
    if files is None:
        files = (PROJECT_ROOT / "requirements.txt", PROJECT_ROOT / "requirements-bare.txt")
    good = 0
    for name, version in pinned(files):
        try:
            found = importlib.metadata.version(name)
            if name not in _DATA_ONLY:
                importlib.import_module(_MODULES.get(name, name))
        except importlib.metadata.PackageNotFoundError:
            yield problem(name, "is not installed", SET_UP)
        except (ImportError, OSError) as error:
            if name == "sounddevice":
                yield less(
                    name,
                    f"cannot be loaded ({error}): the agent has no microphone",
                    "On Debian and Ubuntu: sudo apt-get install libportaudio2",
                )
            else:
                yield problem(name, f"cannot be loaded: {error}", SET_UP)
        else:
            if found == version:
                good += 1
            else:
                yield less(name, f"is {found}, tested with {version}", SET_UP)
    yield ok("Python packages", f"{good} as pinned")


def look_at_pages(vendor: Path = PROJECT_ROOT / "static" / "vendor") -> Iterable[Finding]:
    """The npm packages that pages load."""
    missing = [name for name in _VENDOR if not (vendor / name).is_file()]
    if missing:
        yield problem("Pages", f"static/vendor lacks {', '.join(missing)}", SET_UP)
    else:
        yield ok("Pages", "static/vendor is complete")


def look_at_encoders() -> Iterable[Finding]:
    """What clips are written with."""
    import av

    missing = []
    for name in ("libx264", "aac"):
        try:
            av.Codec(name, "w")
        except av.codec.codec.UnknownCodecError:
            missing.append(name)
    if missing:
        yield problem("Clips", f"PyAV's FFmpeg cannot write {', '.join(missing)}", SET_UP)
    else:
        version = ".".join(str(part) for part in av.library_versions["libavcodec"])
        yield ok("Clips", f"H.264 and AAC (libavcodec {version})")
