"""The capacity curve as a table and as a picture."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tools.capacity_chart import as_markdown, as_svg
from tools.simulation.point import Point

_SVG = "{http://www.w3.org/2000/svg}"


def point(students: int, cpu_ms: float, *failures: str) -> Point:
    made = Point(students, 5.0, coverage=0.99, p95_s=0.8, cpu_ms_per_student_s=cpu_ms)
    made.bare_models_ms_per_student_s, made.ratio = 20.0, cpu_ms / 20
    made.failures = list(failures)
    return made


POINTS = [point(25, 26.0), point(1, 30.0), point(50, 27.0, "Coverage is 0.8.")]


def test_the_table_has_a_row_for_each_point_in_their_order() -> None:
    rows = as_markdown(POINTS).splitlines()
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["1", "25", "50"]
    assert [row.split("|")[2].strip() for row in rows[2:]] == ["yes", "yes", "no"]
    assert {row.count("|") for row in rows} == {9}


def test_the_picture_puts_more_cost_higher_and_marks_what_does_not_hold() -> None:
    drawn = ElementTree.fromstring(as_svg(POINTS, "2 cores <of mine>"))
    circles = drawn.findall(f"{_SVG}circle")
    heights = [float(circle.attrib["cy"]) for circle in circles]
    assert heights[0] < heights[2] < heights[1]
    assert ["missed" in circle.attrib["class"] for circle in circles] == [False, False, True]
    assert "2 cores <of mine>" in [text.text for text in drawn.iter(f"{_SVG}text")]


def test_nothing_is_drawn_of_nothing() -> None:
    with pytest.raises(ValueError, match="no points"):
        as_svg([], "here")
