"""Small descriptors of a picture and how alike two are, for the camera's health."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detectors.arrays import Floats, Pixels

_SIZE = (32, 24)
_EDGE_RANK = int(160 * 120 * 0.98)
# Steps between neighbouring fields of the description that only a picture with strong edges has.
_STEP, _STEPS = 24.0, 40


def _soften(size: int) -> Floats:
    """A Gaussian blur of sigma 4 along one side as a matrix: two small products are a blur."""
    rows = cv2.GaussianBlur(np.eye(size, dtype=np.float32), (1, 33), 4.0, sigmaY=4.0)
    return np.asarray(rows, np.float32)


_ALONG, _ACROSS = _soften(24), _soften(32).T.copy()


@dataclass(frozen=True, slots=True)
class Scene:
    """`grey` is float32 (768,), 0 to 255; `structure` the same without its slow changes of
    light, of length 1; `edge` how strong the strongest 2 % of edges are, infinite where they are
    too strong to need measuring.
    """

    grey: Floats
    structure: Floats
    edge: float


def describe(small: Pixels) -> Scene:
    """Describe a small grey picture, uint8 (120, 160)."""
    reduced = cv2.resize(small.astype(np.float32), _SIZE, interpolation=cv2.INTER_AREA)
    tiny = np.asarray(reduced, np.float32)
    flat = (tiny - _ALONG @ tiny @ _ACROSS).reshape(-1)
    return Scene(
        grey=tiny.reshape(-1),
        structure=np.asarray(flat / max(float(flat @ flat) ** 0.5, 1e-6), np.float32),
        edge=_edge(small, tiny),
    )


def _edge(small: Pixels, tiny: Floats) -> float:
    steps = int(np.count_nonzero(np.abs(tiny[1:] - tiny[:-1]) > _STEP))
    steps += int(np.count_nonzero(np.abs(tiny[:, 1:] - tiny[:, :-1]) > _STEP))
    if steps >= _STEPS:
        return float("inf")
    soft = cv2.GaussianBlur(small, (7, 7), 1.5)
    across, along = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    edges = cv2.magnitude(across, along).reshape(-1)
    return float(np.partition(edges, _EDGE_RANK)[_EDGE_RANK]) / 4


def likeness(a: Scene, b: Scene) -> float:
    """Correlation of the structure, -1 to 1: the same room in other light stays near 1."""
    return float(a.structure @ b.structure)
