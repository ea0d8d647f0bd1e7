"""The order in which one student meets questions and options, made from the stored seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import TypeVar

from app.exams.records import ExamPlan, Option, PaperRecord, Question, Section

Item = TypeVar("Item")


def sections_for(paper: PaperRecord, plan: ExamPlan, seed: int) -> list[Section]:
    """The sections as this student meets them. Sections keep their order.

    An item's place depends on its id and the seed alone, so that a question added later does
    not mix up the others.
    """
    sections = []
    for section in paper.sections:
        questions = list(section.questions)
        if plan.shuffle_questions:
            questions = _mixed(questions, seed, lambda question: question.question_id)
        sections.append(Section(section.section_id, section.title, section.intro, tuple(questions)))
    return sections


def options_for(question: Question, plan: ExamPlan, seed: int) -> list[Option]:
    options = list(question.options)
    if not plan.shuffle_options:
        return options
    return _mixed(options, seed, lambda option: f"{question.question_id}:{option.option_id}")


def _mixed(items: Iterable[Item], seed: int, name: Callable[[Item], str]) -> list[Item]:
    return sorted(items, key=lambda item: hashlib.sha256(f"{seed}:{name(item)}".encode()).digest())
