"""REST: what is asked and what is answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.records import ClipStatus, EndCause, Snapshot
from tests.records import NOON, a_clip, a_violation, an_interval
from tests.unit.app.test_ids import HOSTILE
from tests.unit.web.conftest import Web, build_web, json_of

CLIP = "ann/flagged_2026-03-02T12-00-00_score10.mp4"
STILL = "ann/flagged_2026-03-02T12-00-00_score10_screens/001.jpg"
SNAPSHOT = "ann/flagged_2026-03-02T12-00-00_score10_snapshots/no_face-3250.jpg"


def test_create_answers_the_session_a_token_and_a_link(web: Web) -> None:
    answer = web.integrator.post("/api/session/create", {"user_id": "ann", "exam_id": "math"})
    body = answer.json
    assert body["success"] is True
    assert (body["user_id"], body["exam_id"]) == ("ann", "math")
    assert web.services.tokens.session_id(body["token"]) == body["session_id"]
    link = urlsplit(body["join_url"])
    assert (link.path, link.query, link.fragment) == ("/", "", f"token={body['token']}")
    assert answer.headers["Cache-Control"] == "no-store"


def test_create_again_returns_the_same_session_with_a_fresh_token(web: Web) -> None:
    first = web.create()
    web.clock.advance(60)
    again = web.create()
    assert again["session_id"] == first["session_id"]
    assert again["created"] is False
    assert again["token"] != first["token"]


def test_the_link_leads_to_the_public_address(tmp_path: Path) -> None:
    web = build_web(tmp_path, PROCTOR_PUBLIC_URL="https://exam.example/proctor/")
    assert web.create()["join_url"].startswith("https://exam.example/proctor/#token=")
    web.services.repository.close()


def test_the_exam_may_be_left_out(web: Web) -> None:
    body = web.integrator.post("/api/session/create", {"user_id": "ann"}).json
    assert body["exam_id"] == "default"
    ended = web.integrator.post("/api/session/end", {"user_id": "ann"})
    assert ended.json["session_id"] == body["session_id"]


@pytest.mark.parametrize("value", [v for v in HOSTILE if v is not None], ids=repr)
@pytest.mark.parametrize("name", ["user_id", "exam_id"])
def test_a_hostile_id_is_refused_with_a_reason(web: Web, name: str, value: object) -> None:
    body = {"user_id": "ann", "exam_id": "math", name: value}
    answer = web.integrator.post("/api/session/create", body)
    assert answer.status_code == 400
    assert json_of(answer)["error"]["code"] == "invalid_input"
    assert json_of(answer)["error"]["message"]
    assert web.services.repository.sessions() == ()


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe", b"{}", b"[" * 200_000, b'{"user_id": 1}'],
    ids=lambda data: data[:12].decode("latin-1"),
)
def test_a_malformed_body_is_refused(web: Web, data: bytes) -> None:
    answer = web.integrator.post("/api/session/create", data=data)
    assert answer.status_code == 400
    assert json_of(answer)["error"]["code"] == "invalid_input"


def test_a_body_over_one_megabyte_is_refused(web: Web) -> None:
    answer = web.integrator.post("/api/session/create", {"user_id": "x" * 1_100_000})
    assert (answer.status_code, json_of(answer)["error"]["code"]) == (413, "too_large")


def test_end_keeps_who_ended(web: Web) -> None:
    created = web.create()
    answer = web.integrator.post("/api/session/end", {"user_id": "ann", "exam_id": "math"})
    assert answer.json["end_cause"] == "integrator"
    stored = web.services.sessions.get(created["session_id"])
    assert stored.end_cause is EndCause.INTEGRATOR
    again = web.integrator.post("/api/session/end", {"user_id": "ann", "exam_id": "math"})
    assert (again.status_code, again.json["error"]["code"]) == (404, "not_found")


def test_end_takes_the_sessions_id_as_well_and_is_repeatable(web: Web) -> None:
    session_id = web.create()["session_id"]
    for _ in range(2):
        answer = web.integrator.post("/api/session/end", {"session_id": session_id})
        assert (answer.status_code, answer.json["end_cause"]) == (200, "integrator")
    assert web.integrator.post("/api/session/end", {"session_id": "a/b"}).status_code == 404
    assert web.integrator.post("/api/session/end", {}).status_code == 400


def test_active_lists_what_has_not_ended(web: Web) -> None:
    ann, bob, cy = (web.create(name) for name in ("ann", "bob", "cy"))
    web.services.sessions.start(bob["session_id"])
    web.services.sessions.end(cy["session_id"], EndCause.PROCTOR)
    body = web.integrator.get("/api/sessions/active").json
    assert body["count"] == 2
    rows = {row["user_id"]: row for row in body["sessions"]}
    assert rows.keys() == {"ann", "bob"}
    assert rows["ann"]["session_id"] == ann["session_id"]
    assert (rows["ann"]["is_running"], rows["bob"]["is_running"]) == (False, True)
    wanted = {"user_id", "exam_id", "session_id", "interval_score", "total_score", "is_running"}
    assert wanted <= rows["ann"].keys()


def test_stats_count(web: Web) -> None:
    ann = web.create("ann")
    bob = web.create("bob")
    web.services.repository.update_session(ann["session_id"], flagged_intervals=1)
    web.services.repository.save_interval(an_interval(ann["session_id"], score=10))
    web.services.sessions.end(bob["session_id"], EndCause.PROCTOR)
    body = web.integrator.get("/api/sessions/stats").json
    assert body == {
        "success": True,
        "total_sessions": 2,
        "active_sessions": 1,
        "flagged_intervals": 1,
        "high_risk": 1,
    }


def test_details_tell_violations_intervals_clips_and_coverage(web: Web) -> None:
    session_id = web.create()["session_id"]
    repository = web.services.repository
    repository.save_violation(a_violation(session_id))
    repository.save_interval(an_interval(session_id, score=10))
    repository.save_clip(a_clip("c1", session_id))
    repository.save_clip(a_clip("c2", session_id, ClipStatus.READY, CLIP))
    repository.update_session(session_id, coverage={"face": 0.9})
    body = web.integrator.get(f"/api/session/{session_id}/details").json
    assert body["session"]["session_id"] == session_id
    assert body["coverage"] == {"face": 0.9}
    assert body["violations"][0]["rule"] == "no_face"
    (interval,) = body["intervals"]
    assert interval["is_flagged"]
    assert interval["points"][0]["points"] == 9
    clips = {clip["clip_id"]: clip for clip in body["clips"]}
    assert clips["c1"]["url"] == ""
    assert clips["c2"]["url"].startswith("/api/media/c2/clip.mp4?")


def test_details_of_nothing_are_not_found(web: Web) -> None:
    for session_id in ("no", "..", "%00", "x" * 2000, "😀"):
        answer = web.integrator.get(f"/api/session/{session_id}/details")
        assert answer.status_code == 404
        assert json_of(answer)["success"] is False


def test_flagged_lists_newest_first_and_video_tells_one(web: Web) -> None:
    repository = web.services.repository
    repository.save_clip(a_clip("c1"))
    repository.save_clip(a_clip("c2", flagged_at=NOON + timedelta(seconds=30)))
    body = web.integrator.get("/api/flagged/all").json
    assert [clip["clip_id"] for clip in body["flagged"]] == ["c2", "c1"]
    assert body["count"] == 2
    assert web.integrator.get("/api/video/c1").json["video"]["clip_id"] == "c1"
    assert web.integrator.get("/api/video/none").status_code == 404


@pytest.fixture
def stored(web: Web) -> bytes:
    """A ready clip with a still, a clip that is not ready, and files nobody stored."""
    folder = web.services.settings.clips_path / "ann"
    folder.mkdir(parents=True)
    content = bytes(range(256)) * 8
    (folder.parent / CLIP).write_bytes(content)
    for picture in (STILL, SNAPSHOT):
        (folder.parent / picture).parent.mkdir()
        (folder.parent / picture).write_bytes(b"\xff\xd8still")
    (folder / "waiting.mp4").write_bytes(b"half")
    (folder / "unknown.mp4").write_bytes(b"nobody's")
    (folder.parent.parent / "secret.mp4").write_bytes(b"outside")
    repository = web.services.repository
    snapshot = Snapshot("no_face-3250", "no_face", NOON, 5.0, 5.0, SNAPSHOT)
    clip = a_clip("c1", "s1", ClipStatus.READY, CLIP, screens=(STILL, "ann/evil.py"))
    repository.save_clip(replace(clip, snapshots=(snapshot,)))
    repository.save_clip(a_clip("c2", "s1", ClipStatus.WRITING, "ann/waiting.mp4"))
    repository.save_clip(a_clip("c3", "s1", ClipStatus.READY, "../secret.mp4"))
    (folder / "evil.py").write_text("print()")
    return content


def test_a_clip_is_sent_whole_or_in_parts(web: Web, stored: bytes) -> None:
    whole = web.integrator.get(f"/api/video/file/{CLIP}")
    assert (whole.status_code, whole.mimetype, whole.data) == (200, "video/mp4", stored)
    assert whole.headers["Cache-Control"] == "private, no-store"
    assert whole.headers["Accept-Ranges"] == "bytes"
    part = web.integrator.get(f"/api/video/file/{CLIP}", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, stored[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(stored)}"
    beyond = web.integrator.get(f"/api/video/file/{CLIP}", headers={"Range": "bytes=999999-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize("path", [STILL, SNAPSHOT])
def test_a_still_and_a_snapshot_are_sent_as_pictures(web: Web, stored: bytes, path: str) -> None:
    still = web.staff().get(f"/api/video/file/{path}")
    assert (still.status_code, still.mimetype) == (200, "image/jpeg")


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%252f..%252fetc%252fpasswd",
        "..%5c..%5cetc%5cpasswd",
        "....//....//etc/passwd",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "ann/../../secret.mp4",
        "../secret.mp4",
        "ann/..%2f..%2fsecret.mp4",
        "ann/%00.mp4",
        f"{CLIP}%00.jpg",
        f"./{CLIP}",
        f"ann//{CLIP[4:]}",
        "ann/unknown.mp4",
        "ann/waiting.mp4",
        "ann/evil.py",
        "ann/",
        "ann",
        "..%c0%af..%c0%afetc/passwd",
        "%ef%bc%8e%ef%bc%8e/etc/passwd",
        "😀.mp4",
        "x" * 3000,
    ],
)
def test_every_other_path_is_404(web: Web, stored: bytes, path: str) -> None:
    answer = web.integrator.get(f"/api/video/file/{path}")
    assert answer.status_code == 404
    assert b"root:" not in answer.data


def test_a_symlink_out_of_the_folder_is_not_followed(web: Web, stored: bytes) -> None:
    folder = web.services.settings.clips_path
    (folder / "ann" / "link.mp4").symlink_to(folder.parent / "secret.mp4")
    clip = replace(a_clip("c9", status=ClipStatus.READY), file_name="ann/link.mp4")
    web.services.repository.save_clip(clip)
    assert web.integrator.get("/api/video/file/ann/link.mp4").status_code == 404


def test_a_clip_whose_file_is_gone_is_404(web: Web, stored: bytes) -> None:
    (web.services.settings.clips_path / CLIP).unlink()
    assert web.integrator.get(f"/api/video/file/{CLIP}").status_code == 404


def test_the_machine_tells_detectors_counters_and_store(web: Web) -> None:
    body = web.integrator.get("/api/machine").json
    assert [(d["detector"], d["is_on"]) for d in body["detectors"]] == [
        ("face", True),
        ("objects", False),
    ]
    assert body["detectors"][1]["remedy"]
    assert body["counters"] == {
        "ingest_batches": 3,
        "worker_restarts": 1,
        "monitor_waiting": 0,
        "web_requests_refused": 0,
        "load_rung": 0,
        "load_moves": 0,
    }
    assert (body["load"]["rung"], body["load"]["holds"]) == ("whole", None)
    assert "not measured yet" in body["load"]["says"]
    assert body["store"] == {"engine": "neosqlite", "ok": True}


def test_health_is_open_and_honest(web: Web) -> None:
    assert web.anyone.get("/healthz").json == {"success": True, "status": "ok"}
    web.services.repository.close()
    answer = web.anyone.get("/healthz")
    assert (answer.status_code, json_of(answer)["error"]["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/api//sessions/active", 404),
        ("DELETE", "/api/sessions/active", 405),
        ("PUT", "/api/session/create", 405),
        ("GET", "/api/session/create", 405),
    ],
)
def test_what_is_not_there_is_refused_as_json(
    web: Web, method: str, path: str, status: int
) -> None:
    answer = web.anyone.open(path, method=method)
    assert answer.status_code == status
    assert json_of(answer)["success"] is False


def test_a_broken_request_is_a_500_that_tells_nothing(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks() -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(web.services.sessions, "stats", breaks)
    answer = web.integrator.get("/api/sessions/stats")
    assert (answer.status_code, json_of(answer)["error"]["code"]) == (500, "error")
    assert "secret of the inside" not in answer.get_data(as_text=True)
