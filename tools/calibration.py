"""Measures what calibration by points and a voice read aloud spare a student, on labelled media."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from app.settings import load_settings
from detectors.messages import AnalysisRequest, Frame, Mark
from scoring.model import Detector
from tools.evaluation import sound
from tools.evaluation.manifest import Item, Manifest, load_manifest
from tools.evaluation.media import read_video
from tools.evaluation.motion import gaze_truth, has_gaze
from tools.evaluation.product import Product
from tools.evaluation.stills import direction_word

# The student looks at the middle for the first two seconds; what follows is judged.
LOOK_S = 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """One way of one measure: how many were judged, and how that went."""

    measure: str
    way: str
    judged: int
    right: int
    false_alarms: int
    missed: int

    def line(self) -> str:
        return (
            f"| {self.measure} | {self.way} | {self.judged} | {self.right}"
            f" | {self.false_alarms} | {self.missed} |"
        )


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 when measured, 2 without the media."""
    parser = argparse.ArgumentParser(prog="./run.sh calibration", description=__doc__)
    parser.add_argument("media", type=Path, help="folder with manifest.csv")
    parser.add_argument("--fps", type=float, default=2.0, help="frames a second that are judged")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    options = parser.parse_args(arguments)
    if not (options.media / "manifest.csv").exists():
        print(f"There is no manifest.csv in {options.media}.", file=sys.stderr)
        return 2
    manifest = load_manifest(options.media)
    product = Product(load_settings(dict(os.environ)).models_path)
    rows = [
        gaze(product, manifest, options.fps, "nothing", knows=False),
        gaze(product, manifest, options.fps, "the first steady seconds"),
        gaze(product, manifest, options.fps, "a point, looked at for 2 s", is_calibrated=True),
        voices(product, manifest, "nobody enrolled", is_enrolled=False),
        voices(product, manifest, "read aloud before", is_enrolled=True),
    ]
    print("| measure | learnt from | judged | right | false alarms | missed |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        print(row.line())
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return 0


def gaze(
    product: Product,
    manifest: Manifest,
    fps: float,
    way: str,
    *,
    is_calibrated: bool = False,
    knows: bool = True,
) -> Row:
    """The gaze of every labelled frame after the first two seconds of each video; without
    `knows` each frame is judged on its own."""
    told: list[tuple[str, str]] = []
    for number, item in enumerate(_videos(manifest)):
        name = f"{way}-{number}"
        told += _watch(product, manifest.folder, item, fps, name, is_calibrated, knows)
    return _row("gaze, frames", way, told, lambda truth: truth == "center")


def _videos(manifest: Manifest) -> list[Item]:
    return [i for i in manifest.items if i.file.endswith(".mp4") and has_gaze(i)]


def _watch(
    product: Product,
    folder: Path,
    item: Item,
    fps: float,
    name: str,
    is_calibrated: bool,
    knows: bool,
) -> list[tuple[str, str]]:
    """(truth, verdict) per frame; the first two seconds are looked at the middle by the label."""
    told = []
    is_over = False
    detectors = frozenset({Detector.GAZE.value})
    for number, picture in enumerate(read_video(folder / item.file, fps)):
        marks: tuple[Mark, ...] = ()
        if is_calibrated and number == 0:
            # The eyes are there already when the film begins.
            marks = (Mark("look", picture.at_s - 0.5),)
        elif is_calibrated and not is_over and picture.at_s >= LOOK_S:
            marks, is_over = (Mark("looked", picture.at_s),), True
        frame = Frame(picture.at_s, picture.jpeg)
        result = product.analyzer.analyze(
            AnalysisRequest(number, name, (frame,), (), detectors, is_still=not knows, marks=marks)
        )
        label = gaze_truth(item, picture.index)
        found = [o for o in result.observations if o.detector is Detector.GAZE and o.judgeable]
        if label and found and picture.at_s > LOOK_S:
            verdict = found[-1].labels[0]
            told.append((direction_word(label), "center" if verdict == "closed" else verdict))
    product.analyzer.close(name)
    return told


def voices(product: Product, manifest: Manifest, way: str, *, is_enrolled: bool) -> Row:
    """Whether each clip with labelled voices raises the rule about other voices."""
    told: list[tuple[str, str]] = []
    for item in manifest.items:
        if item.enrol is None:
            continue
        heard = sound.listen(product, manifest.folder, item, lambda _file, s: s, is_enrolled)
        judged = sound.judge_voice(heard, "")
        if judged is not None:
            told.append((judged.truth, judged.verdict))
    return _row("voices, clips", way, told, lambda truth: truth == "one voice")


def _row(
    measure: str, way: str, told: list[tuple[str, str]], is_clean: Callable[[str], bool]
) -> Row:
    right = sum(truth == verdict for truth, verdict in told)
    alarms = sum(is_clean(truth) and truth != verdict for truth, verdict in told)
    missed = len(told) - right - alarms
    return Row(measure, way, len(told), right, alarms, missed)


if __name__ == "__main__":
    sys.exit(main())
