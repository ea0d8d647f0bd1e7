"""An evaluation as a table for the console, as JSON and as one HTML file."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools.evaluation.floors import Check
from tools.evaluation.results import CurvePoint, Judged, Section, curve

_MOST_WRONG = 80
_MOST_SOUND_BYTES = 3_000_000


def as_report(sections: Mapping[str, Section]) -> dict[str, object]:
    """The JSON object: one entry per section, with the figures the floors ask for."""
    report: dict[str, object] = {}
    for name, section in sections.items():
        data = section.as_dict()
        data["wrong"] = sum(not j.is_correct and not j.is_abstained for j in section.judged)
        if name == "face":
            data["worst_group_recall"] = _worst_group_recall(section.judged)
        if name == "identity":
            data["slowest_swap_s"] = _slowest_swap(section.extra.get("swaps"))
        report[name] = data
    return report


def _worst_group_recall(judged: Sequence[Judged]) -> float | None:
    found: dict[str, list[bool]] = {}
    for each in judged:
        if each.group and each.is_positive:
            found.setdefault(each.group, []).append(each.is_found)
    return min((round(sum(f) / len(f), 4) for f in found.values()), default=None)


def _slowest_swap(swaps: object) -> float | None:
    if not isinstance(swaps, list) or not swaps:
        return None
    return max(1e9 if s["noticed_after_s"] is None else s["noticed_after_s"] for s in swaps)


def as_table(report: Mapping[str, object]) -> str:
    """One line per section."""
    head = (
        f"{'':18}{'n':>7}{'right':>7}{'absten.':>8}{'recall':>8}{'precis.':>8}"
        f"{'false':>7}{'of':>7}{'/hour':>7}{'ms p50':>8}"
    )
    lines = [head]
    for name, data in report.items():
        if not isinstance(data, Mapping) or "n_negative" not in data:
            continue
        lines.append(
            f"{name:18}{data['n']:>7}{data['correct']:>7}{data['abstained']:>8}"
            f"{_share(data['recall']):>8}{_share(data['precision']):>8}"
            f"{data['false_alarms']:>7}{data['n_negative']:>7}"
            f"{_number(data.get('false_alarms_per_hour')):>7}{_number(data['ms_p50']):>8}"
        )
        if data.get("off"):
            lines.append(f"    off: {data['off']}")
        groups = data.get("groups")
        if isinstance(groups, Mapping) and groups:
            lines += [_group_line(group, each) for group, each in groups.items()]
            gap = data.get("largest_gap")
            if isinstance(gap, Mapping):
                low, high = gap["interval"]
                lines.append(
                    f"    largest gap {gap['gap']:.1%} ({gap['best']} to {gap['worst']}; "
                    f"95 % interval {low:.1%} to {high:.1%})"
                )
    return "\n".join(lines)


def _group_line(name: str, group: Mapping[str, object]) -> str:
    interval = group["interval"]
    low, high = interval if isinstance(interval, list) else (0, 1)
    return f"    {name:20}{group['correct']:>4} of {group['n']:<4} ({low:.0%} to {high:.0%})"


def wrong_lines(sections: Mapping[str, Section], most: int = 12) -> str:
    """The files each section got wrong."""
    lines = []
    for name, section in sections.items():
        wrong = [j for j in section.judged if not j.is_correct and not j.is_abstained]
        seen = list(dict.fromkeys(f"{j.file} ({j.truth}, said {j.verdict})" for j in wrong))
        if seen:
            lines.append(f"{name}, wrong: " + "; ".join(seen[:most]))
            if len(seen) > most:
                lines[-1] += f"; and {len(seen) - most} more"
    return "\n".join(lines)


def _share(value: object) -> str:
    return "-" if not isinstance(value, (int, float)) else f"{value:.1%}"


def _number(value: object) -> str:
    return "-" if not isinstance(value, (int, float)) else f"{value:.1f}"


Opener = Callable[[str], bytes | None]


def as_html(
    title: str,
    report: Mapping[str, object],
    sections: Mapping[str, Section],
    checks: Sequence[Check],
    degraded: Mapping[str, Mapping[str, object]],
    folder: Path,
    still_of: Opener,
    problems: Sequence[str] = (),
) -> str:
    """One file without outside parts. `still_of` gives a JPEG of an image or of a video frame."""
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<pre>{html.escape(as_table(report))}</pre>",
        _floors_html(checks),
        _degraded_html(report, degraded),
        _problems_html(problems),
    ]
    parts += [_section_html(section, folder, still_of) for section in sections.values()]
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style><body>{''.join(parts)}</body>"
        "</html>"
    )


_STYLE = """
:root { color-scheme: light dark; --text: #1c1c1e; --page: #fff; --soft: #f4f4f6; --line: #ddd;
  --bad: #b00020; --good: #1d5fd0; --axis: #6b6b70 }
@media (prefers-color-scheme: dark) {
  :root { --text: #ececf0; --page: #17171a; --soft: #232327; --line: #3a3a40;
    --bad: #ff8a94; --good: #7fb0ff; --axis: #9a9aa2 }
}
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  color: var(--text); background: var(--page) }
pre { overflow-x: auto; background: var(--soft); padding: 1rem; border-radius: 8px }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .2rem .8rem; text-align: left }
tr + tr td { border-top: 1px solid var(--line) }
.missed { color: var(--bad); font-weight: 600 }
.wrong { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1rem }
figure { margin: 0 } figcaption { font-size: 12px; overflow-wrap: anywhere }
img, audio { width: 100% } svg { width: 100%; max-width: 32rem } svg text { fill: var(--text) }
.axis, .recall, .alarms { fill: none }
.axis { stroke: var(--axis) } .recall { stroke: var(--good); stroke-width: 2 }
.alarms { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 6 4 }
"""


def _floors_html(checks: Sequence[Check]) -> str:
    rows = []
    for check in checks:
        value = "not measured" if check.value is None else f"{check.value:g}"
        mark = " class='missed'" if check.is_missed else ""
        word = "missed" if check.is_missed else ("-" if check.value is None else "met")
        rows.append(
            f"<tr><td>{html.escape(check.floor.figure)}<td>{check.floor.wish}<td>{value}"
            f"<td{mark}>{word}</tr>"
        )
    return f"<h2>Floors</h2><div class='scroll'><table>{''.join(rows)}</table></div>"


def _degraded_html(
    report: Mapping[str, object], degraded: Mapping[str, Mapping[str, object]]
) -> str:
    if not degraded:
        return ""
    return "<h2>Degraded</h2><pre>" + html.escape(degraded_table(report, degraded)) + "</pre>"


def _problems_html(problems: Sequence[str]) -> str:
    if not problems:
        return ""
    rows = "".join(f"<li>{html.escape(problem)}</li>" for problem in problems)
    return f"<h2>Outside the grammar or not readable</h2><ul>{rows}</ul>"


def degraded_table(
    report: Mapping[str, object], degraded: Mapping[str, Mapping[str, object]]
) -> str:
    """Share right and share abstained of every section under every degradation."""
    lines = [f"{'right / abstained':18}" + "".join(f"{n:>16}" for n in ("clean", *degraded))]
    for name in report:
        row = f"{name:18}"
        for columns in (report, *degraded.values()):
            data = columns.get(name)
            row += f"{_right(data):>16}"
        lines.append(row)
    lines.append(
        f"{'called absent':18}"
        + "".join(f"{_absent(columns.get('face')):>16}" for columns in (report, *degraded.values()))
    )
    return "\n".join(lines)


def _right(data: object) -> str:
    if not isinstance(data, Mapping) or not data.get("n"):
        return "-"
    return f"{data['correct'] / data['n']:.1%} / {data['abstained'] / data['n']:.1%}"


def _absent(data: object) -> str:
    if not isinstance(data, Mapping) or "present" not in data:
        return "-"
    return f"{data['called_absent']} of {data['present']}"


def _section_html(section: Section, folder: Path, still_of: Opener) -> str:
    wrong = [j for j in section.judged if not j.is_correct and not j.is_abstained]
    abstained = [j for j in section.judged if j.is_abstained]
    points = curve(section.judged)
    body = [f"<h2>{html.escape(section.title)}</h2>"]
    if section.remedy:
        body.append(f"<p>Off: {html.escape(section.remedy)}</p>")
    if points:
        body.append(_curve_svg(points))
    for word, lot in (("Wrong", wrong), ("Not judged", abstained)):
        if lot:
            body.append(f"<h3>{word}: {len(lot)}</h3><div class='wrong'>")
            body += [_figure_html(j, folder, still_of) for j in lot[:_MOST_WRONG]]
            body.append("</div>")
            if len(lot) > _MOST_WRONG:
                body.append(f"<p>and {len(lot) - _MOST_WRONG} more</p>")
    return "".join(body)


def _figure_html(judged: Judged, folder: Path, still_of: Opener) -> str:
    shown = "".join(_medium(file, judged.at, folder, still_of) for file in _files_of(judged))
    score = "" if judged.score is None else f", score {judged.score:.3f}"
    said = judged.verdict or judged.reason
    name = f"{judged.file} {judged.at}".rstrip()
    text = f"{name}: {judged.truth}, {'said ' if judged.verdict else ''}{said}{score}"
    return f"<figure>{shown}<figcaption>{html.escape(text)}</figcaption></figure>"


def _files_of(judged: Judged) -> list[str]:
    return [part.split(" (")[0] for part in judged.file.split(" + ")]


def _medium(file: str, at: str, folder: Path, still_of: Opener) -> str:
    suffix = Path(file).suffix.lower()
    if suffix in {".wav", ".mp3", ".ogg", ".flac"}:
        path = folder / file
        if path.stat().st_size > _MOST_SOUND_BYTES:
            return ""
        data = base64.b64encode(path.read_bytes()).decode()
        return f"<audio controls src='data:audio/{suffix[1:]};base64,{data}'></audio>"
    jpeg = still_of(f"{file}#{at}" if at.startswith("frame ") else file)
    if jpeg is None:
        return ""
    return f"<img alt='' src='data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}'>"


def _curve_svg(points: Sequence[CurvePoint]) -> str:
    """Recall (solid) and false alarms (dashed) over the threshold."""
    low, high = points[0].threshold, points[-1].threshold
    span = (high - low) or 1.0

    def path(value: Callable[[CurvePoint], float]) -> str:
        return " ".join(
            f"{40 + 440 * (p.threshold - low) / span:.1f},{210 - 190 * value(p):.1f}"
            for p in points
        )

    return (
        "<svg viewBox='0 0 500 250' role='img' aria-label='Curves over thresholds'>"
        "<path d='M40 20V210H480' class='axis'/>"
        f"<polyline points='{path(lambda p: p.recall)}' class='recall'/>"
        f"<polyline points='{path(lambda p: p.false_alarm_rate)}' class='alarms'/>"
        f"<text x='40' y='230' font-size='12'>{low:.3g}</text>"
        f"<text x='480' y='230' font-size='12' text-anchor='end'>{high:.3g}</text>"
        "<text x='260' y='245' font-size='12' text-anchor='middle'>threshold</text>"
        "<text x='34' y='24' font-size='12' text-anchor='end'>1</text>"
        "<text x='34' y='214' font-size='12' text-anchor='end'>0</text>"
        "<text x='474' y='16' font-size='12' text-anchor='end'>"
        "recall (solid), false alarms (dashed)</text></svg>"
    )
