"""The small markup of questions, turned into blocks of plain text. Never HTML.

Blank lines part paragraphs; lines that begin with "- " are a list; a fence of three backticks
holds code, and one of $$ a formula. Within a line: `code`, **strong**, $TeX$; a backslash takes
the meaning from `, *, $ and itself.
"""

from __future__ import annotations

import re
from typing import Literal, TypedDict

from app.exams.records import TextFormat

PartKind = Literal["text", "strong", "code", "math"]
_FENCE = re.compile(r"```([A-Za-z0-9+#-]{0,20})")
_ESCAPABLE = "\\`*$"


class Part(TypedDict):
    """A stretch of a line."""

    kind: PartKind
    text: str


class Block(TypedDict, total=False):
    """A paragraph (`parts`), a list (`items`), code (`language`, `text`) or a formula (`text`)."""

    kind: Literal["paragraph", "list", "code", "math"]
    parts: list[Part]
    items: list[list[Part]]
    language: str
    text: str


def blocks_of(text: str, form: TextFormat = "marked") -> list[Block]:
    """The blocks of a text, in linear time for any input."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if form == "plain":
        return [_paragraph_plain(lines) for lines in _paragraphs(lines)]
    blocks: list[Block] = []
    waiting: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number].rstrip()
        fence = _FENCE.fullmatch(line.strip())
        if fence or line.strip() == "$$":
            end = _end_of(lines, number + 1, "```" if fence else "$$")
            inner = "\n".join(lines[number + 1 : end])
            blocks += _flow(waiting)
            waiting = []
            blocks.append(
                {"kind": "code", "language": fence[1], "text": inner}
                if fence
                else {"kind": "math", "text": inner.strip()}
            )
            number = end + 1
            continue
        stripped = line.strip()
        if stripped.startswith("$$") and stripped.endswith("$$") and len(stripped) > 4:
            blocks += _flow(waiting)
            waiting = []
            blocks.append({"kind": "math", "text": stripped[2:-2].strip()})
        else:
            waiting.append(line)
        number += 1
    return blocks + _flow(waiting)


def plain_text(text: str) -> str:
    """The text on one line, for a table or a title."""
    return " ".join(text.split())


def parts_of(line: str) -> list[Part]:
    """The parts of a line or paragraph."""
    parts: list[Part] = []
    plain: list[str] = []
    # What was once looked for in vain is not looked for again: many openings stay cheap.
    missing: set[str] = set()

    def add(kind: PartKind, text: str) -> None:
        if plain:
            parts.append({"kind": "text", "text": "".join(plain)})
            plain.clear()
        parts.append({"kind": kind, "text": text})

    at = 0
    while at < len(line):
        sign = line[at]
        if sign == "\\" and line[at + 1 : at + 2] in _ESCAPABLE and at + 1 < len(line):
            plain.append(line[at + 1])
            at += 2
            continue
        mark, kind = _opening(line, at)
        end = -1
        if mark and mark not in missing:
            end = _closing(line, at + len(mark), mark)
            if end < 0:
                missing.add(mark)
        if end > at and kind is not None:
            add(kind, line[at + len(mark) : end])
            at = end + len(mark)
        else:
            plain.append(sign)
            at += 1
    if plain:
        parts.append({"kind": "text", "text": "".join(plain)})
    return parts


def _opening(line: str, at: int) -> tuple[str, PartKind | None]:
    if line[at] == "`":
        return "`", "code"
    if line.startswith("**", at):
        return "**", "strong"
    if line[at] == "$" and line[at + 1 : at + 2].strip():
        return "$", "math"
    return "", None


def _closing(line: str, start: int, mark: str) -> int:
    """Where the mark closes what it opened, or -1. A price such as $5 opens no formula."""
    end = line.find(mark, start + 1)
    while mark == "$" and end >= 0:
        is_escaped = line[end - 1] == "\\"
        is_tight = bool(line[end - 1].strip())
        if is_tight and not is_escaped and not line[end + 1 : end + 2].isdigit():
            return end
        end = line.find(mark, end + 1)
    return end


def _end_of(lines: list[str], start: int, fence: str) -> int:
    """The line that closes a fence; without one the fence lasts to the end."""
    for number in range(start, len(lines)):
        if lines[number].strip() == fence:
            return number
    return len(lines)


def _flow(lines: list[str]) -> list[Block]:
    blocks: list[Block] = []
    for paragraph in _paragraphs(lines):
        text: list[str] = []
        items: list[list[Part]] = []
        for line in paragraph:
            if line.lstrip().startswith("- "):
                if text:
                    blocks.append({"kind": "paragraph", "parts": parts_of("\n".join(text))})
                    text = []
                items.append(parts_of(line.lstrip()[2:]))
            else:
                if items:
                    blocks.append({"kind": "list", "items": items})
                    items = []
                text.append(line)
        if items:
            blocks.append({"kind": "list", "items": items})
        if text:
            blocks.append({"kind": "paragraph", "parts": parts_of("\n".join(text))})
    return blocks


def _paragraphs(lines: list[str]) -> list[list[str]]:
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    return [each for each in paragraphs if each]


def _paragraph_plain(lines: list[str]) -> Block:
    return {"kind": "paragraph", "parts": [{"kind": "text", "text": "\n".join(lines)}]}
