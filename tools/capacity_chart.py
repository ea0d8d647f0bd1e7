"""Draws the points of a capacity curve as a table for a document and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from tools.simulation.point import Point

WIDTH, HEIGHT = 720, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 56, 52
_STYLE = """
text{font:13px system-ui,sans-serif;fill:#1f2933}
.title{font-size:15px;font-weight:600}
.soft{fill:#52606d}
.grid{stroke:#d9e2ec}
.whole{stroke:#0b5fa5;fill:#0b5fa5}
.models{stroke:#8a4b08;fill:#8a4b08}
.line{fill:none;stroke-width:2}
.missed{fill:#fff}
@media(prefers-color-scheme:dark){
text{fill:#e4e7eb}.soft{fill:#9aa5b1}.grid{stroke:#3e4c59}
.whole{stroke:#7cc4fa;fill:#7cc4fa}.models{stroke:#f7c97f;fill:#f7c97f}.missed{fill:#1f2933}
.line{fill:none}}
"""


def as_markdown(points: Sequence[Point]) -> str:
    """A table, one row per point."""
    rows = [
        "| students | holds | pictures judged a second | coverage | p95 to the room"
        " | CPU of a student-second | times the bare models | memory of a student |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for point in sorted(points, key=lambda each: each.students):
        p95 = "-" if point.p95_s is None else f"{point.p95_s:.2f} s"
        ratio = "-" if point.ratio is None else f"{point.ratio:.2f}"
        holds = "yes" if point.is_held else "no"
        rows.append(
            f"| {point.students} | {holds} | {point.judged_per_s:.2f} | {point.coverage:.3f}"
            f" | {p95} | {point.cpu_ms_per_student_s:.1f} ms | {ratio}"
            f" | {point.mb_per_student:.1f} MB |"
        )
    return "\n".join(rows)


def as_svg(points: Sequence[Point], machine: str) -> str:
    """CPU per student-second over the number of students, beside that of the bare models.

    A point that does not hold is hollow. Raises ValueError without points.
    """
    if not points:
        raise ValueError("There are no points to draw.")
    points = sorted(points, key=lambda each: each.students)
    most = max(point.students for point in points)
    top = max(max(p.cpu_ms_per_student_s, p.bare_models_ms_per_student_s) for p in points)
    step = next((each for each in (1, 2, 5, 10, 20, 50, 100) if top / each <= 6), 200)
    top = step * -(-top // step)

    def x(students: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * students / most

    def y(ms: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * ms / top

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        "<title>CPU per student-second over the number of students</title>",
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="{_LEFT}" y="22">CPU per student and second, in ms</text>',
        f'<text class="soft" x="{_LEFT}" y="42">{escape(machine)}</text>',
    ]
    for ms in range(0, round(top) + 1, step):
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y(ms):.1f}"'
            f' y2="{y(ms):.1f}"/><text class="soft" text-anchor="end" x="{_LEFT - 8}"'
            f' y="{y(ms) + 4:.1f}">{ms}</text>'
        )
    for point in points:
        parts.append(
            f'<text class="soft" text-anchor="middle" x="{x(point.students):.1f}"'
            f' y="{HEIGHT - _BOTTOM + 20}">{point.students}</text>'
        )
    parts.append(
        f'<text class="soft" text-anchor="end" x="{WIDTH - _RIGHT}" y="{HEIGHT - 8}">students'
        " (hollow: does not hold)</text>"
    )
    whole = [(x(p.students), y(p.cpu_ms_per_student_s)) for p in points]
    models = [(x(p.students), y(p.bare_models_ms_per_student_s)) for p in points]
    for name, label, line in (("whole", "all of it", whole), ("models", "bare models", models)):
        drawn = " ".join(f"{left:.1f},{high:.1f}" for left, high in line)
        parts.append(f'<polyline class="line {name}" points="{drawn}"/>')
        left, high = line[-1]
        parts.append(
            f'<text text-anchor="end" x="{left - 10:.1f}" y="{high - 10:.1f}">{label}</text>'
        )
    for (left, high), point in zip(whole, points, strict=True):
        missed = "" if point.is_held else " missed"
        parts.append(
            f'<circle class="whole{missed}" stroke-width="2" r="4" cx="{left:.1f}"'
            f' cy="{high:.1f}"/>'
        )
    return "\n".join([*parts, "</svg>", ""])
