"""An encrypted clip plays and seeks in a real browser, and nobody else can read it."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright

from app.evidence.clip_files import Bundle, ClipFiles
from app.evidence.clip_writer import encode_clip
from app.evidence.ring import Evidence
from app.records import ClipStatus
from app.wiring import Services
from detectors.messages import Frame, Sound
from tests.e2e.people import browser
from tests.live_server import live_server
from tests.pictures import BITS, draw_jpeg
from tests.records import NOON, a_clip, a_session

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "correct-horse-battery"
NAME = "ann/flagged_2026-03-02T12-00-00_score10.mp4"
LENGTH_S = 40

# Plays from `at_s` on and answers the number that is drawn into the picture on show.
SHOWN_AT = """async ([url, at_s, bits]) => {
  const video = document.querySelector("video") || document.createElement("video");
  const heard = (name) => new Promise((done, failed) => {
    video.addEventListener(name, done, { once: true });
    video.addEventListener("error", () => failed(new Error(video.error.message)), { once: true });
  });
  if (!video.isConnected) {
    video.muted = true;
    const loaded = heard("loadeddata");
    video.src = url;
    document.body.append(video);
    await loaded;
  }
  const sought = heard("seeked");
  video.currentTime = at_s;
  await sought;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const pen = canvas.getContext("2d");
  pen.drawImage(video, 0, 0);
  const row = pen.getImageData(0, canvas.height / 2, canvas.width, 1).data;
  let number = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    const x = Math.floor(((2 * bit + 1) * canvas.width) / (2 * bits));
    number += (row[x * 4] > 120 ? 1 : 0) << bit;
  }
  return { number, duration: video.duration };
}"""

PART = """async ([url, from, to]) => {
  const answer = await fetch(url, { headers: { Range: `bytes=${from}-${to}` } });
  const bytes = Array.from(new Uint8Array(await answer.arrayBuffer()));
  return { status: answer.status, range: answer.headers.get("Content-Range"), bytes };
}"""


def store_clip(services: Services) -> bytes:
    """An encrypted clip whose picture at second n shows the number n * 5; its plain bytes."""
    frames = tuple(Frame(n / 5, draw_jpeg(n, 640, 480)) for n in range(LENGTH_S * 5))
    sound = Sound(0.0, os.urandom(LENGTH_S * 32_000))
    data, facts = encode_clip(Evidence(frames, (sound,)), 0.0, LENGTH_S)
    files = ClipFiles(services.media)
    bundle = Bundle("s1", NAME.removesuffix(".mp4"))
    files.add(bundle, "clip", NAME, data)
    files.write(bundle, "{}")
    services.repository.add_session(a_session("s1"))
    clip = a_clip("s1-0", "s1", ClipStatus.READY, NAME, flagged_at=NOON + timedelta(seconds=9))
    services.repository.save_clip(
        replace(clip, duration_s=facts.duration_s, size_bytes=facts.size_bytes)
    )
    return data


def signed_in(page: Page, url: str) -> None:
    page.goto(f"{url}/login")
    page.fill('input[name="username"]', "admin")
    page.fill('input[name="password"]', PASSWORD)
    page.press('input[name="password"]', "Enter")
    page.wait_for_url(lambda there: "/login" not in there)


def test_an_encrypted_clip_plays_and_seeks_in_a_browser(
    playwright: Playwright, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("k" * 64)
    settings: dict[str, Any] = {
        "PROCTOR_MEDIA_ENCRYPTION": "on",
        "PROCTOR_MASTER_KEY_FILE": str(tmp_path / "key"),
        "PROCTOR_ADMIN_PASSWORD": PASSWORD,
    }
    with live_server(tmp_path / "data", **settings) as server, browser(playwright) as opened:
        plain = store_clip(server.services)
        (stored,) = (tmp_path / "data").rglob("*.mp4.enc")
        assert len(stored.read_bytes()) > 3 * 65_536
        page = opened.new_page()
        signed_in(page, server.url)
        url = f"/api/video/file/{NAME}"
        for at_s in (33.1, 5.1, 20.1, 39.1, 0.1):
            shown = page.evaluate(SHOWN_AT, [url, at_s, BITS])
            assert shown["number"] == int(at_s * 5)
            assert shown["duration"] == pytest.approx(LENGTH_S, abs=0.1)
        part = page.evaluate(PART, [url, 130_000, 130_099])
        assert part["status"] == 206
        assert part["range"] == f"bytes 130000-130099/{len(plain)}"
        assert bytes(part["bytes"]) == plain[130_000:130_100]
        server.services.media.keys.forget_key("s1")
        assert page.evaluate(PART, [url, 0, 99])["status"] == 404
