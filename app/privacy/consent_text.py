"""What a student is told about the recording: the page's words and the receipt's are these.

Which sentences stand in it follows from what the exam takes in and for how long it is kept. The
version names the English text, and the language after a second dash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.languages.catalogue import ENGLISH, LANGUAGES, say

CAMERA, MICROPHONE, SCREEN, PAGE = "camera", "microphone", "screen", "page events"

_TAKEN = (
    (CAMERA, "Camera", "that you are there, alone and at your work."),
    (MICROPHONE, "Microphone", "whether somebody speaks near you."),
    (SCREEN, "Screen", "what you have open, as a picture every few seconds."),
    (PAGE, "This page", "when you leave it, copy or paste. Not what you type."),
)
_KEPT = (
    "Pictures and sound are forgotten within about a minute. Only when something needs a second"
    " look is that short piece kept, for {days} days at most. A person, never the program,"
    " decides what it means."
)
_KEPT_NOTHING = (
    "No picture and no sound of you is taken. What this page notes is kept for {days} days."
)
_WHO = "It is seen by the proctors and reviewers of this exam, and by nobody else."
_MEASURES = (
    "A measure of your face and of your voice is held in memory while the session runs, and is"
    " gone at its end."
)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """`kind` is what it is about: a thing that is taken, or kept, who, measures."""

    kind: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class ConsentText:
    """What is shown, in one language."""

    version: str
    language: str
    paragraphs: tuple[Paragraph, ...]

    @property
    def plain(self) -> str:
        """One line per paragraph, as the receipt keeps it."""
        return "\n".join(f"{p.title}: {p.text}" if p.title else p.text for p in self.paragraphs)


def consent_text(collected: Iterable[str], days: int, language: str = ENGLISH) -> ConsentText:
    """The text for an exam that takes these in and keeps them for so many days."""
    taken = frozenset(collected)
    english = ConsentText("", ENGLISH, tuple(_paragraphs(taken, days, ENGLISH)))
    digest = hashlib.sha256(english.plain.encode()).hexdigest()[:8]
    return ConsentText(
        f"2-{digest}-{language}", language, tuple(_paragraphs(taken, days, language))
    )


def find_text(version: str, collected: Iterable[str], days: int) -> ConsentText | None:
    """The text of this version, in whatever language it was read; None when it says otherwise."""
    taken = tuple(collected)
    texts = (consent_text(taken, days, language.code) for language in LANGUAGES)
    return next((text for text in texts if text.version == version), None)


def _paragraphs(taken: frozenset[str], days: int, language: str) -> Iterator[Paragraph]:
    for kind, title, text in _TAKEN:
        if kind in taken:
            yield Paragraph(kind, say(language, title), say(language, text))
    is_recorded = bool(taken & {CAMERA, MICROPHONE})
    kept = _KEPT if is_recorded or SCREEN in taken else _KEPT_NOTHING
    yield Paragraph("kept", "", say(language, kept, days=days))
    yield Paragraph("who", "", say(language, _WHO))
    if is_recorded:
        yield Paragraph("measures", "", say(language, _MEASURES))
