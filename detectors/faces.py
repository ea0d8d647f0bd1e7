"""Finds all faces in one picture: BlazeFace quickly, YuNet where there is doubt.

Neither detector alone is right often enough: BlazeFace misses faces that fill the frame, YuNet
misses faces in the dark, and both see faces in toys and mugs, but rarely in the same ones.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from detectors.arrays import Pixels
from detectors.base import Costs, DetectorUnavailable, Face
from detectors.blaze import BlazeFace
from detectors.entry import WorkerConfig
from detectors.models import YUNET, find_model
from detectors.yunet import YuNet

LOWEST = 0.15
# One detector alone is believed from here on; both together from the sum.
_SURE_YUNET, _SURE_SUM = 0.85, 1.25
_PAIR_BLAZE, _PAIR_YUNET = 0.5, 0.6
_BLAZE_ALONE = 0.5
_SAME_FACE = 0.5


class FaceFinder:
    """The face detectors of a worker. Shared; holds no history."""

    def __init__(self, blaze: BlazeFace, yunet: YuNet | None) -> None:
        self._blaze = blaze
        self._yunet = yunet

    @property
    def model(self) -> str:
        """What it runs on."""
        return "BlazeFace full range" + (" and YuNet" if self._yunet else "")

    def scan(
        self, rgb: Pixels, costs: Costs, size: tuple[int, int] | None = None
    ) -> tuple[Face, ...]:
        """Everything BlazeFace takes for a face in uint8 (H, W, 3), best first.

        `size` is that of the picture whose coordinates are wanted, where `rgb` is a smaller copy.
        """
        with costs.step("faces: scan"):
            return tuple(face for face in self._blaze.find(rgb, size) if face.score >= LOWEST)

    def search(
        self, rgb: Pixels, costs: Costs, scanned: tuple[Face, ...] | None = None
    ) -> tuple[Face, ...]:
        """The faces both detectors together vouch for, best first."""
        if scanned is None:
            scanned = self.scan(rgb, costs)
        if self._yunet is None:
            return tuple(face for face in scanned if face.score >= _BLAZE_ALONE)
        with costs.step("faces: search"):
            seen = self._yunet.find(rgb)
        return tuple(_agreed(scanned, seen))

    def search_hard(
        self, rgb: Pixels, is_dark: bool, costs: Costs, is_empty: bool = True
    ) -> tuple[Face, ...]:
        """Search again after lifting the picture out of dark and noise.

        Where even that finds nothing and `is_empty`, a shrunken copy shows faces too large for
        the detectors.
        """
        with costs.step("faces: lift"):
            lifted = lift(rgb, is_dark)
        found = self.search(lifted, costs)
        if found or not is_empty:
            return found
        with costs.step("faces: lift"):
            shrunken, left, top = _shrink(lifted)
        return tuple(_grown(face, left, top) for face in self.search(shrunken, costs))


def lift(rgb: Pixels, is_dark: bool) -> Pixels:
    """The same picture with less noise and more contrast, uint8 (H, W, 3)."""
    calm = cv2.GaussianBlur(cv2.medianBlur(rgb, 3), (0, 0), 1.0)
    if is_dark:
        grey = cv2.cvtColor(calm, cv2.COLOR_RGB2GRAY)[::4, ::4]
        low, high = np.percentile(grey, [1, 97])
        span = max(float(high - low), 10.0)
        mean = float(np.clip((grey.astype(np.float32) - low) / span, 0, 1).mean())
        gamma = float(np.clip(np.log(0.42) / np.log(max(mean, 0.02)), 0.35, 1.2))
        table = (np.clip((np.arange(256) - low) / span, 0, 1) ** gamma * 255).astype(np.uint8)
        return np.asarray(cv2.LUT(calm, table), np.uint8)
    lab = cv2.cvtColor(calm, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(3.0, (4, 4)).apply(lab[..., 0])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


def _shrink(rgb: Pixels) -> tuple[Pixels, int, int]:
    """Half the size in the middle of a black picture of the same size, and where it lies."""
    height, width = rgb.shape[:2]
    half = cv2.resize(rgb, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    top, left = (height - half.shape[0]) // 2, (width - half.shape[1]) // 2
    canvas = np.zeros_like(rgb)
    canvas[top : top + half.shape[0], left : left + half.shape[1]] = half
    return canvas, left, top


def _grown(face: Face, left: int, top: int) -> Face:
    offset = np.array([left, top], np.float32)
    return Face(
        left=(face.left - left) * 2,
        top=(face.top - top) * 2,
        right=(face.right - left) * 2,
        bottom=(face.bottom - top) * 2,
        score=face.score,
        points=(face.points - offset) * 2,
    )


def _agreed(scanned: tuple[Face, ...], seen: tuple[Face, ...]) -> list[Face]:
    left = list(scanned)
    agreed = []
    for face in seen:
        partner = max(left, key=lambda other: overlap(face, other), default=None)
        blaze = 0.0
        if partner is not None and overlap(face, partner) >= _SAME_FACE:
            left.remove(partner)
            blaze = partner.score
        if (
            face.score >= _SURE_YUNET
            or face.score + blaze >= _SURE_SUM
            or (blaze >= _PAIR_BLAZE and face.score >= _PAIR_YUNET)
        ):
            agreed.append(replace(face, score=max(face.score, blaze)))
    return agreed


def overlap(a: Face, b: Face) -> float:
    """Shared area over the smaller one's area, 0 to 1."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / max(1e-6, min(a.width * a.height, b.width * b.height))


def load_finder(config: WorkerConfig) -> FaceFinder:
    """Without YuNet's file BlazeFace works alone. Raises DetectorUnavailable without both."""
    path = find_model(YUNET, config.models_dir)
    yunet = None
    if path is not None:
        try:
            yunet = YuNet(path, config.threads)
        except DetectorUnavailable:
            yunet = None
    return FaceFinder(BlazeFace(LOWEST), yunet)
