"""Questions in GIFT, the text format of Moodle: choice, true or false, short, numeric, essay."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from app.errors import InvalidInput
from app.exams.imports.found import Draft, Problem
from app.exams.imports.html_text import marked_of
from app.exams.marking import number_of

MOST_BLOCKS = 1_000
_ESCAPED = re.compile(r"\\([~=#{}:\\])")
# What is escaped is hidden behind signs of the private area while the syntax is read.
_HIDDEN = {sign: chr(0xE000 + at) for at, sign in enumerate("~=#{}:\\")}
_SHOWN = {hidden: sign for sign, hidden in _HIDDEN.items()}
_WEIGHT = re.compile(r"%(-?\d{1,3}(?:\.\d{1,5})?)%", re.ASCII)
_TITLE = re.compile(r"^::(?:[^:]|:(?!:))*::", re.DOTALL)
_FORMAT = re.compile(r"^\[(html|plain|markdown|moodle)\]")
TRUE, FALSE = ("T", "TRUE"), ("F", "FALSE")


@dataclass(frozen=True, slots=True)
class _Answer:
    sign: str
    weight: float | None
    text: str


def read_gift(text: str) -> tuple[list[Draft], list[Problem]]:
    """Questions are parted by blank lines; the line is the one on which a question begins."""
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for line, block in _blocks(text):
        if len(drafts) + len(problems) >= MOST_BLOCKS:
            problems.append(Problem(line, f"More than {MOST_BLOCKS} questions."))
            break
        try:
            drafts.append(Draft(line, _fields(block)))
        except InvalidInput as error:
            problems.append(Problem(line, error.message))
    return drafts, problems


def _blocks(text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    lines: list[str] = []
    begun = depth = 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        hidden = _ESCAPED.sub(lambda m: _HIDDEN[m[1]], line)
        is_aside = hidden.lstrip().startswith(("//", "$CATEGORY"))
        if is_aside and depth == 0 and not lines:
            continue
        if hidden.lstrip().startswith("//"):
            continue
        if line.strip() or depth > 0:
            begun = begun if lines else number
            lines.append(hidden)
            depth = max(0, depth + hidden.count("{") - hidden.count("}"))
        elif lines:
            found.append((begun, "\n".join(lines)))
            lines, depth = [], 0
    if lines:
        found.append((begun, "\n".join(lines)))
    return found


def _fields(block: str) -> dict[str, Any]:
    block = _TITLE.sub("", block.strip()).strip()
    form = _FORMAT.match(block)
    block = block[form.end() :] if form else block
    start, end = block.find("{"), block.rfind("}")
    if start < 0 or end < start:
        raise InvalidInput("The answers in braces {...} are missing, or not closed.")
    if "{" in block[start + 1 : end]:
        raise InvalidInput("Two sets of answers in one question cannot be taken over.")
    before, after = block[:start].strip(), block[end + 1 :].strip()
    is_html = bool(form and form[1] == "html")
    asked = _text(f"{before} _____ {after}" if after else before, is_html=is_html)
    fields: dict[str, Any] = {"text": asked}
    return fields | _answers(block[start + 1 : end].strip(), is_html=is_html)


def _answers(inner: str, *, is_html: bool) -> dict[str, Any]:
    if not inner:
        return {"kind": "long"}
    word = inner.partition("#")[0].strip().upper()
    if word in (*TRUE, *FALSE):
        return {
            "kind": "single",
            "options": [
                {"text": "True", "is_right": word in TRUE},
                {"text": "False", "is_right": word in FALSE},
            ],
        }
    if inner.startswith("#"):
        return _numeric(inner[1:])
    answers = _split(inner, is_html=is_html)
    if any("->" in each.text for each in answers):
        raise InvalidInput("Matching questions cannot be taken over.")
    if all(each.sign == "=" for each in answers):
        full = [each.text for each in answers if each.weight is None or each.weight >= 100]
        return {"kind": "short", "accepted": full}
    weights = [each.weight for each in answers if each.sign == "~" and each.weight is not None]
    if any(weight > 0 for weight in weights):
        return {
            "kind": "multiple",
            "partly": True,
            "options": [
                {"text": each.text, "is_right": each.sign == "=" or (each.weight or 0) > 0}
                for each in answers
            ],
        }
    return {
        "kind": "single",
        "options": [{"text": each.text, "is_right": each.sign == "="} for each in answers],
    }


def _split(inner: str, *, is_html: bool) -> list[_Answer]:
    answers = []
    for found in re.finditer(r"([=~])([^=~]*)", inner):
        raw = found[2].partition("#")[0].strip()
        weight = _WEIGHT.match(raw)
        text = raw[weight.end() :] if weight else raw
        share = float(weight[1]) if weight else None
        answers.append(_Answer(found[1], share, _text(text, is_html=is_html)))
    if not answers or inner[0] not in "=~":
        raise InvalidInput("Each answer must begin with = or ~.")
    return answers


def _numeric(inner: str) -> dict[str, Any]:
    first = inner.strip()
    if first.startswith("="):
        if first.count("=") > 1:
            raise InvalidInput("Several numbers for one question cannot be taken over.")
        first = _WEIGHT.sub("", first[1:].strip())
    first = first.partition("#")[0].strip()
    low, dots, high = first.partition("..")
    if dots:
        ends = _number(low), _number(high)
        return {
            "kind": "numeric",
            "number": (ends[0] + ends[1]) / 2,
            "tolerance": abs(ends[1] - ends[0]) / 2,
        }
    value, _, tolerance = first.partition(":")
    return {
        "kind": "numeric",
        "number": _number(value),
        "tolerance": _number(tolerance) if tolerance else 0.0,
    }


def _number(text: str) -> float:
    number = number_of(text.strip())
    if number is None:
        raise InvalidInput("The right number cannot be read.")
    return float(number)


def _text(text: str, *, is_html: bool) -> str:
    shown = "".join(_SHOWN.get(sign, sign) for sign in text).replace("\\n", "\n").strip()
    return marked_of(shown) if is_html or re.search(r"</?[a-zA-Z]", shown) else shown
