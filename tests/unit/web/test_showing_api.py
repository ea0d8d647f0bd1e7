"""Documents and rooms shown at check-in: who may show and see, what is kept and how it goes."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.access.roles import PROCTOR
from app.audit.log import Search
from app.checkin.consent import find_picture_consent, picture_consent
from app.checkin.phone_links import CODE_SIGNS
from app.evidence.sealed import MARK
from app.intake.lanes import phone_lane
from app.records import EndCause
from app.web.factory import ROUTES
from detectors.messages import AnalysisResult, Box, Overlay
from scoring.model import Detector, Observation
from tests.scripted_media import scripted_jpeg
from tests.unit.web.conftest import Bearer, Web, build_web, page_token

PICTURE = scripted_jpeg(number=7)
OTHER = scripted_jpeg(number=9)
SETTINGS = {"PROCTOR_PUBLIC_URL": "https://exams.example.org"}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    built = build_web(tmp_path, **SETTINGS)
    built.services.pool.is_whole = True  # type: ignore[attr-defined]  # of the fake
    yield built
    built.services.repository.close()


def set_up(web: Web, **plan: Any) -> None:
    given = {"check_in": "proctor", "check_in_steps": ["document", "room"], **plan}
    answer = web.integrator.put("/api/exam/math", {"policy": "standard", "plan": given})
    assert answer.status_code == 200, answer.json


def arrive(web: Web, user: str = "ann") -> tuple[Bearer, str]:
    created = web.create(user)
    web.services.sessions.start(created["session_id"])
    return web.student(web.services.tokens.stream(created["session_id"])), created["session_id"]


def agreed(student: Bearer, kind: str = "document") -> str:
    return str(student.get(f"/api/my/check-in/consent/{kind}").json["version"])


def show(student: Bearer, jpeg: bytes = PICTURE, consent: str | None = None) -> Any:
    version = agreed(student) if consent is None else consent
    return student.put(f"/api/my/check-in/document?consent={version}", data=jpeg)


def act(student: Bearer, action: str, step: str = "", **more: Any) -> Any:
    return student.post("/api/my/check-in", {"action": action, "step": step, **more})


def offer(student: Bearer) -> Any:
    act(student, "begin", "room")
    return student.post("/api/my/check-in/phone")


def claim(web: Web, code: str) -> Any:
    browser = web.anyone
    headers = {"X-CSRFToken": page_token(browser, "/phone")}
    return browser.post("/portal/phone", json={"code": code}, headers=headers)


def join(web: Web, student: Bearer) -> Bearer:
    return web.student(claim(web, offer(student).json["code"]).json["token"])


def send(web: Web, phone: Bearer, session_id: str, *boxes: Box) -> int:
    """The phone sends a still and the detectors look at it."""
    web.clock.advance(1)
    answer = phone.post("/api/phone/still", data=PICTURE)
    assert answer.status_code == 200, answer.json
    lane = phone_lane(session_id)
    frame = web.services.pool.served[lane].take().frames[0]  # type: ignore[attr-defined]
    seen = Observation(Detector.OBJECTS, frame.at_s, tuple(b.label for b in boxes) or ("clear",))
    web.services._take_result(AnalysisResult(1, lane, (seen,), Overlay(frame.at_s, boxes)))
    return int(answer.json["still"])


BOOK = Box(0.1, 0.2, 0.3, 0.4, "book", 0.8)


# The document


def test_a_document_is_kept_with_the_words_that_were_agreed_to(web: Web) -> None:
    set_up(web)
    student, session_id = arrive(web)
    assert act(student, "done", "document").status_code == 409
    shown = show(student)
    assert shown.status_code == 200, shown.json
    assert shown.json["steps"][0] == {"step": "document", "state": "done"}
    staff = web.staff()
    told: Any = staff.get(f"/api/session/{session_id}/check-in").json
    (picture,) = told["pictures"]
    assert (picture["kind"], picture["width"], picture["height"]) == ("document", 640, 480)
    answer = staff.get(picture["url"])
    assert (answer.data, answer.mimetype) == (PICTURE, "image/jpeg")
    assert answer.headers["Cache-Control"] == "private, no-store"
    (record,) = web.services.repository.trail.shown.of_session(session_id)
    assert "for 90 days after its end" in record.consent_text
    looks = web.services.audit.search(Search(action="check_in_picture"), 10)
    assert [look.detail["picture"] for look in looks] == [picture["picture_id"]]
    assert looks[0].subject.startswith("student:p_")


def test_a_picture_taken_again_replaces_the_first_and_leaving_out_deletes_it(
    web: Web, tmp_path: Path
) -> None:
    set_up(web)
    student, session_id = arrive(web)
    show(student)
    show(student, OTHER)
    (record,) = web.services.repository.trail.shown.of_session(session_id)
    assert web.services.media.open(record.file_name).read() == OTHER
    assert len(list(tmp_path.rglob("*.jpg"))) == 1
    assert act(student, "skip", "document").json["steps"][0]["state"] == "skipped"
    assert list(tmp_path.rglob("*.jpg")) == []
    assert web.services.repository.trail.shown.of_session(session_id) == ()


@pytest.mark.parametrize("consent", ["", "document-00000000-en", "x" * 5000])
def test_without_consent_to_the_very_words_nothing_is_kept(
    web: Web, tmp_path: Path, consent: str
) -> None:
    set_up(web)
    student, _ = arrive(web)
    assert show(student, consent=consent).status_code == 403
    room = picture_consent("room", 90).version
    assert show(student, consent=room).status_code == 403
    assert list(tmp_path.rglob("*.jpg")) == []


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    at = jpeg.index(b"\xff\xc0")
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return jpeg[: at + 5] + size + jpeg[at + 9 :]


@pytest.mark.parametrize(
    ("jpeg", "status"),
    [
        (b"", 400),
        (b"<html><script>alert(1)</script>", 400),
        (PICTURE[:-2], 400),
        (with_size(PICTURE, 65_535, 65_535), 413),
        (b"\xff\xd8" + b"\xff" * 300_000 + b"\xff\xd9", 400),
        (PICTURE + bytes(900_000), 413),
        (bytes(2_000_000), 413),
    ],
)
def test_what_is_not_a_picture_as_it_is_taken_is_refused(
    web: Web, tmp_path: Path, jpeg: bytes, status: int
) -> None:
    set_up(web)
    student, session_id = arrive(web)
    assert show(student, jpeg).status_code == status
    phone = join(web, student)
    assert phone.post("/api/phone/still", data=jpeg).status_code == status
    assert web.services.showing.cameras.may_be_kept(session_id) == ()
    assert list(tmp_path.rglob("*.jpg")) == []


def test_after_admission_and_in_an_exam_without_the_step_nothing_is_taken(web: Web) -> None:
    set_up(web)
    student, session_id = arrive(web)
    version = agreed(student)
    web.services.checkins.admit(session_id, "pia")
    assert show(student, consent=version).status_code == 409
    assert student.post("/api/my/check-in/phone").status_code == 409
    set_up(web, check_in_steps=["face"])
    other, _ = arrive(web, "bob")
    assert show(other).status_code == 400
    assert other.post("/api/my/check-in/phone").status_code == 400


def test_without_a_camera_no_document_is_asked_for(web: Web) -> None:
    off = ["face", "gaze", "identity", "objects", "camera"]
    plan = {"check_in": "self", "check_in_steps": ["document", "room"]}
    body = {"policy": {"detectors_off": off}, "plan": plan}
    answer = web.integrator.put("/api/exam/math", body)
    assert answer.status_code == 200, answer.json
    student, _ = arrive(web)
    assert student.get("/api/my/check-in").json["steps"] == []


def test_a_practice_exam_takes_everything_in_and_keeps_nothing(web: Web, tmp_path: Path) -> None:
    set_up(web, is_practice=True, keeps_room_pictures=True)
    student, session_id = arrive(web)
    words = student.get("/api/my/check-in/consent/document").json
    assert not words["is_kept"]
    assert "practice" in words["paragraphs"][0]
    assert show(student).json["steps"][0]["state"] == "done"
    phone = join(web, student)
    send(web, phone, session_id, BOOK)
    done = act(student, "done", "room", consent=agreed(student, "room"))
    assert done.json["steps"][1]["state"] == "done"
    assert list(tmp_path.rglob("*.jpg")) == []
    assert web.services.repository.trail.shown.of_session(session_id) == ()


def test_pictures_are_encrypted_where_that_is_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    key = tmp_path_factory.mktemp("keys") / "master"
    key.write_text("0123456789abcdef" * 4)
    folder = tmp_path_factory.mktemp("installation")
    web = build_web(folder, PROCTOR_MEDIA_ENCRYPTION="true", PROCTOR_MASTER_KEY_FILE=str(key))
    set_up(web)
    student, session_id = arrive(web)
    assert show(student).status_code == 200
    (stored,) = folder.rglob("*.jpg.enc")
    assert stored.read_bytes().startswith(MARK)
    (picture,) = web.integrator.get(f"/api/session/{session_id}/check-in").json["pictures"]
    assert web.integrator.get(picture["url"]).data == PICTURE
    web.services.repository.close()


def test_pictures_are_in_the_export_and_go_with_the_session(web: Web, tmp_path: Path) -> None:
    set_up(web)
    student, session_id = arrive(web)
    show(student)
    bob, _ = arrive(web, "bob")
    show(bob, OTHER)
    file = io.BytesIO()
    web.services.privacy.exporter.write("ann", file)
    with zipfile.ZipFile(file) as archive:
        media = [name for name in archive.namelist() if name.startswith("media/")]
        assert [archive.read(name) for name in media] == [PICTURE]
        assert len(json.loads(archive.read("data.json"))["checkin_pictures"]) == 1
    web.services.sessions.end(session_id, EndCause.STUDENT)
    web.services.repository.update_session(session_id, seal="sealed")
    web.clock.advance(61)
    web.services.privacy.remover.erase("ann", "system")
    (left,) = tmp_path.rglob("*.jpg")
    assert left.read_bytes() == OTHER
    assert web.services.repository.trail.shown.of_session(session_id) == ()


def test_a_picture_is_seen_by_staff_of_the_exam_and_under_its_own_session_only(web: Web) -> None:
    set_up(web)
    student, session_id = arrive(web)
    show(student)
    _, other_id = arrive(web, "bob")
    path = f"/api/session/{session_id}/check-in"
    (picture,) = web.integrator.get(path).json["pictures"]
    assert student.get(path).status_code == 403
    assert student.get(picture["url"]).status_code == 403
    assert web.anyone.get(picture["url"]).status_code == 401
    elsewhere = picture["url"].replace(session_id, other_id)
    assert web.integrator.get(elsewhere).status_code == 404
    assert web.integrator.get(f"{path}/..%2f..%2fetc%2fpasswd").status_code == 404
    web.services.desk.add("art-proctor", "a-password", PROCTOR, ["art"])
    browser = web.anyone
    form = {"username": "art-proctor", "password": "a-password", "csrf_token": page_token(browser)}
    assert browser.post("/login", data=form).status_code == 303
    assert browser.get(picture["url"]).status_code == 403


# The phone


def test_a_phone_is_joined_by_the_link_and_shows_its_pictures_to_that_student_only(
    web: Web,
) -> None:
    set_up(web)
    student, session_id = arrive(web)
    bob, _ = arrive(web, "bob")
    offered = offer(student).json
    assert re.fullmatch(r"[2-9A-Z]+", offered["code"])
    assert len(offered["code"]) == CODE_SIGNS
    assert offered["link"] == f"https://exams.example.org/phone?l=en#{offered['code']}"
    assert offered["qr"]["path"].startswith("M4 4h1v1h-1z")
    assert student.get("/api/my/check-in").json["phone"]["state"] == "offered"
    phone = web.student(claim(web, offered["code"]).json["token"])
    assert claim(web, offered["code"]).status_code == 404
    number = send(web, phone, session_id, BOOK)
    told = student.get("/api/my/check-in").json
    assert (told["phone"]["state"], told["phone"]["still"]) == ("live", number)
    assert [box["label"] for box in told["phone"]["boxes"]] == ["book"]
    assert told["seen"] == ["book"]
    still = student.get(f"/api/my/check-in/phone/stills/{number}")
    assert (still.data, still.mimetype) == (PICTURE, "image/jpeg")
    assert bob.get(f"/api/my/check-in/phone/stills/{number}").status_code == 404
    for nonsense in ("0", "-1", "9" * 40, "\u0661", "x"):
        path = f"/api/my/check-in/phone/stills/{nonsense}"
        assert student.get(path).status_code == 404
    assert phone.get("/api/phone").json["boxes"] == told["phone"]["boxes"]


def test_a_phones_token_opens_no_other_door(web: Web) -> None:
    set_up(web)
    student, session_id = arrive(web)
    phone = join(web, student)
    for route in ROUTES:
        if not route.callers or route.is_page:
            continue
        path = route.path.replace("{session_id}", session_id)
        answer = phone.client.open(
            path, method=route.method, headers={"Authorization": f"Bearer {phone.secret}"}
        )
        is_own = route.callers == ("phone",)
        assert (answer.status_code == 401) is not is_own, route.name
    socketio = web.app.extensions["socketio"]
    socket = socketio.test_client(web.app, auth={"token": phone.secret})
    assert not socket.is_connected()


def test_a_students_token_a_key_or_a_code_is_no_phone(web: Web) -> None:
    set_up(web)
    student, _ = arrive(web)
    code = offer(student).json["code"]
    known, unknown = (student.secret, web.integrator.secret), (code, "x" * 5000)
    for secret in (*known, *unknown):
        other, refused = web.student(secret), 403 if secret in known else 401
        assert other.get("/api/phone").status_code == refused
        assert other.post("/api/phone/still", data=PICTURE).status_code == refused
    assert web.staff().post("/api/phone/still", data=PICTURE).status_code == 403


def test_the_claim_has_to_come_from_the_phones_page(web: Web) -> None:
    set_up(web)
    student, _ = arrive(web)
    code = offer(student).json["code"]
    assert web.anyone.post("/portal/phone", json={"code": code}).status_code == 403
    assert claim(web, code).status_code == 200


@pytest.mark.parametrize("end", ["done", "no_phone", "admit", "refuse", "ended", "other step"])
def test_the_link_dies_with_the_step(web: Web, end: str) -> None:
    set_up(web)
    student, session_id = arrive(web)
    phone = join(web, student)
    send(web, phone, session_id)
    checkins = web.services.checkins
    if end in ("done", "no_phone"):
        assert act(student, end, "room").status_code == 200
    elif end == "admit":
        checkins.admit(session_id, "pia")
    elif end == "refuse":
        checkins.refuse(session_id, "pia", "not today")
    elif end == "ended":
        web.services.sessions.end(session_id, EndCause.PROCTOR)
    else:
        act(student, "begin", "document")
    answer = phone.post("/api/phone/still", data=PICTURE)
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "phone_over")
    assert web.services.pool.served == {}  # type: ignore[attr-defined]


def test_another_phone_replaces_the_first(web: Web) -> None:
    set_up(web)
    student, session_id = arrive(web)
    first = join(web, student)
    send(web, first, session_id)
    second = join(web, student)
    answer = first.post("/api/phone/still", data=PICTURE)
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "phone_replaced")
    assert student.get("/api/my/check-in").json["phone"]["phones"] == 2
    assert send(web, second, session_id) == 1


def test_the_own_camera_does_not_name_the_phone_that_shows_the_room(web: Web) -> None:
    set_up(web)
    student, session_id = arrive(web)
    phone = join(web, student)
    overlay = Overlay(1.0, (Box(0, 0, 0.1, 0.1, "phone", 0.9),))
    web.services._take_result(AnalysisResult(1, session_id, (), overlay))
    assert student.get("/api/my/check-in").json["seen"] == []
    send(web, phone, session_id, BOOK)
    act(student, "done", "room")
    told = web.integrator.get(f"/api/session/{session_id}/check-in").json
    assert (told["seen"], told["stage"]) == (["book"], "checking")


@pytest.mark.parametrize(
    ("keeps", "agrees", "count"), [(True, True, 1), (True, False, 0), (False, True, 0)]
)
def test_pictures_of_the_room_are_kept_where_exam_and_student_agree(
    web: Web, tmp_path: Path, keeps: bool, agrees: bool, count: int
) -> None:
    set_up(web, keeps_room_pictures=keeps)
    student, session_id = arrive(web)
    phone = join(web, student)
    send(web, phone, session_id, BOOK)
    words = student.get("/api/my/check-in/consent/room").json
    assert words["is_kept"] is keeps
    done = act(student, "done", "room", consent=words["version"] if agrees else "")
    assert done.status_code == 200, done.json
    pictures = web.services.showing.pictures.of_session(session_id)
    assert [each.things for each in pictures] == [("book",)] * count
    assert len(list(tmp_path.rglob("*.jpg"))) == count
    assert act(student, "done", "room").status_code == 200
    assert len(web.services.showing.pictures.of_session(session_id)) == count


def test_the_page_of_the_phone_is_in_the_students_language(web: Web) -> None:
    page = web.anyone.get("/phone?l=ar", headers={"Accept-Language": "en"}).text
    assert '<html lang="ar" dir="rtl"' in page
    assert '<html lang="fr"' in web.anyone.get("/phone", headers={"Accept-Language": "fr"}).text


def test_words_that_were_agreed_to_are_found_in_every_language() -> None:
    for language in ("en", "es", "fr", "ar"):
        text = picture_consent("document", 30, language)
        assert "30" in text.plain
        assert find_picture_consent(text.version, "document", 30) == text
        assert find_picture_consent(text.version, "document", 31) is None
        assert find_picture_consent(text.version, "room", 30) is None
