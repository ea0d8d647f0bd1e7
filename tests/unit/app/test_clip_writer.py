"""The clip of a flagged interval: true times, every picture, sound, and nothing half done."""

from __future__ import annotations

import json
import math
import shutil
import struct
import subprocess
from pathlib import Path

import av
import pytest

from app.evidence.clip_writer import (
    SAMPLE_RATE,
    ClipFacts,
    encode_clip,
    lay_sound,
    plan_shots,
)
from app.evidence.ring import Evidence
from detectors.messages import Frame, Sound
from tests.pictures import draw_jpeg, read_number


def write_clip(path: Path, evidence: Evidence, from_s: float, to_s: float) -> ClipFacts:
    data, facts = encode_clip(evidence, from_s, to_s)
    path.write_bytes(data)
    return facts


def tone(at_s: float, seconds: float, hz: float = 440.0) -> Sound:
    samples = (
        int(12_000 * math.sin(2 * math.pi * hz * (at_s + i / SAMPLE_RATE)))
        for i in range(int(seconds * SAMPLE_RATE))
    )
    return Sound(at_s, b"".join(struct.pack("<h", value) for value in samples))


def evidence(frames: list[Frame], sounds: list[Sound] | None = None) -> Evidence:
    return Evidence(frames=tuple(frames), sounds=tuple(sounds or ()), screens=())


def shown(path: Path) -> list[tuple[float, int | None]]:
    """When each picture of a clip begins, and the number drawn in it."""
    with av.open(str(path)) as container:
        return [(float(f.time or 0), read_number(f)) for f in container.decode(video=0)]


def levels(path: Path) -> list[float]:
    """Loudness (mean absolute sample, 0 to 1) of each tenth of a second."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        raw = b"".join(
            bytes(out.planes[0])[: out.samples * 2]
            for frame in container.decode(audio=0)
            for out in resampler.resample(frame)
        )
    values = struct.unpack(f"<{len(raw) // 2}h", raw)
    step = SAMPLE_RATE // 10
    return [
        sum(abs(v) for v in values[i : i + step]) / step / 32768
        for i in range(0, len(values) - step, step)
    ]


def test_a_clip_shows_every_picture_at_the_moment_it_was_captured(tmp_path: Path) -> None:
    times = [100.0, 100.21, 100.4, 100.57, 101.9, 102.0, 103.3]
    frames = [Frame(at, draw_jpeg(index + 1)) for index, at in enumerate(times)]
    path = tmp_path / "clip.mp4"
    facts = write_clip(path, evidence(frames), 100.0, 104.0)
    first_seen: dict[int | None, float] = {}
    for at, number in shown(path):
        first_seen.setdefault(number, at)
    assert list(first_seen) == [1, 2, 3, 4, 5, 6, 7]
    for index, at in enumerate(times):
        assert first_seen[index + 1] == pytest.approx(at - 100.0, abs=0.002)
    assert facts.frames == 7
    assert facts.size_bytes == path.stat().st_size
    assert not facts.has_sound


def test_the_triggering_picture_is_found_at_its_second(tmp_path: Path) -> None:
    frames = [Frame(i / 5, draw_jpeg(i)) for i in range(200)]
    path = tmp_path / "clip.mp4"
    write_clip(path, evidence(frames), 0.0, 40.0)
    found = {number: at for at, number in reversed(shown(path))}
    assert found[137] == pytest.approx(27.4, abs=0.002)
    assert set(range(200)) <= set(found)


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("frames from start to end", [i / 5 for i in range(200)]),
        ("a camera that came late", [i / 5 for i in range(100, 200)]),
        ("a camera that stopped early", [i / 5 for i in range(60)]),
        ("a hole in the middle", [*(i / 5 for i in range(50)), *(i / 5 for i in range(150, 200))]),
        ("one frame a second", [float(i) for i in range(40)]),
        ("a single frame", [17.3]),
        ("no frame at all", []),
    ],
)
def test_a_clip_lasts_as_long_as_the_time_it_covers(
    tmp_path: Path, name: str, times: list[float]
) -> None:
    path = tmp_path / "clip.mp4"
    jpeg = draw_jpeg(5)
    facts = write_clip(path, evidence([Frame(at, jpeg) for at in times]), 0.0, 40.0)
    assert facts.duration_s == pytest.approx(40.0, abs=0.1), name
    assert facts.frames == len(times)
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        assert video.duration is not None
        assert video.time_base is not None
        assert float(video.duration * video.time_base) == pytest.approx(40.0, abs=0.1)


def test_a_clip_without_pictures_is_grey_and_keeps_its_sound(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    facts = write_clip(path, evidence([], [tone(2.0, 1.0)]), 0.0, 5.0)
    assert facts.has_sound
    assert facts.frames == 0
    assert {number for _, number in shown(path)} == {None}


def test_time_before_a_late_camera_is_grey(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, evidence([Frame(5.0 + i / 5, draw_jpeg(9)) for i in range(10)]), 0.0, 8.0)
    pictures = shown(path)
    assert {number for at, number in pictures if at < 4.99} == {None}
    assert {number for at, number in pictures if at > 4.99} == {9}


def test_sound_stands_at_its_second_with_silence_in_the_gaps(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    frames = [Frame(50 + i / 5, draw_jpeg(1)) for i in range(50)]
    facts = write_clip(path, evidence(frames, [tone(52.0, 1.0), tone(57.0, 2.0)]), 50.0, 60.0)
    assert facts.has_sound
    loud = levels(path)
    for tenth, level in enumerate(loud):
        at = tenth / 10
        if 2.1 <= at <= 2.8 or 7.1 <= at <= 8.8:
            assert level > 0.1, at
        if at < 1.8 or 3.2 < at < 6.8 or at > 9.2:
            assert level < 0.01, at


def test_sound_that_trembles_by_milliseconds_is_laid_without_clicks() -> None:
    sounds = [Sound(0.0, b"\x01\x00" * 16_000), Sound(1.004, b"\x02\x00" * 16_000)]
    laid = lay_sound(sounds, 0.0, 3000)
    assert laid[:64_000] == b"\x01\x00" * 16_000 + b"\x02\x00" * 16_000
    assert laid[64_000:] == bytes(32_000)


def test_sound_outside_the_span_is_cut_to_the_sample() -> None:
    laid = lay_sound([Sound(-0.5, b"\x01\x00" * 32_000)], 0.0, 1000)
    assert laid == b"\x01\x00" * 16_000


def test_pictures_of_other_sizes_are_scaled_to_the_first(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    sizes = [(321, 241), (640, 480), (100, 50), (321, 241)]
    frames = [Frame(i / 2, draw_jpeg(i + 1, w, h)) for i, (w, h) in enumerate(sizes)]
    write_clip(path, evidence(frames), 0.0, 2.0)
    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))
    assert {(f.width, f.height) for f in decoded} == {(320, 240)}
    assert [read_number(f) for f in decoded] == [1, 2, 3, 4]


def test_a_huge_picture_is_written_at_most_1280_wide(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, evidence([Frame(0.0, draw_jpeg(3, 2560, 1440))]), 0.0, 1.0)
    with av.open(str(path)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (1280, 720)


def test_a_broken_picture_holds_the_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    frames = [
        Frame(0.0, b"\xff\xd8\xff\xd9"),
        Frame(0.2, draw_jpeg(1)),
        Frame(0.4, b""),
        Frame(0.6, b"not a picture"),
        Frame(0.8, draw_jpeg(2)),
    ]
    facts = write_clip(path, evidence(frames), 0.0, 1.0)
    assert facts.frames == 2
    assert [number for _, number in shown(path)] == [None, 1, 1, 1, 2]


def test_frames_at_the_same_instant_are_all_kept_in_order() -> None:
    shots = plan_shots([Frame(1.0, b"a"), Frame(1.0, b"b"), Frame(1.0, b"c")], 1.0, 1000)
    assert [(shot.start_ms, shot.jpeg) for shot in shots] == [(0, b"a"), (1, b"b"), (2, b"c")]
    assert sum(shot.span_ms for shot in shots) == 1000


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
def test_ffprobe_reads_a_clip_as_h264_and_aac(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    frames = [Frame(i / 5, draw_jpeg(i)) for i in range(50)]
    write_clip(path, evidence(frames, [tone(0.0, 10.0)]), 0.0, 10.0)
    probed = subprocess.run(
        ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert probed.stderr == ""
    facts = json.loads(probed.stdout)
    assert [s["codec_name"] for s in facts["streams"]] == ["h264", "aac"]
    assert facts["streams"][0]["pix_fmt"] == "yuv420p"
    assert facts["streams"][1]["sample_rate"] == "16000"
    assert facts["streams"][1]["channels"] == 1
    assert float(facts["format"]["duration"]) == pytest.approx(10.0, abs=0.1)
    assert float(facts["streams"][0]["start_time"]) == 0.0


def test_the_index_stands_before_the_pictures_so_that_playing_starts_at_once(
    tmp_path: Path,
) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, evidence([Frame(0.0, draw_jpeg(1))]), 0.0, 1.0)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_an_empty_span_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="span"):
        write_clip(tmp_path / "clip.mp4", evidence([]), 3.0, 3.0)
