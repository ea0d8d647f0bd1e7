"""What a student agrees to before a picture of check-in is kept: the page's words are these.

The version names the English text, and the language after a second dash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from app.checkin.records import DOCUMENT, ROOM
from app.languages.catalogue import ENGLISH, LANGUAGES, say
from app.privacy.consent_text import ConsentText, Paragraph

_WHAT = {
    DOCUMENT: "One picture is kept: what you hold into the frame, and nothing around it.",
    ROOM: "Some still pictures of this scan are kept, at most {most} of them.",
}
_WHY = {
    DOCUMENT: (
        "Your proctor compares it with your face. Your name and photograph have to be seen; you"
        " may cover anything else with a finger."
    ),
    ROOM: "Your proctor sees by them that nothing is there that the exam does not allow.",
}
_KEPT = "It is kept with this session, for {days} days after its end at most."
_WHO = "It is seen by the proctors and reviewers of this exam, and by nobody else."
_PRACTICE = "This is a practice exam: nothing of this step is kept, and nobody looks at it."
MOST_ROOM_PICTURES = 16


def picture_consent(kind: str, days: int, language: str = ENGLISH) -> ConsentText:
    """What is agreed to about a document or the room; `days` 0 is a practice exam."""
    english = tuple(_paragraphs(kind, days, ENGLISH))
    plain = "\n".join(each.text for each in english)
    digest = hashlib.sha256(plain.encode()).hexdigest()[:8]
    return ConsentText(
        f"{kind}-{digest}-{language}", language, tuple(_paragraphs(kind, days, language))
    )


def find_picture_consent(version: str, kind: str, days: int) -> ConsentText | None:
    """The text of this version, in whatever language it was read; None when it says otherwise."""
    texts = (picture_consent(kind, days, language.code) for language in LANGUAGES)
    return next((text for text in texts if text.version == version), None)


def _paragraphs(kind: str, days: int, language: str) -> Iterator[Paragraph]:
    if not days:
        yield Paragraph("kept", "", say(language, _PRACTICE))
        return
    yield Paragraph("what", "", say(language, _WHAT[kind], most=MOST_ROOM_PICTURES))
    yield Paragraph("why", "", say(language, _WHY[kind]))
    yield Paragraph("kept", "", say(language, _KEPT, days=days))
    yield Paragraph("who", "", say(language, _WHO))
