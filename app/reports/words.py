"""Plain words for what the reports speak of."""

from __future__ import annotations

import math

from scoring.model import Rule

RULES: dict[str, str] = {
    Rule.LOOKING_AWAY.value: "Looking away from the screen",
    Rule.SPEECH.value: "Speech",
    Rule.NO_FACE.value: "Nobody in the picture",
    Rule.SEVERAL_FACES.value: "Several people in the picture",
    Rule.SEVERAL_VOICES.value: "Several or foreign voices",
    Rule.PHONE.value: "A phone in the picture",
    Rule.OTHER_PERSON.value: "Another person's face",
    Rule.CAMERA_BLOCKED.value: "The camera was covered",
    Rule.CAMERA_LOOPED.value: "The picture stood still or repeated itself",
    Rule.FOCUS_CHANGE.value: "The exam's window lost focus",
    Rule.CLIPBOARD.value: "Copy, cut or paste",
    Rule.FULLSCREEN_EXIT.value: "Full screen was left",
}
DETECTORS: dict[str, str] = {
    "face": "Faces",
    "gaze": "Gaze",
    "identity": "Identity",
    "objects": "Objects",
    "speech": "Speech",
    "voice": "Voices",
    "camera": "Camera",
}
CAUSES: dict[str, str] = {
    "student": "by the student",
    "integrator": "by the exam system",
    "proctor": "by a proctor",
    "exam_over": "because the exam was over",
    "abandoned": "because nothing was heard of the student any more",
    "warning_limit": "because the warning limit was reached",
}
GAPS: dict[str, str] = {
    "line": "The student's line was down",
    "server": "Our server was down",
    "asleep": "The student's machine was asleep",
    "frozen": "The browser had put the page to rest",
    "camera_off": "The camera gave no pictures",
    "thinned": "The browser had no room for more",
}
REVIEWS: dict[str, str] = {
    "unreviewed": "not reviewed yet",
    "confirmed": "confirmed by a person",
    "dismissed": "dismissed by a person",
    "unclear": "looked at; the reviewer could not tell",
}
FLAG = (
    "A flag is a request for a person to look. It is no finding about the student: detectors"
    " err, and what they saw can have a harmless reason. People decide what a flag means."
)


def rule_words(rule: str) -> str:
    return RULES.get(rule, rule.replace("_", " "))


def duration_words(seconds: float) -> str:
    """`1 h 02 min 03 s`, without the parts that are zero at the front; under a minute `3.5 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = math.floor(seconds + 0.5)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours} h {minutes:02} min {left:02} s" if hours else f"{minutes} min {left:02} s"


def number_words(value: float) -> str:
    """A number without digits that say nothing: 12, 12.5, 12.34."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
