"""Where a student looked during a clip, from the gaze measures of the stored trace."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from scoring.model import Detector
from scoring.stream import DETECTOR_INDEX
from scoring.trace import TraceError, decode

log = logging.getLogger(__name__)

MOST_LOOKS = 600


@dataclass(frozen=True, slots=True)
class Look:
    """One judged frame. `yaw_deg` is positive to the image's right, `pitch_deg` upwards; None
    where the head was not measured. `label` is the direction the detector said."""

    at_s: float
    label: str
    yaw_deg: float | None
    pitch_deg: float | None


def looks_of(blocks: Iterable[bytes], from_s: float, to_s: float) -> tuple[Look, ...]:
    """The looks in [from_s, to_s), in order; at most `MOST_LOOKS`, evenly thinned out."""
    found: list[Look] = []
    from_ms, to_ms = round(from_s * 1000), round(to_s * 1000)
    for data in blocks:
        try:
            block = decode(data)
        except TraceError:
            log.exception("A stored trace cannot be read")
            continue
        for column in block.columns:
            if column.detector != DETECTOR_INDEX[Detector.GAZE] or not column.times:
                continue
            if column.times[0] >= to_ms or column.times[-1] < from_ms:
                continue
            for sighting in column.sightings():
                if from_ms <= sighting.at_ms < to_ms and sighting.look.labels:
                    measures = dict(sighting.measures)
                    found.append(
                        Look(
                            sighting.at_ms / 1000,
                            sighting.look.labels[0],
                            _degrees(measures.get("yaw")),
                            _degrees(measures.get("pitch")),
                        )
                    )
    found.sort(key=lambda look: look.at_s)
    step = -(-len(found) // MOST_LOOKS) or 1
    return tuple(found[::step])


def _degrees(stored: int | None) -> float | None:
    # Yaw and pitch are kept in whole degrees.
    return None if stored is None else float(stored)
