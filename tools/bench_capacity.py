"""How many students this machine holds: plays more and more until a limit is missed.

Each point starts a server of its own on a free port with a temporary folder. A point holds when two
pictures of every student are judged each second (1.9 at least), coverage is at least 0.95, a
verdict reaches a proctor's room within 1.5 s of the picture's capture (p95), no event is lost,
flags stand where the mix put them and no others, and memory is flat. The generator shares the
machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.capacity_chart import as_markdown, as_svg
from tools.evaluation.manifest import ManifestError, load_manifest
from tools.serving import ServerFailed
from tools.simulate import add_media_arguments, material_for
from tools.simulation.material import Material, MaterialError
from tools.simulation.mix import MixError, cast, parse_mix
from tools.simulation.outcome import Outcome, Verdict, as_text
from tools.simulation.point import Point, bare_models_ms, measure_point
from tools.simulation.run import RestError

FIRST = 25
FINE = 0.08
MOST = 1_000


def search(holds: Callable[[int], bool], first: int = FIRST, most: int = MOST) -> int:
    """The largest N that holds, to about `FINE` of it: doubled, then halved between."""
    good, bad = 0, 0
    number = first
    while not bad and number <= most:
        if holds(number):
            good, number = number, number * 2
        else:
            bad = number
    while bad and bad - good > max(1, round(FINE * good)):
        middle = (good + bad) // 2
        if holds(middle):
            good = middle
        else:
            bad = middle
    return good


def as_table(points: Sequence[Point]) -> str:
    """One line per point."""
    lines = [
        f"{'students':>9}{'coverage':>10}{'judged':>8}{'p95 s':>8}{'CPU ms':>9}{'web':>7}"
        f"{'workers':>9}{'models':>8}{'ratio':>7}{'MB':>7}{'others':>8}  holds"
    ]
    for point in sorted(points, key=lambda p: p.students):
        p95 = "-" if point.p95_s is None else f"{point.p95_s:.2f}"
        ratio = "-" if point.ratio is None else f"{point.ratio:.2f}"
        lines.append(
            f"{point.students:>9}{point.coverage:>10.3f}{point.judged_per_s:>8.2f}{p95:>8}"
            f"{point.cpu_ms_per_student_s:>9.2f}{point.web_ms:>7.2f}{point.workers_ms:>9.2f}"
            f"{point.bare_models_ms_per_student_s:>8.2f}{ratio:>7}{point.mb_per_student:>7.2f}"
            f"{point.load_of_others:>8.2f}  {'yes' if point.is_held else 'no'}"
        )
    lines.append(
        "Judged: pictures per student-second; CPU in ms per student-second; MB per student;"
        " others: cores that other programs kept busy."
    )
    return "\n".join(lines)


def as_stages(point: Point) -> str:
    """Where the CPU time of one point went."""
    lines = [f"CPU ms per student-second by stage at {point.students} students"]
    for name, ms in sorted(point.stages.items(), key=lambda each: -each[1]):
        lines.append(f"  {name:<28}{ms:>8.2f}")
    return "\n".join(lines)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run.sh bench capacity", description=__doc__)
    parser.add_argument("--students", type=int, metavar="N", help="measure this one point")
    parser.add_argument("--curve", metavar="N,N,...", help="measure these points")
    parser.add_argument("--minutes", type=float, default=5.0, metavar="M", help="of each point")
    parser.add_argument(
        "--workers", type=int, default=0, help="detector workers (default: the server's)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw them here, as SVG")
    parser.add_argument("--markdown", action="store_true", help="print them as a Markdown table")
    add_media_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Answers 0, 1 when the one point asked for does not hold, 2 when nothing was measured."""
    parser = _parser()
    given = parser.parse_args(argv)
    try:
        shares = parse_mix(given.mix)
        numbers = [int(each) for each in given.curve.split(",")] if given.curve else []
        if given.students is not None:
            numbers = [given.students]
        if any(number < 1 for number in numbers) or given.minutes <= 0:
            parser.error("--students, --curve and --minutes must be more than 0")
        everybody = cast(MOST, shares, given.minutes)
        material = material_for(load_manifest(given.media), everybody, given.fps)
        bare_ms = bare_models_ms(material, [name for name, share in shares.items() if share])
        told = ", ".join(f"{name} {ms:.1f}" for name, ms in bare_ms.items())
        print(f"The models alone, in ms of CPU per student-second: {told}.", flush=True)
        points = _measure_all(given, shares, material, bare_ms, numbers)
    except (ManifestError, MaterialError, MixError, ServerFailed, RestError) as error:
        print(error, file=sys.stderr)
        return 2
    print(as_markdown(points) if given.markdown else as_table(points))
    print(as_stages(points[-1]))
    held = max((point.students for point in points if point.is_held), default=0)
    print(f"Held: {held} students.")
    if given.chart:
        here = machine()
        name = f"{here['cores']} cores, {here['processor']}; {given.minutes:g} minutes each"
        given.chart.write_text(as_svg(points, name), encoding="utf-8")
    if given.json:
        chosen = points[0] if len(numbers) == 1 else _best(points, held)
        data = chosen.as_dict() | {
            "held": held,
            "machine": machine(),
            "points": [point.as_dict() for point in points],
        }
        given.json.write_text(json.dumps(data, indent=1), encoding="utf-8")
    return 1 if given.students is not None and not points[0].is_held else 0


def _measure_all(
    given: argparse.Namespace,
    shares: dict[str, float],
    material: Material,
    bare_ms: Mapping[str, float],
    numbers: Sequence[int],
) -> list[Point]:
    points: list[Point] = []

    def holds(number: int) -> bool:
        parts = cast(number, shares, given.minutes)
        point = measure_point(parts, material, given.minutes, given.workers, bare_ms)
        points.append(point)
        print(as_text(_outcome(point)), flush=True)
        for failure in point.failures:
            print(f"  does not hold: {failure}", flush=True)
        return point.is_held

    if numbers:
        for number in numbers:
            holds(number)
    else:
        search(holds)
    return points


def _outcome(point: Point) -> Outcome:
    data = {name: value for name, value in point.outcome.items() if name != "is_right"}
    data["wrong"] = [Verdict(**each) for each in data["wrong"]]
    return Outcome(**data)


def _best(points: Sequence[Point], held: int) -> Point:
    return next((point for point in points if point.students == held), points[0])
