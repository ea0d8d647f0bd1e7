"""Judges sounds: whether somebody speaks, and whether another voice than the student's does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from detectors.arrays import Floats
from detectors.messages import Sound
from scoring.model import Detector, Observation, Rule
from tools.evaluation.manifest import HOLDS_SPEECH, Item
from tools.evaluation.media import SAMPLE_RATE, read_sound, to_pcm
from tools.evaluation.product import Product, Session
from tools.evaluation.results import Judged

AlterSound = Callable[[str, Floats], Floats]

PIECE_S = 1.0
# A clip holds speech when the stream found this much of it; a violation takes more.
LEAST_SPEECH_S = 0.3
# Sound after the clip, so that what the last words were is decided.
_TAIL_S = 1.5


@dataclass(frozen=True, slots=True)
class Listened:
    """What a whole session over one clip came to; `ms` is CPU and wait per second of sound."""

    item: Item
    seconds: float
    observations: tuple[Observation, ...]
    violations: dict[Rule, list[float]]
    ms: float

    def span_s(self, detector: Detector, *labels: str) -> float:
        """Seconds a detector said one of the labels."""
        return sum(
            o.span_s
            for o in self.observations
            if o.detector is detector and any(label in o.labels for label in labels)
        )


def listen(
    product: Product, folder: Path, item: Item, alter: AlterSound, is_enrolled: bool
) -> Listened:
    """Play one clip as a session in pieces of a second, with the student's voice if wanted."""
    samples = alter(item.file, read_sound(folder / item.file))
    seconds = samples.size / SAMPLE_RATE
    with product.open({Detector.SPEECH, Detector.VOICE}) as session:
        if is_enrolled and item.enrol is not None:
            own = alter(item.enrol.file, read_sound(folder / item.enrol.file))
            first, last = (round(t * SAMPLE_RATE) for t in (item.enrol.start_s, item.enrol.end_s))
            session.enrol(_pieces(own[first:last]))
        ms = _play(session, samples)
        return Listened(
            item,
            seconds,
            tuple(session.observations),
            session.violations(),
            ms / max(seconds, 1e-6),
        )


def _play(session: Session, samples: Floats) -> float:
    ms = 0.0
    for sound in _pieces(samples):
        ms += session.hear(sound.at_s, sound.pcm).ms
    session.hear(samples.size / SAMPLE_RATE, bytes(2 * round(_TAIL_S * SAMPLE_RATE)))
    return ms


def _pieces(samples: Floats) -> list[Sound]:
    size = round(PIECE_S * SAMPLE_RATE)
    return [
        Sound(start / SAMPLE_RATE, to_pcm(samples[start : start + size]))
        for start in range(0, samples.size, size)
    ]


def judge_speech(listened: Listened) -> Judged | None:
    """Whether the clip holds speech; None where that is not labelled."""
    truth = HOLDS_SPEECH.get(listened.item.kind)
    if truth is None:
        return None
    spoken_s = listened.span_s(Detector.SPEECH, "speech")
    is_judged = any(o.detector is Detector.SPEECH and o.judgeable for o in listened.observations)
    is_heard = spoken_s >= LEAST_SPEECH_S
    return Judged(
        file=listened.item.file,
        truth="speech" if truth else "no speech",
        verdict="" if not is_judged else ("speech" if is_heard else "no speech"),
        reason="" if is_judged else "no observation",
        is_positive=truth,
        is_correct=is_judged and is_heard == truth,
        is_found=truth and is_heard,
        is_alarm=not truth and is_heard,
        group=listened.item.group,
        part=listened.item.kind,
        score=round(spoken_s / max(listened.seconds, 1e-6), 4),
        ms=listened.ms,
    )


def judge_voice(listened: Listened, part: str) -> Judged | None:
    """Whether the clip raised "several voices"; None where the voices are not labelled.

    Without an enrolled voice only several voices count; with one, another single voice does too.
    """
    truth = has_other_voice(listened.item)
    if truth is None:
        return None
    starts = listened.violations.get(Rule.SEVERAL_VOICES, [])
    aparts = [
        o.measure("apart", 1.0) for o in listened.observations if o.detector is Detector.VOICE
    ]
    return Judged(
        file=listened.item.file,
        truth="another voice" if truth else "one voice",
        verdict="another voice" if starts else "one voice",
        is_positive=truth,
        is_correct=bool(starts) == truth,
        is_found=truth and bool(starts),
        is_alarm=not truth and bool(starts),
        group=listened.item.group,
        part=part,
        score=round(1 - min(aparts, default=1.0), 4),
        ms=listened.ms,
        at=f"from {starts[0]:.1f} s" if starts else "",
    )


def has_other_voice(item: Item) -> bool | None:
    """Whether a second voice is labelled; None where nothing says how many there are."""
    if HOLDS_SPEECH.get(item.kind) is None:
        return None
    speakers = {segment.label for segment in item.segments}
    if item.speakers is not None:
        return item.speakers > 1 if item.speakers or HOLDS_SPEECH[item.kind] is False else None
    if speakers:
        return len(speakers) > 1
    return None


def second_voice_s(item: Item) -> float | None:
    """When the second voice is first heard, by the labels."""
    ordered = sorted(item.segments, key=lambda segment: segment.first)
    others = [s.first for s in ordered if s.label != ordered[0].label]
    return others[0] if others else None
