"""Gathers the files of the manifest into one folder: copies, downloads, makes, verifies.

Sources in order: the target folder itself, PROCTOR_MODELS_DIR, `../shared/models` beside the
checkout, the official address. A file that cannot be had is reported with its remedy and never
stops a set-up. Used by set-up only; the server and its workers read the folder.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import urlparse

from detectors.models import MODELS, PROJECT_ROOT, ModelFile

GIVE_UP_S = 10.0
_BLOCK_BYTES = 1 << 16
_LARGEST_BYTES = 200_000_000

Progress = Callable[[int, int], None]


class ModelUnavailableError(Exception):
    """The file could not be had; the text says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: `how` when it is there, `problem` and the remedy when not."""

    model: ModelFile
    how: str = ""
    problem: str = ""

    @property
    def is_there(self) -> bool:
        return not self.problem


def sha256_of(path: Path) -> str:
    """The file's SHA-256 as lower-case hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def gather(
    target: Path,
    sources: Iterable[Path],
    models: Iterable[ModelFile] = MODELS,
    out: TextIO | None = None,
    give_up_s: float = GIVE_UP_S,
) -> tuple[Outcome, ...]:
    """Bring every model into `target`; says on `out` what happens. Raises OSError only when
    `target` cannot be made.
    """
    target.mkdir(parents=True, exist_ok=True)
    folders = tuple(sources)
    outcomes = []
    for model in models:
        progress = _Meter(model.title, out) if out else None
        outcome = _obtain(model, target, folders, give_up_s, progress)
        if out:
            print("\r" + _line(outcome), file=out, flush=True)
        outcomes.append(outcome)
    return tuple(outcomes)


def _obtain(
    model: ModelFile,
    target: Path,
    sources: tuple[Path, ...],
    give_up_s: float,
    progress: Progress | None,
) -> Outcome:
    path = target / model.name
    try:
        if path.is_file() and _is_good(model, path):
            return Outcome(model, "already there")
        if model.recipe:
            _make(model, path)
            return Outcome(model, "made from the package " + model.package_file.split(":")[0])
        for folder in sources:
            found = folder / model.name
            if found.is_file() and _is_good(model, found):
                _copy(found, path)
                return Outcome(model, f"copied from {folder}")
        if not model.url:
            return Outcome(model, problem="not in the models folder and not published as ONNX")
        _download(model, path, give_up_s, progress)
    except (OSError, ModelUnavailableError) as error:
        return Outcome(model, problem=str(error) or type(error).__name__)
    return Outcome(model, f"downloaded from {urlparse(model.url).hostname}")


def _is_good(model: ModelFile, path: Path) -> bool:
    if model.recipe:
        from detectors.voice_model import is_made_from

        return is_made_from(path, model.sha256[0])
    return sha256_of(path) in model.sha256 or model.is_own_export


def _copy(found: Path, path: Path) -> None:
    part = _part_of(path)
    try:
        shutil.copyfile(found, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _make(model: ModelFile, path: Path) -> None:
    package, _, inner = model.package_file.partition(":")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModelUnavailableError(f"the package {package} is not installed")
    weights = Path(spec.origin).parent / inner
    if not weights.is_file():
        raise ModelUnavailableError(f"the package {package} carries no {inner}")
    if sha256_of(weights) not in model.sha256:
        raise ModelUnavailableError(f"{inner} of {package} is not the published file")
    from detectors.voice_model import build_voice_encoder

    part = _part_of(path)
    try:
        build_voice_encoder(weights, part, model.sha256[0])
        part.replace(path)
    except ImportError as error:
        raise ModelUnavailableError(f"the package {error.name} is not installed") from error
    finally:
        part.unlink(missing_ok=True)


def _part_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


class _Transfer:
    """One download on a thread of its own: a name look-up that hangs cannot be timed out."""

    def __init__(self, url: str, part: Path, progress: Progress | None, give_up_s: float) -> None:
        self._url = url
        self._part = part
        self._progress = progress
        self._deadline_s = time.monotonic() + give_up_s
        self._give_up_s = give_up_s
        self._error = ""
        self._thread = threading.Thread(target=self._run, name="model-download", daemon=True)

    def run(self) -> None:
        """Blocks until the file is whole. Raises ModelUnavailableError."""
        self._thread.start()
        self._thread.join(self._give_up_s + 0.5)
        if self._thread.is_alive():
            self._error = f"{urlparse(self._url).hostname}: too slow"
        if self._error:
            raise ModelUnavailableError(f"{self._error} (gave up within {self._give_up_s:g} s)")

    def _run(self) -> None:
        try:
            self._read()
        except Exception as error:  # top of the thread: the reason goes to the caller
            reason = getattr(error, "reason", None) or error
            self._error = f"{urlparse(self._url).hostname}: {reason}"
            self._part.unlink(missing_ok=True)

    def _read(self) -> None:
        request = urllib.request.Request(self._url, headers={"User-Agent": "candor-setup"})  # noqa: S310 - manifest addresses only
        with (
            urllib.request.urlopen(request, timeout=self._give_up_s) as answer,  # noqa: S310
            self._part.open("wb") as file,
        ):
            total = int(answer.headers.get("Content-Length") or 0)
            done = 0
            while block := answer.read1(_BLOCK_BYTES):
                if time.monotonic() > self._deadline_s:
                    raise ModelUnavailableError("too slow")
                file.write(block)
                done += len(block)
                if done > _LARGEST_BYTES:
                    raise ModelUnavailableError("the answer is far larger than any model")
                if self._progress:
                    self._progress(done, total)


def _download(model: ModelFile, path: Path, give_up_s: float, progress: Progress | None) -> None:
    part = _part_of(path)
    try:
        _Transfer(model.url, part, progress, give_up_s).run()
        found = sha256_of(part)
        if found not in model.sha256:
            raise ModelUnavailableError(f"the download has the wrong checksum {found}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class _Meter:
    """Writes one line that grows: how much of a download is here."""

    def __init__(self, title: str, out: TextIO) -> None:
        self._title = title
        self._out = out
        self._shown_s = 0.0

    def __call__(self, done: int, total: int) -> None:
        now_s = time.monotonic()
        if now_s - self._shown_s < 0.2:
            return
        self._shown_s = now_s
        of = f" of {total / 1e6:.1f}" if total else ""
        print(
            f"\r  .. {self._title}: {done / 1e6:.1f}{of} MB   ", end="", file=self._out, flush=True
        )


def _line(outcome: Outcome) -> str:
    model = outcome.model
    if outcome.is_there:
        return f"  ok {model.title} ({model.licence}): {outcome.how}"
    return (
        f"  -- {model.title}: {outcome.problem}\n"
        f"     Without it {model.lost_without}.\n"
        f"     {model.remedy}"
    )


def default_sources() -> tuple[Path, ...]:
    """PROCTOR_MODELS_DIR when set, then `shared/models` beside the checkout."""
    named = os.environ.get("PROCTOR_MODELS_DIR", "").strip()
    beside = PROJECT_ROOT.parent / "shared" / "models"
    return (*((Path(named),) if named else ()), beside)


def main(arguments: list[str] | None = None) -> int:
    """The command. Answers 0 also when a model is missing: that is reported, not fatal."""
    parser = argparse.ArgumentParser(
        prog="python -m detectors.models", description="Bring the model files into one folder."
    )
    parser.add_argument("--target", type=Path, default=PROJECT_ROOT / "models", metavar="DIR")
    options = parser.parse_args(arguments)
    try:
        outcomes = gather(options.target, default_sources(), out=sys.stdout)
    except OSError as error:
        print(f"  -- no models: the folder {options.target} cannot be made: {error}")
        return 0
    missing = sum(not outcome.is_there for outcome in outcomes)
    print(f"Models: {len(outcomes) - missing} of {len(outcomes)} in {options.target}")
    return 0
