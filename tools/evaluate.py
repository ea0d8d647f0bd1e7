"""Measures the detectors on a folder of labelled media (--degrade, --html FILE, --json FILE)."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from detectors.models import PROJECT_ROOT
from scoring.model import Detector
from tools.evaluation.degrade import DEGRADATIONS
from tools.evaluation.floors import Check, FloorsError, check_floors, load_floors
from tools.evaluation.manifest import Manifest, ManifestError, load_manifest
from tools.evaluation.media import UnreadableMediaError, read_still, read_video
from tools.evaluation.product import Product
from tools.evaluation.progress import Progress
from tools.evaluation.report import as_html, as_report, as_table, degraded_table, wrong_lines
from tools.evaluation.results import Section
from tools.evaluation.run import Evaluation, Run

HONEST = "honest"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run.sh evaluate",
        description="Measure the detectors on a folder of labelled media.",
    )
    parser.add_argument("folder", type=Path, help="holds manifest.csv")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a report with pictures")
    parser.add_argument(
        "--detector",
        action="append",
        choices=[*(d.value for d in Detector), HONEST],
        metavar="NAME",
        help="only this one; may be repeated ("
        + ", ".join(d.value for d in Detector)
        + f"; {HONEST}: sessions of ten minutes with every detector)",
    )
    parser.add_argument(
        "--degrade", action="store_true", help="repeat under " + ", ".join(DEGRADATIONS)
    )
    parser.add_argument("--object-model", default="auto", metavar="NAME", help="as in the settings")
    parser.add_argument("--models", type=Path, default=PROJECT_ROOT / "models", metavar="DIR")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Answers 0, 1 when a floor is missed, 2 when nothing could be evaluated."""
    options = _parser().parse_args(argv)
    os.environ.setdefault("GLOG_minloglevel", "2")
    try:
        manifest = load_manifest(options.folder)
        floors = load_floors()
    except (ManifestError, FloorsError) as error:
        print(error, file=sys.stderr)
        return 2
    names = options.detector or [*(d.value for d in Detector), HONEST]
    wanted = [Detector(name) for name in names if name != HONEST]
    progress = Progress()
    started_s = time.monotonic()
    product = Product(options.models, options.object_model)
    run = Run(product, manifest, wanted, progress)
    clean = run.evaluate()
    if HONEST in names and (section := run.evaluate_honest()) is not None:
        clean.sections[HONEST] = section
    report = as_report(clean.sections)
    degraded = {
        name: as_report(Run(product, manifest, wanted, progress, name).evaluate().sections)
        for name in (DEGRADATIONS if options.degrade else ())
    }
    progress.end()
    checks = check_floors(report, floors)
    problems = [*manifest.problems, *clean.problems]
    _print(report, clean, checks, degraded, problems, time.monotonic() - started_s)
    if options.json:
        whole = dict(report)
        if degraded:
            whole["degraded"] = degraded
        whole["problems"] = problems
        whole["floors_missed"] = [c.floor.figure for c in checks if c.is_missed]
        options.json.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    if options.html:
        _write_html(options.html, manifest, report, clean.sections, checks, degraded)
    return 1 if any(check.is_missed for check in checks) else 0


def _print(
    report: Mapping[str, object],
    clean: Evaluation,
    checks: Sequence[Check],
    degraded: Mapping[str, Mapping[str, object]],
    problems: Sequence[str],
    spent_s: float,
) -> None:
    print(as_table(report))
    for text in (wrong_lines(clean.sections), degraded_table(report, degraded) if degraded else ""):
        if text:
            print("\n" + text)
    if problems:
        print("\nOutside the grammar or not readable:")
        print("\n".join(f"  {problem}" for problem in problems))
    missed = [check for check in checks if check.is_missed]
    measured = sum(check.value is not None for check in checks)
    print(f"\n{measured - len(missed)} of {measured} floors met, {spent_s:.0f} s.")
    for check in missed:
        print(f"  missed: {check.floor.figure} is {check.value:g}, wanted {check.floor.wish}")


def _write_html(
    path: Path,
    manifest: Manifest,
    report: Mapping[str, object],
    sections: Mapping[str, Section],
    checks: Sequence[Check],
    degraded: Mapping[str, Mapping[str, object]],
) -> None:
    page = as_html(
        f"Detectors on {manifest.folder.resolve().name}",
        report,
        sections,
        checks,
        degraded,
        manifest.folder,
        _still_of(manifest.folder),
    )
    path.write_text(page, encoding="utf-8")


def _still_of(folder: Path) -> Callable[[str], bytes | None]:
    """Opens `file` or `file#frame 12` as a JPEG; None where there is none."""

    @lru_cache(maxsize=256)
    def open_still(name: str) -> bytes | None:
        file, _, at = name.partition("#frame ")
        try:
            if not at:
                return read_still(folder / file)
            return next((p.jpeg for p in read_video(folder / file) if p.index == int(at)), None)
        except (UnreadableMediaError, OSError):
            return None

    return open_still


if __name__ == "__main__":
    sys.exit(main())
