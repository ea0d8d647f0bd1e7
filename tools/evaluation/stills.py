"""Judges single pictures: faces, gaze and head, phones and persons, pairs of faces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from detectors.encoder import cosine
from detectors.identity import ACCEPT, Checked
from scoring.model import Detector, Observation
from tools.evaluation.manifest import Item
from tools.evaluation.product import Answer, Product
from tools.evaluation.results import Judged

Loader = Callable[[Item], bytes]
Tick = Callable[[str], None]

_GAZE_WORDS = {"center": "center", "image-left": "left", "image-right": "right"}
_HEAD_WORDS = {"frontal": "center", "image-left": "left", "image-right": "right"}


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether somebody who is there was called absent."""

    file: str
    is_called_absent: bool


def amount(count: int) -> str:
    """How a count is compared: 0, 1 or several."""
    return ("none", "one")[count] if count < 2 else "several"


def direction_word(label: str) -> str:
    """A label of the manifest as the product's word."""
    return _HEAD_WORDS.get(label) or _GAZE_WORDS.get(label) or label


def judge_faces(
    product: Product, items: Iterable[Item], load: Loader, tick: Tick
) -> tuple[list[Judged], list[Presence]]:
    """Faces per picture as 0, 1 or several; and who was called absent."""
    judged, present = [], []
    for item in items:
        tick(item.file)
        answer = product.still(load(item), {Detector.FACE})
        observation = answer.of(Detector.FACE)
        verdict, reason = _face_verdict(observation)
        if item.faces is not None:
            truth = amount(item.faces)
            judged.append(
                Judged(
                    file=item.file,
                    truth=truth,
                    verdict=verdict,
                    reason=reason,
                    is_positive=truth != "none",
                    is_correct=verdict == truth,
                    is_found=truth != "none" and verdict in ("one", "several"),
                    is_alarm=truth == "none" and verdict in ("one", "several"),
                    group=item.group,
                    ms=answer.ms,
                )
            )
        if item.faces or item.persons:
            is_absent = observation is not None and "none" in observation.labels
            present.append(Presence(item.file, is_absent))
    return judged, present


def _face_verdict(observation: Observation | None) -> tuple[str, str]:
    if observation is None:
        return "", "no observation"
    if not observation.judgeable:
        return "", observation.reason or "not judgeable"
    label = observation.labels[0]
    return ("none" if label == "turned" else label), ""


def judge_objects(
    product: Product, items: Iterable[Item], load: Loader, tick: Tick
) -> tuple[list[Judged], list[Judged]]:
    """Phones yes or no, and persons as 0, 1 or several."""
    phones, persons = [], []
    for item in items:
        tick(item.file)
        answer = product.still(load(item), {Detector.OBJECTS})
        observation = answer.of(Detector.OBJECTS)
        reason = _reason(observation)
        if item.phones is not None:
            phones.append(_phone(item, observation, reason, answer))
        if item.persons is not None:
            truth = amount(item.persons)
            count = round(observation.measure("persons")) if observation else 0
            verdict = "" if reason else amount(count)
            persons.append(
                Judged(
                    file=item.file,
                    truth=truth,
                    verdict=verdict,
                    reason=reason,
                    is_positive=truth != "none",
                    is_correct=verdict == truth,
                    is_found=truth != "none" and verdict in ("one", "several"),
                    is_alarm=truth == "none" and verdict in ("one", "several"),
                    group=item.group,
                    ms=answer.ms,
                )
            )
    return phones, persons


def _phone(item: Item, observation: Observation | None, reason: str, answer: Answer) -> Judged:
    is_seen = observation is not None and "phone" in observation.labels
    return Judged(
        file=item.file,
        truth="phone" if item.phones else "no phone",
        verdict="" if reason else ("phone" if is_seen else "no phone"),
        reason=reason,
        is_positive=bool(item.phones),
        is_correct=not reason and is_seen == bool(item.phones),
        is_found=bool(item.phones) and is_seen,
        is_alarm=not item.phones and is_seen,
        group=item.group,
        score=None if observation is None else observation.measure("phone_score"),
        ms=answer.ms,
    )


def judge_directions(
    product: Product, items: Iterable[Item], load: Loader, tick: Tick
) -> tuple[list[Judged], list[Judged]]:
    """Where pictures of people look (`gaze`) and how their heads are turned (`head`)."""
    gazes, heads = [], []
    for item in items:
        tick(item.file)
        answer = product.still(load(item), {Detector.GAZE})
        observation = answer.of(Detector.GAZE)
        reason = _reason(observation)
        verdict = "" if reason or observation is None else _focused(observation.labels[0])
        if item.gaze:
            gazes.append(_directed(item, direction_word(item.gaze), verdict, reason, answer))
        if item.head:
            heads.append(_directed(item, direction_word(item.head), verdict, reason, answer))
    return gazes, heads


def _directed(item: Item, truth: str, verdict: str, reason: str, answer: Answer) -> Judged:
    return Judged(
        file=item.file,
        truth=truth,
        verdict=verdict,
        reason=reason,
        is_positive=truth != "center",
        is_correct=verdict == truth,
        is_found=truth != "center" and verdict == truth,
        is_alarm=truth == "center" and verdict not in ("", "center"),
        group=item.group,
        ms=answer.ms,
    )


def _focused(label: str) -> str:
    """A blink is not a look away."""
    return "center" if label == "closed" else label


def _reason(observation: Observation | None) -> str:
    if observation is None:
        return "no observation"
    return "" if observation.judgeable else observation.reason or "not judgeable"


def judge_pairs(
    product: Product, items: Sequence[Item], load: Loader, tick: Tick, ms: Callable[[], float]
) -> list[Judged]:
    """Every pair of labelled faces: the same person or two.

    A picture of several people cannot stand for one of them and is left out. A turned face can be
    found the same as another; that it is not proves nothing, so the pair is not judged.
    """
    known: list[tuple[Item, Checked, float]] = []
    for item in items:
        tick(item.file)
        start = ms()
        checked = product.analyzer.check_face(load(item))
        known.append((item, checked, ms() - start))
    judged = []
    for (one, first, first_ms), (other, second, second_ms) in combinations(known, 2):
        is_same = one.person == other.person
        likeness, reason = _compared(first, second)
        is_accepted = likeness is not None and likeness >= ACCEPT
        judged.append(
            Judged(
                file=f"{one.file} + {other.file}",
                truth="same" if is_same else "different",
                verdict="" if likeness is None else ("same" if is_accepted else "different"),
                reason=reason,
                is_positive=is_same,
                is_correct=likeness is not None and is_accepted == is_same,
                is_found=is_same and is_accepted,
                is_alarm=not is_same and is_accepted,
                score=likeness,
                ms=float(np.mean([first_ms, second_ms])),
            )
        )
    return judged


def _compared(first: Checked, second: Checked) -> tuple[float | None, str]:
    """How alike two faces are, or None and why they cannot be judged."""
    if first.embedding is None or second.embedding is None:
        return None, "no face good enough to compare"
    likeness = cosine(first.embedding, second.embedding)
    if likeness < ACCEPT and (first.reason or second.reason):
        return None, "turned too far to be told apart"
    return likeness, ""
