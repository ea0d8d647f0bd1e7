"""A small exam with one question of each kind, for tests."""

from __future__ import annotations

from typing import Any

SECRET_GUIDE = "guide-for-those-who-mark"
SECRET_SHORT = "photosynthesis"
SECRET_NUMBER = 9.80665

PAPER: dict[str, Any] = {
    "version": 0,
    "sections": [
        {
            "title": "Nature",
            "intro": "Read **carefully**.",
            "questions": [
                {
                    "kind": "single",
                    "text": "What is $2^3$?",
                    "points": 2,
                    "penalty": 0.5,
                    "options": [
                        {"text": "six"},
                        {"text": "eight", "is_right": True},
                        {"text": "nine"},
                    ],
                },
                {
                    "kind": "multiple",
                    "text": "Which are prime?",
                    "points": 3,
                    "partly": True,
                    "options": [
                        {"text": "two", "is_right": True},
                        {"text": "three", "is_right": True},
                        {"text": "four"},
                    ],
                },
                {
                    "kind": "numeric",
                    "text": "How fast does a stone fall after one second, in m/s?",
                    "points": 2,
                    "number": SECRET_NUMBER,
                    "tolerance": 0.05,
                },
            ],
        },
        {
            "title": "Words",
            "questions": [
                {
                    "kind": "short",
                    "text": "How do plants make sugar?",
                    "accepted": [SECRET_SHORT],
                    "penalty": 1,
                },
                {
                    "kind": "long",
                    "text": "Say why.\n\n```python\nprint('x')\n```",
                    "points": 4,
                    "guide": SECRET_GUIDE,
                },
            ],
        },
    ],
}


def question_ids(paper: dict[str, Any]) -> dict[str, str]:
    """The id of each kind's question, of a paper as it is stored or answered."""
    return {
        question["kind"]: question["question_id"]
        for section in paper["sections"]
        for question in section["questions"]
    }


def options(paper: dict[str, Any], kind: str) -> dict[str, str]:
    """Option ids by their text."""
    return {
        option["text"]: option["option_id"]
        for section in paper["sections"]
        for question in section["questions"]
        if question["kind"] == kind
        for option in question["options"]
    }
