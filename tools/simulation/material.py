"""What simulated students send: pictures and sound of labelled media, encoded once before.

All students share the same bytes, so that memory and the generator's own work stay small.
Pictures are JPEG, 640x480, in the browser's quality; sound is PCM in pieces of one second.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from detectors.arrays import Floats, Pixels
from detectors.scripted import PICTURE_PREFIX
from tools.drawn import LOOKS, Camera, Pose, draw_room, draw_students
from tools.evaluation.manifest import Item, Manifest
from tools.evaluation.media import (
    HEIGHT,
    SAMPLE_RATE,
    WIDTH,
    decode,
    encode,
    read_sound,
    read_still,
    read_video,
    to_pcm,
)

# A source that loops looks a little different on each pass, as a camera does.
PASSES = 3
_SHIFT_PX = 2.0
_GRAIN = 1.5
_STILL_S = 6
_DIALOG_S = 26
_QUIET_S = 20
_HISS = 12 / 32_768

_SCRIPTS = {
    "present": {"face": "one", "gaze": "center", "objects": "clear", "camera": "ok"},
    "empty": {"face": "none", "objects": "clear", "camera": "ok"},
    "company": {"face": "several", "objects": "clear", "camera": "ok"},
}

IsWanted = Callable[[bytes], bool]


class MaterialError(Exception):
    """The folder lacks something the mix needs; the text says what."""


@dataclass(frozen=True, slots=True)
class Material:
    """JPEGs by scene at `fps`, each scene one or more loops; PCM seconds by sound."""

    fps: float
    scenes: dict[str, tuple[tuple[bytes, ...], ...]]
    sounds: dict[str, tuple[bytes, ...]]

    def frame(self, scene: str, student: int, number: int) -> bytes:
        """The picture with that number of a student; students are spread over the loops."""
        loops = self.scenes[scene]
        loop = loops[student % len(loops)]
        return loop[(number + 37 * student) % len(loop)]

    def sound(self, name: str, second: int) -> bytes:
        pieces = self.sounds[name]
        return pieces[second % len(pieces)]

    @property
    def size_bytes(self) -> int:
        pictures = sum(
            len(jpeg) for loops in self.scenes.values() for loop in loops for jpeg in loop
        )
        return pictures + sum(len(pcm) for pieces in self.sounds.values() for pcm in pieces)


def prepare(
    manifest: Manifest, fps: float, scenes: Iterable[str], sounds: Iterable[str], is_phone: IsWanted
) -> Material:
    """Encode what is wanted. `is_phone` says whether a picture's phone is one that a lone look
    finds, because a simulation tests the machine and not the detector.

    Raises MaterialError when the folder has nothing fitting.
    """
    makers: dict[str, Callable[[], list[list[bytes]]]] = {
        "present": lambda: _videos(manifest, fps, _is_present),
        "company": lambda: _videos(manifest, fps, lambda item: item.faces == 2),
        "empty": lambda: [_camera_on(draw_room(), fps, 7)],
        "phone": lambda: [_camera_on(_phone(manifest, is_phone), fps, 11)],
    }
    made = {name: tuple(tuple(loop) for loop in makers[name]()) for name in sorted(set(scenes))}
    heard = {"quiet": _quiet}
    heard |= {"dialog": lambda: _dialog(manifest)}
    return Material(fps, made, {name: tuple(heard[name]()) for name in sorted(set(sounds))})


def drawn(fps: float, scenes: Iterable[str]) -> Material:
    """Drawn students in a quiet room, where no labelled media are at hand: `present`, `empty` and
    `company`. Raises MaterialError for another scene."""
    drawings: dict[str, Callable[[], list[Pixels]]] = {
        "present": lambda: [draw_students([(Pose(), look)]) for look in LOOKS],
        "empty": lambda: [draw_room()],
        "company": lambda: [
            draw_students([(Pose(470, 200, 80), LOOKS[-1 - number]), (Pose(250), look)])
            for number, look in enumerate(LOOKS)
        ],
    }
    wanted = {"present", *scenes}
    if missing := sorted(wanted - drawings.keys()):
        raise MaterialError(f"Nobody has drawn this yet: {', '.join(missing)}.")
    made = {
        name: tuple(
            tuple(_camera_on(drawing, fps, seed)) for seed, drawing in enumerate(drawings[name]())
        )
        for name in sorted(wanted)
    }
    return Material(fps, made, {"quiet": tuple(_quiet())})


def scripted(material: Material) -> Material:
    """The same pictures, each with the answer of its scene for the scripted detectors."""
    return Material(
        material.fps,
        {
            name: tuple(
                tuple(_with_script(jpeg, _SCRIPTS[name]) for jpeg in loop) for loop in loops
            )
            for name, loops in material.scenes.items()
        },
        material.sounds,
    )


def _with_script(jpeg: bytes, script: dict[str, str]) -> bytes:
    comment = PICTURE_PREFIX + json.dumps(script).encode()
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + jpeg[2:]


def _is_present(item: Item) -> bool:
    return item.faces == 1 and item.gaze == "center" and not item.segments


def _videos(manifest: Manifest, fps: float, fits: Callable[[Item], bool]) -> list[list[bytes]]:
    found = [item for item in manifest.items if item.kind == "video" and fits(item)]
    if not found:
        raise MaterialError(f"{manifest.folder} has no video that shows what the mix needs.")
    return [
        _loop(_pictures(manifest.folder / item.file, fps), seed) for seed, item in enumerate(found)
    ]


def _pictures(path: Path, fps: float) -> list[Pixels]:
    there = [decode(picture.jpeg) for picture in read_video(path, fps)]
    return [*there, *there[-2:0:-1]]


def _loop(pictures: list[Pixels], seed: int) -> list[bytes]:
    """Some passes over the pictures, each with its own small shift, and grain on every picture."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(PASSES):
        x, y = rng.uniform(-_SHIFT_PX, _SHIFT_PX, 2)
        matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
        for picture in pictures:
            moved = cv2.warpAffine(
                picture, matrix, (picture.shape[1], picture.shape[0]), borderMode=cv2.BORDER_REFLECT
            )
            grain = rng.normal(0, _GRAIN, moved.shape)
            made.append(encode(np.clip(moved + grain, 0, 255).astype(np.uint8)))
    return made


def _camera_on(drawing: Pixels, fps: float, seed: int) -> list[bytes]:
    camera = Camera(seed)
    return [encode(camera.take(drawing, number / fps)) for number in range(round(_STILL_S * fps))]


def _phone(manifest: Manifest, is_phone: IsWanted) -> Pixels:
    for item in manifest.items:
        if item.kind == "image" and item.phones and item.faces == 1:
            jpeg = read_still(manifest.folder / item.file)
            if is_phone(jpeg):
                return _on_canvas(decode(jpeg))
    raise MaterialError(f"{manifest.folder} has no picture with a phone that is found.")


def _on_canvas(picture: Pixels) -> Pixels:
    canvas = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    top, left = (HEIGHT - picture.shape[0]) // 2, (WIDTH - picture.shape[1]) // 2
    canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return canvas


def _quiet() -> Iterator[bytes]:
    rng = np.random.default_rng(7)
    for _ in range(_QUIET_S):
        yield to_pcm(rng.normal(0, _HISS, SAMPLE_RATE).astype(np.float32))


def _dialog(manifest: Manifest) -> Iterator[bytes]:
    found = [i for i in manifest.items if i.kind == "conversation" and i.speakers == 2 and i.enrol]
    if not found:
        raise MaterialError(f"{manifest.folder} has no dialog of two voices.")
    # The second one is told apart soonest, whatever the pieces begin with.
    samples: Floats = read_sound(manifest.folder / found[min(1, len(found) - 1)].file)
    whole = np.zeros(_DIALOG_S * SAMPLE_RATE, np.float32)
    whole[: min(samples.size, whole.size)] = samples[: whole.size]
    for second in range(_DIALOG_S):
        yield to_pcm(whole[second * SAMPLE_RATE : (second + 1) * SAMPLE_RATE])
