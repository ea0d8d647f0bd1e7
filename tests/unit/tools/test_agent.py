"""The agent's parts without a server: what it captures, keeps and says."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.intake.batch import parse_batch
from app.intake.jpeg import inspect_jpeg
from tools.agent.__main__ import main, planned_event
from tools.agent.pictures import FilePictures, SourceError, encode_jpeg, open_pictures
from tools.agent.sounds import RATE, LoopedSounds, open_sounds, read_sound
from tools.agent.spool import Batch, Spool


def _write_video(path: Path, shades: list[int], fps: float = 10.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    for shade in shades:
        writer.write(np.full((48, 64, 3), shade, np.uint8))
    writer.release()
    return path


def _write_wav(path: Path, seconds: float, rate: int = 48_000) -> Path:
    import wave

    tone = np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * 440 / rate) * 12_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(tone.astype("<i2").tobytes())
    return path


def test_a_video_file_plays_at_its_own_speed_and_starts_again(tmp_path: Path) -> None:
    video = FilePictures(_write_video(tmp_path / "v.avi", [20, 60, 100, 140, 180, 220]))
    shades = [round(float(np.mean(video.at(at_s)))) for at_s in (0.0, 0.25, 0.5, 0.6, 0.95, 1.25)]  # type: ignore[arg-type]
    video.close()
    assert shades == pytest.approx([20, 100, 220, 20, 140, 20], abs=4)


def test_a_still_picture_serves_as_a_camera(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "still.png"), np.full((30, 40, 3), 90, np.uint8))
    pictures = open_pictures(None, tmp_path / "still.png")
    assert pictures is not None
    assert pictures.at(0.0) is not None
    assert pictures.at(1000.0) is not None


@pytest.mark.parametrize("content", [b"", b"this is no video"])
def test_a_file_that_is_no_video_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"broken\.mp4"):
        open_pictures(None, path)


def test_a_wide_picture_is_cut_to_shape_and_not_squeezed() -> None:
    wide = np.zeros((100, 400, 3), np.uint8)
    wide[:, 100:300] = 255
    jpeg = encode_jpeg(wide, 640, 480, 0.8)
    info = inspect_jpeg(jpeg)
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert (info.width, info.height) == (640, 480)
    assert decoded is not None
    assert float(decoded.min()) > 200


def test_quality_is_a_share_or_a_percentage() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    assert encode_jpeg(noise, 64, 48, 80) == encode_jpeg(noise, 64, 48, 0.8)


def test_sound_of_any_rate_becomes_16_khz(tmp_path: Path) -> None:
    pcm = read_sound(_write_wav(tmp_path / "tone.wav", 1.5))
    assert len(pcm) / 2 / RATE == pytest.approx(1.5, abs=0.02)


def test_a_sound_file_is_heard_in_real_time_without_gaps() -> None:
    pcm = np.arange(1000, dtype="<i2").tobytes()
    sounds = LoopedSounds(pcm)
    heard = b"".join(sounds.until(at_s) for at_s in (0.01, 0.013, 0.1, 0.1, 0.25))
    assert heard == pcm * 4


def test_a_file_without_sound_is_named(tmp_path: Path) -> None:
    video = _write_video(tmp_path / "mute.avi", [10, 20])
    with pytest.raises(SourceError, match=r"mute\.avi holds no sound"):
        open_sounds(None, video)


def test_a_batch_is_what_the_server_takes() -> None:
    jpeg = encode_jpeg(np.zeros((48, 64, 3), np.uint8), 64, 48, 0.7)
    event = {"id": "a-1", "kind": "paste", "t": 12.0}
    batch = Batch(3, ((10.0, jpeg),), ((11.0, b"\0\0" * 160),), (event,), {"camera": True})
    parsed = parse_batch(*batch.message(20.0))
    assert (parsed.seq, parsed.sent_ms) == (3, 20.0)
    assert [part.data for part in parsed.frames] == [jpeg]
    assert [len(part.data) for part in parsed.sounds] == [320]
    assert parsed.events == (event,)
    assert parsed.state.camera is True


def test_a_full_spool_drops_the_oldest_pictures_and_no_event() -> None:
    spool = Spool(2)
    for number in range(5):
        event = {"id": str(number)}
        spool.add(Batch(frames=((float(number), b"x"),), events=(event,) if number < 3 else ()))
    oldest = spool.oldest(0)
    assert oldest is not None
    assert (oldest.seq, spool.dropped) == (3, 3)
    assert [event["id"] for event in oldest.events] == ["0", "1", "2"]


def test_an_acknowledged_batch_leaves_the_spool() -> None:
    spool = Spool(10)
    spool.add(Batch())
    spool.add(Batch())
    spool.done(0)
    assert spool.oldest(0) == Batch(seq=1)
    spool.done(1)
    assert spool.oldest(0) is None
    assert spool.is_empty_within(0)


def test_a_session_that_was_sent_to_before_is_counted_on() -> None:
    spool = Spool(10)
    spool.count_from(7)
    spool.add(Batch())
    assert spool.oldest(0) == Batch(seq=7)


def test_a_planned_event_names_its_kind_and_second() -> None:
    event = planned_event("paste@20")
    assert (event.kind, event.at_s) == ("paste", 20.0)


@pytest.mark.parametrize("text", ["paste", "paste@", "nonsense@3", "@3"])
def test_a_wrong_planned_event_is_explained(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="KIND@SECOND"):
        planned_event(text)


def test_a_missing_file_stops_the_agent_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing.mp4"
    arguments = ["--server", "http://127.0.0.1:9", "--token", "t", "--video", str(missing)]
    assert main(arguments) == 1
    assert "There is no file" in capsys.readouterr().err
