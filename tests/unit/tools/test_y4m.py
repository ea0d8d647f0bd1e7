"""The file is one that FFmpeg reads with the colours that were written."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tools.y4m import write_y4m


def test_pictures_come_back_in_order_and_colour(tmp_path: Path) -> None:
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200)]
    pictures = [np.full((48, 64, 3), colour, np.uint8) for colour in colours]
    path = write_y4m(tmp_path / "camera.y4m", pictures, 10)
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        assert container.streams.video[0].average_rate == 10
    assert len(frames) == len(pictures)
    for frame, colour in zip(frames, colours, strict=True):
        middle = frame.to_ndarray(format="bgr24")[24, 32]
        assert np.abs(middle.astype(int) - colour).max() < 25


def test_a_video_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        write_y4m(tmp_path / "empty.y4m", [], 10)
