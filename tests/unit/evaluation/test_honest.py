"""The honest session is what it says it is, and the product finds nothing in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.media import media_dir, models_dir, requires_media, requires_models
from tools.evaluation.honest import (
    FPS,
    GLANCE_EVERY_S,
    LAMP_OFF_S,
    Source,
    judge_session,
    pictures,
    sound,
    sources,
)
from tools.evaluation.manifest import Item, Manifest, Segment, load_manifest
from tools.evaluation.media import SAMPLE_RATE, decode
from tools.evaluation.product import Product

SIDE = Item("side.mp4", "video", faces=1, segments=(Segment(10, 20, "image-left"),))
BLINK = Item("blink.mp4", "video", faces=1, segments=(Segment(4, 6, "blink"),))
CALM = Item("calm.mp4", "video", faces=1, gaze="center")
TWO = Item("two.mp4", "video", faces=2)


def _manifest(*items: Item) -> Manifest:
    return Manifest(Path("nowhere"), items, ())


def _plain(value: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((48, 64, 3), value, np.uint8)


def test_one_person_who_glances_and_one_who_blinks_are_taken() -> None:
    assert sources(_manifest(TWO, CALM, BLINK, SIDE)) == [SIDE, BLINK]
    assert sources(_manifest(TWO, CALM)) == [CALM]
    assert sources(_manifest(TWO)) == []


def test_the_pictures_hold_glances_and_a_lamp_that_goes_off_and_on() -> None:
    source = Source(SIDE, 25.0, (_plain(120), _plain(121)), (_plain(200),))
    shown = [(at_s, float(decode(jpeg).mean())) for at_s, jpeg in pictures(source, 100)]
    assert len(shown) == 100 * FPS
    light = dict(shown)
    assert light[5.0] == pytest.approx(120, abs=4)
    assert light[2 * GLANCE_EVERY_S] == pytest.approx(200, abs=4)
    assert light[2 * GLANCE_EVERY_S + 3] == pytest.approx(120, abs=4)
    dark = [at_s for at_s, mean in shown if mean < 40]
    assert (min(dark), max(dark)) == (50.0, 50.0 + LAMP_OFF_S - 1 / FPS)


def test_the_sound_is_a_quiet_room_with_something_heard_in_it() -> None:
    heard = sound(_manifest(), 100)
    level = np.sqrt((heard.reshape(100, SAMPLE_RATE) ** 2).mean(axis=1))
    assert np.median(level) < 0.001
    assert {10, 15, 70} <= set(np.flatnonzero(level > 0.005).tolist())
    assert {25, 40, 85} <= set(np.flatnonzero(level > 0.02).tolist())


@requires_media
@requires_models
@pytest.mark.media
@pytest.mark.slow
def test_a_short_honest_session_raises_no_flag_and_scores_nothing() -> None:
    folder, models = media_dir(), models_dir()
    assert folder is not None
    assert models is not None
    manifest = load_manifest(folder)
    product = Product(models)
    for item in sources(manifest)[:1]:
        judged, told = judge_session(product, manifest, item, 60, lambda _: None)
        assert [each.verdict for each in judged] == ["no flag", "no flag"]
        assert told["points"] == {}
