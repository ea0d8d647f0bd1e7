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
from tools.evaluation.spots import Spots

HONEST = "honest"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run.sh evaluate",
        description="Measure the detectors on a folder of labelled media.",
    )
    parser.add_argument("folder", type=Path, nargs="?", help="holds manifest.csv")
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
        "--degrade",
        nargs="*",
        metavar="NAME",
        help="repeat under each of " + ", ".join(DEGRADATIONS) + "; or only under those named",
    )
    parser.add_argument("--object-model", default="auto", metavar="NAME", help="as in the settings")
    parser.add_argument("--models", type=Path, default=PROJECT_ROOT / "models", metavar="DIR")
    return parser


def read_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for; leaves with a sentence where it cannot be done.

    Whatever takes minutes to measure must not be lost to a file that cannot be written.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    names: list[str] | None = options.degrade
    if options.folder is None and names and Path(names[-1]).is_dir():
        options.folder = Path(names.pop())
    if options.folder is None:
        parser.error("name the folder that holds manifest.csv")
    if names is not None:
        spelt = {name.replace(" ", "-"): name for name in DEGRADATIONS}
        unknown = [name for name in names if name.replace(" ", "-") not in spelt]
        if unknown:
            parser.error(
                f"there is no degradation {unknown[0]!r}: choose from {', '.join(DEGRADATIONS)}"
            )
        names = [spelt[name.replace(" ", "-")] for name in names] or list(DEGRADATIONS)
    options.degrade = list(dict.fromkeys(names or ()))
    for path in (options.json, options.html):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            parser.error(f"{path} cannot be written: name a file in a folder that is there")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Answers 0, 1 when a floor is missed, 2 when nothing could be evaluated."""
    options = read_options(argv)
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
    spots = Spots(product, manifest.folder)
    run = Run(product, manifest, wanted, progress, spots)
    clean = run.evaluate()
    if HONEST in names and (section := run.evaluate_honest()) is not None:
        clean.sections[HONEST] = section
    report = as_report(clean.sections)
    degraded = {
        name: as_report(Run(product, manifest, wanted, progress, spots, name).evaluate().sections)
        for name in options.degrade
    }
    progress.end()
    checks = check_floors({**report, "degraded": degraded}, floors)
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
        _write_html(options.html, manifest, report, clean.sections, checks, degraded, problems)
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
    problems: Sequence[str],
) -> None:
    page = as_html(
        f"Detectors on {manifest.folder.resolve().name}",
        report,
        sections,
        checks,
        degraded,
        manifest.folder,
        _still_of(manifest.folder),
        problems,
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
