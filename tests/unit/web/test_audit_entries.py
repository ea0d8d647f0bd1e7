"""What staff and keys do at the doors stands in the audit."""

from __future__ import annotations

from app.audit.log import Search
from app.audit.pseudonyms import STAFF, STUDENT
from tests.unit.web.conftest import PASSWORD, Web, page_token


def actions(web: Web) -> list[str]:
    return [entry.action for entry in reversed(web.services.audit.search(Search(), 100))]


def test_good_and_bad_logins_are_entries_and_an_unknown_name_is_not_kept(web: Web) -> None:
    web.staff()
    client = web.anyone
    for username, password in (("admin", "wrong"), ("ann-the-student", PASSWORD)):
        client.post(
            "/login",
            data={
                "username": username,
                "password": password,
                "csrf_token": page_token(client),
            },
        )
    entries = list(reversed(web.services.audit.search(Search(), 10)))
    assert [entry.action for entry in entries] == ["login", "login_refused", "login_refused"]
    assert entries[0].actor == entries[1].actor == web.services.audit.people.known(STAFF, "admin")
    assert entries[2].actor == "unknown"
    assert "ann-the-student" not in str(entries)


def test_a_session_made_and_ended_by_a_key_is_told_with_a_pseudonym(web: Web) -> None:
    made = web.create("ann")
    web.integrator.post("/api/session/end", {"session_id": made["session_id"]})
    entries = list(reversed(web.services.audit.search(Search(), 10)))
    assert [entry.action for entry in entries] == ["create_session", "end_session"]
    assert entries[0].subject == web.services.audit.people.known(STUDENT, "ann")
    assert entries[0].actor == "key:first"
    assert "ann" not in str(entries)
    assert web.services.audit.verify().is_whole


def test_one_look_at_a_session_is_one_entry(web: Web) -> None:
    made = web.create("ann")
    path = f"/api/session/{made['session_id']}/details"
    for _ in range(3):
        web.integrator.get(path)
    web.clock.advance(61)
    web.integrator.get(path)
    assert actions(web) == ["create_session", "session_details", "session_details"]


def test_what_was_refused_is_not_told_as_done(web: Web) -> None:
    web.integrator.post("/api/session/end", {"session_id": "s_none"})
    assert actions(web) == []
