"""What a proctor does reaches the student, comes back as a receipt, and is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.actions.records import ActionKind, Actor, Order
from app.audit.log import Search
from app.errors import Conflict, InvalidInput, NotFound, TooMany
from app.records import EndCause, PauseCause
from tests.unit.web.conftest import Web, build_web

CAROL = Actor("staff", "carol", "staff:p_1")

pytestmark = pytest.mark.room


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    built = build_web(tmp_path)
    yield built
    built.services.repository.close()


def running(web: Web, user_id: str = "ann", exam_id: str = "math") -> str:
    session, _ = web.services.sessions.create(user_id, exam_id)
    web.services.sessions.start(session.session_id)
    return session.session_id


def order(kind: ActionKind, text: str = "", reason: str = "", minutes: float | None = None) -> Any:
    return Order(kind, text, reason, minutes)


def said(web: Web, event: str = "message") -> list[dict[str, Any]]:
    live: Any = web.services.live
    return [payload for _, name, payload in live.said if name == event]


def grant_breaks(web: Web, user_id: str = "ann", breaks: int = 1, minutes: float = 5) -> None:
    overlay: dict[str, Any] = {"breaks": breaks, "break_min": minutes}
    web.services.exams.put("math", "standard", {user_id: overlay}, None)


def test_a_warning_is_shown_kept_and_comes_back_as_a_receipt(web: Web) -> None:
    session_id = running(web)
    actions = web.services.actions
    done = actions.desk.act(CAROL, session_id, order(ActionKind.WARNING, "Eyes on the exam."))
    (message,) = said(web)
    assert message["kind"] == "warning"
    assert message["text"] == "Eyes on the exam."
    assert "carol" not in str(message)
    assert actions.board.of_session(session_id)[0].seen_at is None
    web.clock.advance(1)
    actions.talk.seen(session_id, message["message_id"])
    first = actions.board.of_session(session_id)[0].seen_at
    assert first == web.clock.now()
    web.clock.advance(5)
    actions.talk.seen(session_id, done.action_id)
    assert actions.board.of_session(session_id)[0].seen_at == first
    live: Any = web.services.live
    assert [told["seen_at"] is None for told in live.told] == [True, False]


def test_every_action_stands_in_the_audit_without_names(web: Web) -> None:
    session_id = running(web)
    said_text = "Ann, put the phone away."
    web.services.actions.desk.act(CAROL, session_id, order(ActionKind.WARNING, said_text))
    (entry,) = web.services.audit.search(Search(action="act_warning"), 10)
    assert entry.actor == CAROL.reference
    assert entry.detail["session"] == session_id
    assert "ann" not in f"{entry.subject} {dict(entry.detail)}".lower()


def test_what_was_not_seen_is_sent_again_when_the_page_comes_back(web: Web) -> None:
    session_id = running(web)
    actions = web.services.actions
    actions.desk.act(CAROL, session_id, order(ActionKind.MESSAGE, "one"))
    actions.desk.act(CAROL, session_id, order(ActionKind.MESSAGE, "two"))
    actions.talk.seen(session_id, said(web)[0]["message_id"])
    before = len(said(web))
    actions.talk.arrived(session_id)
    assert [each["text"] for each in said(web)[before:]] == ["two"]


def test_a_receipt_for_what_was_not_sent_to_this_student_is_refused(web: Web) -> None:
    session_id, other = running(web), running(web, "ben")
    actions = web.services.actions
    note = actions.desk.act(CAROL, session_id, order(ActionKind.NOTE, reason="Looks ill."))
    word = actions.desk.act(CAROL, other, order(ActionKind.MESSAGE, "hello"))
    for action_id in (note.action_id, word.action_id, None, {"$ne": ""}):
        with pytest.raises(NotFound):
            actions.talk.seen(session_id, action_id)
    assert said(web) == [said(web)[0]]


def test_a_pause_and_its_end_reach_the_scoring_and_the_student(web: Web) -> None:
    session_id = running(web)
    desk, monitor = web.services.actions.desk, web.services.monitor
    pauses: Any = monitor.pauses  # type: ignore[attr-defined]
    desk.act(CAROL, session_id, order(ActionKind.PAUSE, reason="The fire alarm rings."))
    assert pauses[session_id] == {PauseCause.PROCTOR: None}
    desk.act(CAROL, session_id, order(ActionKind.RESUME))
    assert pauses[session_id] == {}
    assert [each["kind"] for each in said(web)] == ["pause", "resume"]
    assert said(web)[0]["text"] == "The fire alarm rings."


def test_a_proctor_ends_a_session_and_the_student_reads_why(web: Web) -> None:
    session_id = running(web)
    web.services.actions.desk.act(
        CAROL, session_id, order(ActionKind.END, reason="You asked to stop.")
    )
    assert said(web)[0]["kind"] == "end"
    assert web.services.sessions.get(session_id).end_cause is EndCause.PROCTOR


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        (ActionKind.WARNING, "what the student shall read"),
        (ActionKind.PAUSE, "reason"),
        (ActionKind.END, "reason"),
        (ActionKind.NOTE, "reason"),
        (ActionKind.CALL, "reason"),
    ],
)
def test_an_order_without_a_reason_is_refused(web: Web, kind: ActionKind, missing: str) -> None:
    session_id = running(web)
    with pytest.raises(InvalidInput, match=missing):
        web.services.actions.desk.act(CAROL, session_id, order(kind))
    assert web.services.actions.board.of_session(session_id) == ()


def test_one_of_many_that_fails_keeps_no_other_from_its_message(web: Web) -> None:
    ann, ben = running(web), running(web, "ben")
    web.services.sessions.end(ben, EndCause.STUDENT)
    cid = running(web, "cid")
    done, refused = web.services.actions.desk.act_on_many(
        CAROL, [ann, ben, cid, ann], order(ActionKind.MESSAGE, "Ten minutes left.")
    )
    assert [each.session_id for each in done] == [ann, cid]
    assert [(each.session_id, each.code) for each in refused] == [(ben, "conflict")]


def test_a_break_is_asked_for_granted_and_ends_by_itself(web: Web) -> None:
    grant_breaks(web)
    session_id = running(web)
    actions, monitor = web.services.actions, web.services.monitor
    live: Any = web.services.live
    assert actions.talk.ask_break(session_id).left == 1
    assert live.wishes[session_id] == ["break"]
    actions.desk.act(CAROL, session_id, order(ActionKind.BREAK_GRANTED))
    assert live.wishes[session_id] == []
    until_at = monitor.pauses[session_id][PauseCause.BREAK]  # type: ignore[attr-defined]
    assert (until_at - web.clock.now()).total_seconds() == 300
    assert said(web, "break")[-1]["until_ms"] == until_at.timestamp() * 1000
    web.clock.advance(300)
    actions.talk.pause_over(session_id, PauseCause.BREAK)
    states = [each["state"] for each in said(web, "break")]
    assert states == ["asked", "granted", "over"]
    assert said(web, "break")[-1]["left"] == 0
    kinds = [each.kind.value for each in actions.board.of_session(session_id)]
    assert kinds == ["break_asked", "break_granted", "break_over"]


def test_more_breaks_than_the_exam_grants_need_a_reason(web: Web) -> None:
    session_id = running(web)
    actions = web.services.actions
    with pytest.raises(InvalidInput, match="more than the exam grants"):
        actions.desk.act(CAROL, session_id, order(ActionKind.BREAK_GRANTED, minutes=3))
    done = actions.desk.act(
        CAROL, session_id, order(ActionKind.BREAK_GRANTED, reason="Felt sick.", minutes=3)
    )
    assert done.is_beyond
    assert "Felt sick." not in str(said(web))


def test_a_student_who_is_back_early_ends_the_break(web: Web) -> None:
    grant_breaks(web)
    session_id = running(web)
    actions, monitor = web.services.actions, web.services.monitor
    actions.talk.ask_break(session_id)
    actions.desk.act(CAROL, session_id, order(ActionKind.BREAK_GRANTED))
    assert actions.talk.withdraw_break(session_id).state == "over"
    assert monitor.pauses[session_id] == {}  # type: ignore[attr-defined]
    assert actions.talk.withdraw_break(session_id).state == "over"
    assert actions.board.of_session(session_id)[-1].actor_kind == "student"


def test_a_break_nobody_asked_for_cannot_be_refused_nor_one_that_is_not_be_ended(web: Web) -> None:
    session_id = running(web)
    for kind in (ActionKind.BREAK_REFUSED, ActionKind.BREAK_OVER):
        with pytest.raises(Conflict):
            web.services.actions.desk.act(CAROL, session_id, order(kind, reason="No."))


def test_a_students_words_wait_until_a_proctor_has_seen_them(web: Web) -> None:
    session_id = running(web)
    actions = web.services.actions
    live: Any = web.services.live
    first = actions.talk.chat(session_id, {"text": " Is the timer right? ", "id": "w1"})
    again = actions.talk.chat(session_id, {"text": "Is the timer right?", "id": "w1"})
    assert again.action_id == first.action_id
    assert live.wishes[session_id] == ["chat"]
    actions.talk.read_by_staff(session_id)
    assert live.wishes[session_id] == []
    actions.desk.act(CAROL, session_id, order(ActionKind.MESSAGE, "It is."))
    lines = actions.talk.lines(session_id)
    assert [(each["text"], each["is_mine"], each["is_seen"]) for each in lines] == [
        ("Is the timer right?", True, True),
        ("It is.", False, False),
    ]


def test_notes_among_colleagues_never_reach_the_student(web: Web) -> None:
    session_id = running(web)
    actions = web.services.actions
    actions.desk.act(CAROL, session_id, order(ActionKind.NOTE, reason="Second look, please."))
    actions.desk.act(CAROL, session_id, order(ActionKind.CALL, reason="Come and look."))
    actions.talk.arrived(session_id)
    assert said(web) == []
    assert actions.talk.lines(session_id) == []


def test_a_student_who_floods_the_desk_is_slowed_down(web: Web) -> None:
    session_id = running(web)
    talk = web.services.actions.talk
    for number in range(10):
        talk.chat(session_id, {"text": f"word {number}"})
    with pytest.raises(TooMany):
        talk.chat(session_id, {"text": "one more"})
    web.clock.advance(2)
    talk.chat(session_id, {"text": "one more"})


@pytest.mark.parametrize(
    "payload", [None, {}, {"text": 7}, {"text": " \x00 "}, {"text": "x" * 1001}]
)
def test_a_word_that_is_none_is_refused(web: Web, payload: object) -> None:
    with pytest.raises(InvalidInput):
        web.services.actions.talk.chat(running(web), payload)


def test_an_integrator_acts_and_reads_the_receipts_over_rest(web: Web) -> None:
    session_id = running(web)
    path = f"/api/session/{session_id}/actions"
    answer = web.integrator.post(path, {"kind": "warning", "text": "Eyes on the exam."})
    assert answer.status_code == 200
    web.services.actions.talk.seen(session_id, answer.json["action"]["action_id"])
    (told,) = web.integrator.get(path).json["actions"]
    assert told["action"] == "warning"
    assert told["actor_kind"] == "integrator"
    assert told["seen_at"]
    assert web.integrator.post(path, {"kind": "chat", "text": "x"}).status_code == 400
    assert web.integrator.post(path, {"kind": "pause"}).status_code == 400
    assert web.integrator.post(path, {"kind": "break_over"}).status_code == 409


def test_all_running_students_of_an_exam_are_told_at_once(web: Web) -> None:
    ann, ben = running(web), running(web, "ben")
    running(web, "zoe", "art")
    path = "/api/exam/math/actions"
    everyone = web.integrator.post(path, {"kind": "message", "text": "Ten minutes left."}).json
    assert {each["session_id"] for each in everyone["actions"]} == {ann, ben}
    some = web.integrator.post(
        path, {"kind": "message", "text": "x", "session_ids": [ann, "s_of_nobody"]}
    ).json
    assert [each["session_id"] for each in some["actions"]] == [ann]
    assert [each["code"] for each in some["refused"]] == ["not_found"]
