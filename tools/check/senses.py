"""Models and detectors, and the cameras and microphones that an agent here could use."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from pathlib import Path

from app.settings import Settings
from detectors.entry import WorkerConfig, run_worker
from detectors.messages import WorkerReady
from detectors.model_files import sha256_of
from detectors.models import MODELS, find_model
from tools.check.findings import Finding, less, ok, problem

_READY_WITHIN_S = 60.0
_END_WITHIN_S = 10.0


def look_at_models(models_dir: Path) -> Iterable[Finding]:
    """Every file of the manifest with its checksum."""
    for model in MODELS:
        path = find_model(model, models_dir)
        if path is None:
            yield less(f"Model {model.title}", f"missing: {model.lost_without}", model.remedy)
            continue
        checksum = sha256_of(path)
        if checksum in model.sha256:
            yield ok(f"Model {model.title}", f"sha256 {checksum[:12]}, {model.licence}")
        elif model.recipe or model.is_own_export:
            yield ok(f"Model {model.title}", f"sha256 {checksum[:12]}, made here, {model.licence}")
        else:
            yield less(
                f"Model {model.title}",
                f"has the unknown sha256 {checksum[:12]}",
                f"Delete {path} and run ./setup.sh.",
            )


def look_at_detectors(settings: Settings) -> Iterable[Finding]:
    """Start one detector worker, as the server does, and hear what it can do."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    config = WorkerConfig(models_dir=settings.models_path, object_model=settings.object_model)
    worker = context.Process(target=run_worker, args=(theirs, config), daemon=True)
    worker.start()
    theirs.close()
    try:
        ready = ours.recv() if ours.poll(_READY_WITHIN_S) else None
    except EOFError:
        ready = None
    finally:
        ours.close()
        worker.join(_END_WITHIN_S)
        if worker.is_alive():
            worker.kill()
    if not isinstance(ready, WorkerReady):
        yield problem("Detectors", "a worker does not start", "logs/app_errors.log may say why.")
        return
    for status in ready.statuses:
        if status.is_on:
            yield ok(f"Detector {status.detector}", status.model or "on")
        else:
            yield less(f"Detector {status.detector}", "off", status.remedy)


def look_at_devices(devices: Path = Path("/dev")) -> Iterable[Finding]:
    """Cameras and microphones of this machine; only the agent uses them, the server never."""
    cameras = sorted(path.name for path in devices.glob("video*"))
    yield ok("Cameras here", f"{', '.join(cameras) or 'none'} (only ./run.sh agent uses them)")
    try:
        import sounddevice

        found = [item["name"] for item in sounddevice.query_devices() if item["max_input_channels"]]
    except (ImportError, OSError) as error:
        yield less(
            "Microphones here",
            f"cannot be listed ({error}); only ./run.sh agent uses them",
            "On Debian and Ubuntu: sudo apt-get install libportaudio2",
        )
    else:
        yield ok("Microphones here", f"{', '.join(found) or 'none'} (only ./run.sh agent)")
