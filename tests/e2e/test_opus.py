"""What a real browser's Opus encoder makes of sound keeps its time and what is said in it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Playwright

from app.intake.batch import SoundPart
from app.intake.sounds import read_sound
from detectors.opus import to_pcm
from tests.e2e.people import browser
from tests.live_server import live_server

pytestmark = [pytest.mark.alone, pytest.mark.browser, pytest.mark.slow]

RATE = 16_000
SECONDS = 4
START_MS = 1_000_000.0
_CODE = """async ({pcm, startMs, failAfter}) => {
  const {findEncoder, SoundCoder} = await import("/static/js/capture/sound.js");
  const {Outbox} = await import("/static/js/capture/outbox.js");
  const make = await findEncoder();
  const bytes = Uint8Array.from(atob(pcm), (each) => each.charCodeAt(0));
  const outbox = new Outbox();
  const coder = new SoundCoder((part) => outbox.addSound(part));
  if (make) coder.use(make);
  const parts = [];
  const cut = () => {
    const {header, body} = outbox.cut(0, {});
    let at = 0;
    for (const part of header.audio) {
      const data = String.fromCharCode(...body.subarray(at, at + part.size));
      parts.push({...part, data: btoa(data)});
      at += part.size;
    }
  };
  for (let at = 0; at < bytes.length; at += 3200) {
    coder.take({t: startMs + at / 32, bytes: bytes.slice(at, at + 3200)});
    if (at / 3200 === failAfter) coder.encoder.close();
    await new Promise((done) => setTimeout(done, 20));
    if (at / 3200 % 10 === 9) cut();
  }
  coder.finish();
  cut();
  return {isCoded: Boolean(make), failures: coder.failures, parts};
}"""


@pytest.fixture(scope="module")
def opus_page(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with live_server(tmp_path_factory.mktemp("server")) as server, browser(playwright) as opened:
        page = opened.new_page()
        page.goto(server.url)
        yield page


def _chirps() -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """Sweeps of which each moment is unlike every other."""
    at_s = np.arange(SECONDS * RATE) / RATE
    sound = 0.4 * np.sin(2 * np.pi * (300 * at_s + 250 * at_s**2)) * (0.6 + 0.4 * np.cos(9 * at_s))
    return np.asarray(np.round(sound * 32767), np.int16)


def _code(page: Page, sound: np.ndarray[Any, Any], fail_after: int) -> dict[str, Any]:
    pcm = base64.b64encode(sound.astype("<i2").tobytes()).decode()
    argument = {"pcm": pcm, "startMs": START_MS, "failAfter": fail_after}
    return dict(page.evaluate(_CODE, argument))


@pytest.mark.parametrize("fail_after", [-1, 17], ids=["whole", "fails"])
def test_coded_sound_stands_where_it_was_heard_and_none_is_missing(
    opus_page: Page, fail_after: int
) -> None:
    sound = _chirps()
    coded = _code(opus_page, sound, fail_after)
    assert coded["isCoded"]
    assert coded["failures"] == (fail_after >= 0)
    codecs = [part.get("codec", "pcm") for part in coded["parts"]]
    assert codecs[0] == "opus"
    assert codecs[-1] == "pcm"
    laid = np.zeros(sound.size + RATE, np.float64)
    end_s = None
    for index, part in enumerate(coded["parts"]):
        data = base64.b64decode(part["data"])
        read = read_sound(
            SoundPart(index, part["t"], data, part.get("codec", "pcm"), part.get("lead", 0))
        )
        at_s = (part["t"] - START_MS) / 1000
        if end_s is not None:
            # An encoder that begins anew after a failure repeats what its delay would hide.
            repeated_s = 0.0066 if fail_after >= 0 else 0.0001
            assert end_s - repeated_s <= at_s <= end_s + 0.0001
        end_s = at_s + read.span_s
        samples = np.frombuffer(to_pcm(read).pcm, "<i2").astype(np.float64)
        first = round(at_s * RATE)
        samples, first = (samples[-first:], 0) if first < 0 else (samples, first)
        laid[first : first + samples.size] = samples
    assert end_s == pytest.approx(SECONDS, abs=0.0001)
    for second in range(SECONDS):
        there = slice(second * RATE + 800, (second + 1) * RATE - 800)
        wanted = sound[there].astype(np.float64)
        shifts = range(-40, 41)
        score = [float(np.dot(laid[there.start + d : there.stop + d], wanted)) for d in shifts]
        best = shifts[int(np.argmax(score))]
        assert abs(best) <= 4, f"second {second} is off by {best} samples"
        got = laid[there.start + best : there.stop + best]
        assert np.corrcoef(got, wanted)[0, 1] > 0.9
