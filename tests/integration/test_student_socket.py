"""What a student may say, over a real WebSocket against the whole server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import socketio

from app.records import SessionRecord, SessionState
from detectors.scripted import picture_script
from tests.live_server import LiveServer, Student, live_server
from tests.scripted_media import scripted_jpeg
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def session(server: LiveServer, request: pytest.FixtureRequest) -> SessionRecord:
    return server.new_session(exam_id=f"exam-{abs(hash(request.node.name)) % 10**9}")


@pytest.fixture
def student(server: LiveServer, session: SessionRecord) -> Iterator[Student]:
    student = server.student(session)
    yield student
    student.close()


def refusal(answer: dict[str, Any]) -> str:
    assert answer["ok"] is False
    assert answer["error"]["message"].endswith(".")
    return str(answer["error"]["code"])


def test_start_says_how_to_capture_and_makes_the_session_run(
    server: LiveServer, session: SessionRecord, student: Student
) -> None:
    answer = student.start()
    assert answer["ok"] is True
    assert (answer["session_id"], answer["user_id"]) == (session.session_id, "ada")
    assert answer["next_seq"] == 0
    assert answer["capture"]["sample_rate"] == 16_000
    assert abs(answer["server_ms"] - answer["started_ms"]) < 60_000
    assert server.services.tokens.session_id(answer["token"]) == session.session_id
    assert server.services.sessions.get(session.session_id).state is SessionState.RUNNING


def test_a_thousand_numbered_batches_arrive_in_order(
    server: LiveServer, session: SessionRecord, student: Student
) -> None:
    student.start()
    answered: list[int] = []
    done = threading.Event()

    def acknowledged(answer: dict[str, Any]) -> None:
        answered.append(answer["seq"])
        if len(answered) == 1_000:
            done.set()

    for number in range(1_000):
        picture = scripted_jpeg({"number": number}, size=(64, 48))
        student.client.emit("batch", student.batch((picture,)), callback=acknowledged)
    assert done.wait(60)
    assert answered == list(range(1_000))
    ring = server.services.ingest.ring(session.session_id)
    assert ring is not None
    kept = ring.cut(0, 1e9).frames
    assert [picture_script(frame.jpeg)["number"] for frame in kept] == list(range(1_000))
    assert [frame.at_s for frame in kept] == sorted({frame.at_s for frame in kept})


def test_what_is_too_large_or_damaged_is_refused_with_a_reason_and_the_session_goes_on(
    student: Student,
) -> None:
    student.start()
    assert (
        refusal(student.ask("batch", {"seq": 0, "sent_ms": 1.0}, bytes(5_000_000))) == "too_large"
    )
    assert refusal(student.ask("batch", {"seq": "x" * 5_000_000, "sent_ms": 1.0}, b"")) in (
        "too_large",
        "invalid_input",
    )
    whole = scripted_jpeg()
    at = whole.index(b"\xff\xc0") + 5
    enormous = whole[:at] + b"\x27\x10\x27\x10" + whole[at + 4 :]
    answer = student.send((enormous, whole[:-100], whole))
    assert answer["ok"] is True
    assert [(r["part"], r["index"], r["code"]) for r in answer["refused"]] == [
        ("frames", 0, "too_large"),
        ("frames", 1, "invalid_input"),
    ]
    assert "10000 x 10000" in answer["refused"][0]["message"]
    assert "refused" not in student.send((whole,))


def test_a_message_over_every_limit_closes_the_line_and_the_session_goes_on(
    server: LiveServer, session: SessionRecord, student: Student
) -> None:
    student.start()
    student.send((scripted_jpeg(),))
    student.client.emit("batch", ({"seq": 1, "sent_ms": 1.0}, bytes(20_000_000)))
    student.next_said("disconnect")
    again = Student(server.url, student.token)
    assert again.start()["next_seq"] == 1
    assert again.send((scripted_jpeg(),))["next_seq"] == 2
    again.close()


def test_a_screen_event_is_acknowledged_with_its_id(student: Student) -> None:
    student.start()
    event = {"id": "e1", "kind": "paste", "t": 1.0}
    assert student.ask("screen_event", event) == {"ok": True, "id": "e1"}
    assert student.ask("screen_event", event) == {"ok": True, "id": "e1"}
    assert refusal(student.ask("screen_event", {"id": "e2", "kind": "dance", "t": 1.0}))


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("start", ()),
        ("start", ("browser",)),
        ("start", ({"client": "toaster"},)),
        ("batch", ()),
        ("batch", (None, None)),
        ("batch", ({}, {}, {})),
        ("batch", (b"binary", b"binary")),
        ("screen_event", ([[[[]]]],)),
        ("end_session", (1, 2, 3)),
    ],
)
def test_messages_of_another_shape_are_refused(
    student: Student, event: str, payload: tuple[Any, ...]
) -> None:
    student.start()
    assert refusal(student.ask(event, *payload)) == "invalid_input"
    assert student.send()["ok"] is True


def test_nothing_is_taken_before_start(student: Student) -> None:
    assert refusal(student.send()) == "conflict"
    assert refusal(student.ask("screen_event", {"id": "a", "kind": "copy", "t": 1.0})) == "conflict"
    assert refusal(student.ask("end_session", {})) == "conflict"


def test_a_newer_connection_takes_the_place_of_the_older_one(
    server: LiveServer, session: SessionRecord, student: Student
) -> None:
    student.start()
    student.send((scripted_jpeg(),))
    newer = Student(server.url, student.token)
    assert newer.start()["next_seq"] == 1
    assert student.next_said("session_ended")["cause"] == "replaced"
    student.next_said("disconnect")
    assert newer.send((scripted_jpeg(),))["ok"] is True
    assert server.services.ingest.contact(session.session_id) is not None
    newer.close()


def test_another_device_waits_until_a_proctor_lets_it_in(
    server: LiveServer, session: SessionRecord, student: Student
) -> None:
    student.start()
    other = server.student(session)
    for _ in range(3):
        assert refusal(other.ask("start", {"client": "agent"})) == "waiting"
        assert refusal(other.ask("batch", *other.batch((scripted_jpeg(),)))) == "not_allowed"
    assert student.send((scripted_jpeg(),))["ok"] is True
    (waiting,) = server.services.places.waiting(session.session_id)
    assert waiting.reason == "device"
    server.services.decide_place(session.session_id, waiting.request_id, approve=True)
    assert other.start()["ok"] is True
    assert student.next_said("session_ended")["cause"] == "replaced"
    assert other.send((scripted_jpeg(),))["ok"] is True
    old = Student(server.url, student.token)
    assert refusal(old.ask("start", {"client": "agent"})) == "waiting"
    other.close()
    old.close()


def test_a_running_session_that_comes_from_another_network_waits(tmp_path: Path) -> None:
    """As when a token is copied, or a laptop moves from one network to another."""

    with live_server(tmp_path, PROCTOR_TRUSTED_PROXIES="1") as proxied:

        def line(address: str, token: str) -> Student:
            return Student(proxied.url, token, {"X-Forwarded-For": address})

        session = proxied.new_session()
        first = line("203.0.113.7", proxied.services.tokens.join(session.session_id))
        assert first.start()["ok"] is True
        near = line("203.0.113.99", first.token)
        assert near.start()["ok"] is True
        far = line("198.51.100.7", near.token)
        assert refusal(far.ask("start", {"client": "agent"})) == "waiting"
        assert refusal(far.ask("batch", *far.batch((scripted_jpeg(),)))) == "not_allowed"
        assert near.send((scripted_jpeg(),))["ok"] is True
        (waiting,) = proxied.services.places.waiting(session.session_id)
        assert waiting.reason == "network"
        proxied.services.decide_place(session.session_id, waiting.request_id, approve=True)
        assert far.start()["ok"] is True
        assert far.send((scripted_jpeg(),))["ok"] is True
        for each in (first, near, far):
            each.close()


def test_a_student_whose_first_answer_was_lost_may_start_again(
    server: LiveServer, session: SessionRecord, student: Student
) -> None:
    assert student.start()["ok"] is True
    student.close()
    again = server.student(session)

    def is_in() -> bool:
        return again.ask("start", {"client": "agent"})["ok"] is True

    wait_until(is_in, "the line that was lost is noticed")
    assert again.send((scripted_jpeg(),))["ok"] is True
    again.close()
    other = server.student(session)
    assert refusal(other.ask("start", {"client": "agent"})) == "waiting"
    other.close()


def test_a_refused_device_stays_out(
    server: LiveServer, session: SessionRecord, student: Student
) -> None:
    student.start()
    other = server.student(session)
    assert refusal(other.ask("start", {"client": "agent"})) == "waiting"
    (waiting,) = server.services.places.waiting(session.session_id)
    server.services.decide_place(session.session_id, waiting.request_id, approve=False)
    assert refusal(other.ask("start", {"client": "agent"})) == "not_allowed"
    assert student.send((scripted_jpeg(),))["ok"] is True
    other.close()


def test_ending_is_acknowledged_then_told_then_the_line_is_closed(
    server: LiveServer, session: SessionRecord, student: Student
) -> None:
    student.start()
    student.send((scripted_jpeg(),))
    assert student.ask("end_session", {}) == {"ok": True}
    told = student.next_said("session_ended")
    assert told == {"session_id": session.session_id, "cause": "student"}
    student.next_said("disconnect")
    assert server.services.sessions.get(session.session_id).state is SessionState.ENDED
    with pytest.raises(socketio.exceptions.ConnectionError):
        server.student(session)


def test_a_lost_line_shows_at_once(
    server: LiveServer, session: SessionRecord, student: Student
) -> None:
    student.start()

    def line() -> str:
        state = server.services.ingest.contact(session.session_id)
        assert state is not None
        return str(state.line)

    assert line() == "good"
    student.close()
    wait_until(lambda: line() == "down", "the line is down")


def test_one_session_cannot_be_started_without_end(student: Student) -> None:
    codes = {
        student.ask("start", {"client": "agent"}).get("error", {}).get("code") for _ in range(70)
    }
    assert codes == {None, "too_many"}


def test_what_the_worker_sees_is_scored(
    server: LiveServer, session: SessionRecord, student: Student, tmp_path: Path
) -> None:
    server.wait_for_workers()
    student.start()
    student.send((scripted_jpeg({"face": "one", "gaze": "center"}),))

    def is_seen() -> bool:
        view = server.services.monitor.view(session.session_id)
        return view is not None and view.overlay is not None and view.overlay.faces == 1

    wait_until(is_seen, "the face is seen")
