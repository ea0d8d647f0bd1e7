"""The risk over time, drawn with the PDF library's own lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from reportlab.graphics.shapes import Drawing, Line, PolyLine, Rect, String
from reportlab.lib.colors import HexColor

WIDTH, HEIGHT = 483.0, 150.0
_LEFT, _RIGHT, _BOTTOM, _TOP = 30.0, 6.0, 30.0, 8.0
INK, SOFT, GRID = HexColor("#1f2733"), HexColor("#5b6675"), HexColor("#d9dee5")
ACCENT, FLAGGED, UNSEEN = HexColor("#1f5fbf"), HexColor("#f6d9c4"), HexColor("#e4e7ec")
_STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_FONT, _SIZE = "Helvetica", 7

Span = tuple[float, float]


def risk_plot(
    curve: Sequence[Span],
    length_s: float,
    flagged: Sequence[Span],
    unseen: Sequence[Span],
    started_at: datetime,
    zone: tzinfo,
) -> Any:
    """A drawing of the curve (second, risk), with the flagged and the unobserved spans behind."""
    drawing = Drawing(WIDTH, HEIGHT)
    length_s = max(1.0, length_s)
    highest = _highest(max((risk for _, risk in curve), default=0.0))
    across, up = WIDTH - _LEFT - _RIGHT, HEIGHT - _BOTTOM - _TOP

    def x_of(at_s: float) -> float:
        return _LEFT + across * min(1.0, at_s / length_s)

    def y_of(risk: float) -> float:
        return _BOTTOM + up * risk / highest

    for spans, colour in ((unseen, UNSEEN), (flagged, FLAGGED)):
        for start_s, end_s in spans:
            width = max(0.8, x_of(end_s) - x_of(start_s))
            drawing.add(Rect(x_of(start_s), _BOTTOM, width, up, fillColor=colour, strokeColor=None))
    for number in range(5):
        risk = highest * number / 4
        drawing.add(_line(_LEFT, y_of(risk), WIDTH - _RIGHT, y_of(risk), GRID))
        drawing.add(_text(_LEFT - 4, y_of(risk) - 2.5, f"{risk:g}", "end"))
    step_s = next((step for step in _STEPS_S if length_s / step <= 8), _STEPS_S[-1])
    form = "%H:%M:%S" if step_s < 60 or length_s < 600 else "%H:%M"
    for number in range(int(length_s // step_s) + 1):
        at_s = number * step_s
        label = (started_at + timedelta(seconds=at_s)).astimezone(zone).strftime(form)
        anchor = "start" if number == 0 else "middle"
        if x_of(at_s) <= WIDTH - 18 or number == 0:
            drawing.add(_text(x_of(at_s), _BOTTOM - 10, label, anchor))
        drawing.add(_line(x_of(at_s), _BOTTOM, x_of(at_s), _BOTTOM - 3, SOFT))
    drawing.add(_line(_LEFT, _BOTTOM, WIDTH - _RIGHT, _BOTTOM, SOFT))
    points = [value for at_s, risk in curve for value in (x_of(at_s), y_of(risk))]
    if len(points) >= 4:
        drawing.add(PolyLine(points, strokeColor=ACCENT, strokeWidth=1.2))
    _legend(drawing)
    return drawing


def _legend(drawing: Any) -> None:
    drawing.add(_line(_LEFT, 7, _LEFT + 14, 7, ACCENT))
    drawing.add(_text(_LEFT + 18, 4.5, "risk", "start"))
    for left, colour, words in (
        (_LEFT + 50, FLAGGED, "flagged interval"),
        (_LEFT + 130, UNSEEN, "mostly unobserved"),
    ):
        drawing.add(Rect(left, 3, 10, 8, fillColor=colour, strokeColor=None))
        drawing.add(_text(left + 14, 4.5, words, "start"))


def _line(x1: float, y1: float, x2: float, y2: float, colour: Any) -> Any:
    return Line(x1, y1, x2, y2, strokeColor=colour, strokeWidth=0.6)


def _text(x: float, y: float, words: str, anchor: str) -> Any:
    return String(x, y, words, fontName=_FONT, fontSize=_SIZE, fillColor=SOFT, textAnchor=anchor)


def _highest(risk: float) -> float:
    """The top of the scale: 20, 40, 100, 200, 400 and so on."""
    top = 20.0
    factors = (2.0, 2.5, 2.0)
    number = 0
    while top < risk:
        top *= factors[number % 3]
        number += 1
    return top
