"""Questions in Moodle XML: multichoice, truefalse, shortanswer, numerical, essay."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from app.errors import InvalidInput
from app.exams.imports.found import Draft, Problem
from app.exams.imports.html_text import marked_of
from app.exams.marking import number_of

MOST_QUESTIONS = 1_000


def read_moodle(text: str) -> tuple[list[Draft], list[Problem]]:
    """The line is the number of the question in the file. Raises InvalidInput for other XML.

    Entities and DTDs are refused, so that no file can grow or reach out.
    """
    try:
        root = defusedxml.ElementTree.fromstring(text.encode("utf-8", "replace"), forbid_dtd=True)
    except DefusedXmlException:
        raise InvalidInput("This XML declares entities or a DTD; that is not taken.") from None
    except (ParseError, ValueError, RecursionError) as error:
        raise InvalidInput(f"This is not XML that can be read ({str(error)[:100]}).") from None
    if root.tag != "quiz":
        raise InvalidInput("This is not Moodle XML: it does not begin with <quiz>.")
    drafts: list[Draft] = []
    problems: list[Problem] = []
    number = 0
    for item in root.findall("question"):
        if item.get("type") == "category":
            continue
        number += 1
        if number > MOST_QUESTIONS:
            problems.append(Problem(number, f"More than {MOST_QUESTIONS} questions."))
            break
        try:
            drafts.append(Draft(number, _fields(item)))
        except InvalidInput as error:
            problems.append(Problem(number, error.message))
    return drafts, problems


def _fields(item: Element) -> dict[str, Any]:
    asked = item.find("questiontext")
    fields: dict[str, Any] = {"text": _text(asked)}
    grade = number_of(item.findtext("defaultgrade") or "1")
    fields["points"] = float(grade) if grade is not None else 1.0
    if asked is not None and asked.find("file") is not None:
        raise InvalidInput("It has a picture; add it by hand and bring the picture in there.")
    kind = item.get("type")
    answers = item.findall("answer")
    if kind == "essay":
        return fields | {"kind": "long", "guide": _text(item.find("graderinfo"))}
    if kind in ("multichoice", "truefalse"):
        return fields | _choice(answers, is_one=kind == "truefalse" or _is_single(item))
    if kind == "shortanswer":
        full = [_text(each) for each in answers if _share(each) >= 100]
        is_case_kept = (item.findtext("usecase") or "0").strip() == "1"
        return fields | {"kind": "short", "accepted": full, "is_case_kept": is_case_kept}
    if kind == "numerical":
        return fields | _numerical(answers)
    raise InvalidInput(f"Questions of the type {str(kind)[:40]} cannot be taken over.")


def _choice(answers: list[Element], *, is_one: bool) -> dict[str, Any]:
    options = [
        {"text": _text(each), "is_right": _share(each) >= 100 if is_one else _share(each) > 0}
        for each in answers
    ]
    if is_one:
        return {"kind": "single", "options": options}
    return {"kind": "multiple", "partly": True, "options": options}


def _numerical(answers: list[Element]) -> dict[str, Any]:
    right = [each for each in answers if _share(each) >= 100]
    if len(right) != 1:
        raise InvalidInput("A numeric question needs exactly one right number.")
    number = number_of(right[0].findtext("text") or "")
    tolerance = number_of(right[0].findtext("tolerance") or "0")
    if number is None or tolerance is None:
        raise InvalidInput("The right number or its tolerance cannot be read.")
    return {"kind": "numeric", "number": float(number), "tolerance": float(tolerance)}


def _is_single(item: Element) -> bool:
    return (item.findtext("single") or "true").strip().lower() in ("true", "1")


def _share(answer: Element) -> float:
    number = number_of(answer.get("fraction") or "0")
    return float(number) if number is not None else 0.0


def _text(element: Element | None) -> str:
    if element is None:
        return ""
    text = element.findtext("text") or ""
    form = element.get("format") or "html"
    return text.strip() if form == "plain_text" else marked_of(text)
