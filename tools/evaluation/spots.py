"""Where the face is in a clean picture, which some degradations are laid around."""

from __future__ import annotations

from pathlib import Path

from scoring.model import Detector
from tools.evaluation.degrade import Spot
from tools.evaluation.media import UnreadableMediaError, read_still, read_video
from tools.evaluation.product import Product


class Spots:
    """Where the largest face is in each clean picture (or a video's first frame), found once."""

    def __init__(self, product: Product, folder: Path) -> None:
        self._product = product
        self._folder = folder
        self._known: dict[str, Spot | None] = {}

    def of(self, file: str) -> Spot | None:
        """None where no face is seen. Raises UnreadableMediaError."""
        if file not in self._known:
            self._known[file] = self._find(self._folder / file)
        return self._known[file]

    def _find(self, path: Path) -> Spot | None:
        try:
            jpeg = read_still(path)
        except UnreadableMediaError:
            first = next(read_video(path), None)
            if first is None:
                raise
            jpeg = first.jpeg
        overlay = self._product.still(jpeg, {Detector.FACE}).result.overlay
        boxes = [b for b in overlay.boxes if b.label == "face"] if overlay else []
        if not boxes:
            return None
        box = max(boxes, key=lambda b: b.width * b.height)
        return box.x, box.y, box.width, box.height
