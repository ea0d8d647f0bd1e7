"""Where the labelled media and the model files are, for tests that need them.

Neither belongs to the project: a test that needs one skips with the reason when it is absent.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parent.parent


def media_dir() -> Path | None:
    """The folder that holds `manifest.csv`: `CANDOR_MEDIA_DIR`, else `../shared/media`."""
    given = os.environ.get("CANDOR_MEDIA_DIR", "")
    for folder in [Path(given)] if given else [PROJECT_ROOT.parent / "shared" / "media"]:
        if (folder / "manifest.csv").is_file():
            return folder.resolve()
    return None


def load_manifest(folder: Path | None = None) -> list[dict[str, str]]:
    """The rows of the manifest; empty where there is no media."""
    folder = folder or media_dir()
    if folder is None:
        return []
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return [{key: value or "" for key, value in row.items()} for row in csv.DictReader(file)]


def models_dir() -> Path | None:
    """The folder with model files: `PROCTOR_MODELS_DIR`, `models/`, or `../shared/models`."""
    given = os.environ.get("PROCTOR_MODELS_DIR", "")
    folders = [PROJECT_ROOT / "models", PROJECT_ROOT.parent / "shared" / "models"]
    for folder in [Path(given), *folders] if given else folders:
        if folder.is_dir() and any(folder.glob("*.onnx")):
            return folder.resolve()
    return None


requires_media = pytest.mark.skipif(
    media_dir() is None,
    reason="labelled media absent: set CANDOR_MEDIA_DIR to a folder with manifest.csv",
)
requires_models = pytest.mark.skipif(
    models_dir() is None,
    reason="model files absent: run ./setup.sh or set PROCTOR_MODELS_DIR",
)
