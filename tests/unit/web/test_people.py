"""Staff accounts, second factor, keys, logins that end, rosters: as a browser meets them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyotp
import pytest

from app.audit.log import Search
from app.audit.pseudonyms import STAFF, STUDENT
from tests.unit.web.conftest import PASSWORD, Web, build_web, page_token
from tools import key as key_program
from tools import user as user_program

CSV = "student_id,name,date_of_birth,course\ns-1,Ann Lee,2004-02-29,Logic\ns-2,Bo,2003-01-02,Art\n"
ANN = {
    "user_id": "s-1",
    "exam_id": "math",
    "name": " ann  LEE",
    "date_of_birth": "2004-02-29",
    "course": "logic",
}


def post(client: Any, path: str, **form: Any) -> Any:
    return client.post(path, data={"csrf_token": page_token(client, "/"), **form})


def sign_in(web: Web, username: str, password: str) -> tuple[Any, Any]:
    client = web.anyone
    return client, post(client, "/login", username=username, password=password)


def arrive(web: Web, **changed: str) -> Any:
    client = web.anyone
    headers = {"X-CSRFToken": page_token(client, "/")}
    return client.post("/portal/session", json={**ANN, **changed}, headers=headers)


@pytest.mark.parametrize(
    "path", ["/admin/people", "/admin/keys", "/admin/account", "/admin/exams/math/roster"]
)
def test_each_page_is_drawn_without_inline_script_or_style(web: Web, path: str) -> None:
    web.services.rosters.bring_in("math", CSV, dry_run=False)
    answer = web.staff().get(path)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "<script>" not in page
    assert not re.search(r"<[^>]+\sstyle=", page)


def test_an_admin_adds_a_proctor_who_sees_one_exam(web: Web) -> None:
    answer = post(
        web.staff(),
        "/admin/people",
        username="pat",
        password="a-password",
        role="proctor",
        exams="math, art",
    )
    assert answer.status_code == 303
    web.create("ann", "math")
    web.create("bob", "law")
    pat, signed_in = sign_in(web, "pat", "a-password")
    assert signed_in.headers["Location"] == "/admin"
    assert [each["user_id"] for each in pat.get("/api/sessions/active").json["sessions"]] == ["ann"]
    assert pat.get("/api/sessions/stats").json["total_sessions"] == 1


def test_closing_an_account_ends_its_logins_and_its_connections(web: Web) -> None:
    web.services.desk.add("pat", "a-password", "proctor", ["math"])
    pat, _ = sign_in(web, "pat", "a-password")
    socketio = web.app.extensions["socketio"]
    line = socketio.test_client(web.app, flask_test_client=pat)
    assert line.is_connected()
    post(web.staff(), "/admin/people/pat", action="disable")
    assert pat.get("/api/sessions/active").status_code == 401
    assert not line.is_connected()
    _, again = sign_in(web, "pat", "a-password")
    assert again.status_code == 401


def test_the_last_admin_stays(web: Web) -> None:
    staff = web.staff()
    assert post(staff, "/admin/people/admin", action="disable").status_code == 409
    assert post(staff, "/admin/people/admin", action="save", role="proctor").status_code == 409


def test_a_login_ends_after_idle_time_and_in_any_case(web: Web) -> None:
    staff = web.staff()
    for _ in range(5):
        web.clock.advance(200 * 60)
        is_good = staff.get("/api/sessions/stats").status_code == 200
        if not is_good:
            break
    assert not is_good
    idle = web.staff()
    web.clock.advance(241 * 60)
    assert idle.get("/api/sessions/stats").status_code == 401


def test_signing_out_ends_a_copied_cookie_too(web: Web) -> None:
    staff = web.staff()
    cookie = staff.get_cookie("candor")
    assert cookie is not None
    post(staff, "/logout")
    thief = web.anyone
    thief.set_cookie("candor", cookie.value)
    assert thief.get("/api/sessions/stats").status_code == 401


def test_a_second_factor_is_enrolled_and_then_asked_once_per_code(web: Web) -> None:
    staff = web.staff()
    assert post(staff, "/admin/account", action="begin", current="wrong").status_code == 400
    post(staff, "/admin/account", action="begin", current=PASSWORD)
    page = staff.get("/admin/account").get_data(as_text=True)
    found = re.search(r'data-role="secret">(\w+)<', page)
    assert found
    assert "otpauth://totp/" in page
    totp = pyotp.TOTP(found[1])
    assert post(staff, "/admin/account", action="confirm", code="000000").status_code == 400
    code = totp.at(web.clock.now())
    assert post(staff, "/admin/account", action="confirm", code=code).status_code == 303
    assert found[1] not in repr(web.services.desk.get("admin"))
    client, half = sign_in(web, "admin", PASSWORD)
    assert half.status_code == 200
    assert client.get("/api/sessions/stats").status_code == 401
    assert post(client, "/login", code=code).status_code == 401
    web.clock.advance(30)
    fresh = totp.at(web.clock.now())
    assert post(client, "/login", code=fresh).status_code == 303
    assert client.get("/api/sessions/stats").status_code == 200
    admin = web.services.audit.people.known(STAFF, "admin")
    (refused,) = web.services.audit.search(Search(action="login_refused"), 10)
    assert refused.actor == admin


def test_a_key_is_shown_once_and_a_closed_one_loses_its_connection(web: Web) -> None:
    staff = web.staff()
    page = post(staff, "/admin/keys", label="lms", scope=["sessions:read"], days="3")
    found = re.search(r'data-role="secret">(ck_[\w-]+)<', page.get_data(as_text=True))
    assert found
    assert found[1] not in staff.get("/admin/keys").get_data(as_text=True)
    socketio = web.app.extensions["socketio"]
    line = socketio.test_client(web.app, auth={"key": found[1]})
    assert line.is_connected()
    record = next(each for each in web.services.keys.all() if each.label == "lms")
    assert post(staff, f"/admin/keys/{record.key_id}/close").status_code == 303
    assert not line.is_connected()


def test_the_commands_work_on_the_same_store(
    web: Web, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io

    settings = web.services.settings
    monkeypatch.setattr("sys.stdin", io.StringIO("from-stdin-1\n"))
    assert user_program.main(["add", "kim", "--role", "reviewer"], settings) == 0
    assert sign_in(web, "kim", "from-stdin-1")[1].headers["Location"] == "/admin/clips"
    assert user_program.main(["disable", "kim"], settings) == 0
    assert user_program.main(["list"], settings) == 0
    assert "kim\treviewer\t-\tclosed" in capsys.readouterr().out
    assert user_program.main(["disable", "admin"], settings) == 1
    assert key_program.main(["add", "lms", "--scope", "sessions:read"], settings) == 0
    secret = capsys.readouterr().out.strip()
    record = web.services.accounts.key(secret)
    assert record is not None
    assert key_program.main(["revoke", record.key_id], settings) == 0
    assert web.services.accounts.key(secret) is None
    audit = web.services.audit
    told = audit.search(Search(actor="command"), 10)[::-1]
    kim, key = audit.people.known(STAFF, "kim"), f"key:{record.key_id}"
    assert [(each.action, each.subject) for each in told] == [
        ("change_person", kim),
        ("change_person", kim),
        ("add_key", key),
        ("close_key", key),
    ]
    assert told[1].detail == {"action": "disable", "role": "reviewer"}


def test_a_key_revoked_by_the_command_loses_its_live_connection(
    web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = web.services.settings
    assert key_program.main(["add", "lms"], settings) == 0
    secret = capsys.readouterr().out.strip()
    record = web.services.accounts.key(secret)
    assert record is not None
    line = web.app.extensions["socketio"].test_client(web.app, auth={"key": secret})
    web.services.watch.look()
    assert line.is_connected()
    assert key_program.main(["revoke", record.key_id], settings) == 0
    assert web.services.watch.look() == 1
    assert not line.is_connected()


def test_arrivals_by_roster_are_in_the_audit_good_ones_and_bad_ones(web: Web) -> None:
    web.services.rosters.bring_in("math", CSV, dry_run=False)
    assert arrive(web).status_code == 200
    assert arrive(web, date_of_birth="2004-02-28").status_code == 403
    assert arrive(web, user_id="nobody-known").status_code == 403
    entries = web.services.audit.search(Search(), 10)[::-1]
    ann = web.services.audit.people.known(STUDENT, "s-1")
    assert [(each.action, each.actor, each.subject) for each in entries] == [
        ("roster_login", ann, ann),
        ("roster_login_refused", "unknown", ann),
        ("roster_login_refused", "unknown", ""),
    ]
    assert "nobody-known" not in str(entries)
    assert "2004" not in str([entry.detail for entry in entries])


def test_a_roster_is_checked_row_by_row_and_stored_only_when_it_is_in_order(web: Web) -> None:
    wrong = CSV + "s 3,,31.12.2001,Art\ns-1,Ann Again,2004-02-29,Art\n"
    bearer = web.integrator
    headers = {"Authorization": f"Bearer {bearer.secret}"}

    def put(csv: str, dry_run: bool = False) -> Any:
        body = {"csv": csv, "dry_run": dry_run}
        return bearer.client.put("/api/exam/math/roster", json=body, headers=headers).json

    answer = put(wrong)
    assert not answer["is_stored"]
    assert [each["line"] for each in answer["errors"]] == [4, 5]
    assert bearer.get("/api/exam/math/roster").json["rows"] == []
    assert (put(CSV, dry_run=True)["added"], web.services.rosters.has_roster("math")) == (2, False)
    assert put(CSV)["is_stored"]
    assert put("student_id,name,date_of_birth,course\ns-1,Ann Lee,2004-02-29,Logic")["removed"] == 1


def test_with_a_roster_the_portal_asks_who_it_is(tmp_path: Path) -> None:
    web = build_web(tmp_path, PROCTOR_WALK_IN="false")
    web.services.rosters.bring_in("math", CSV, dry_run=False)
    asked = arrive(web, name="")
    assert (asked.status_code, asked.json["error"]["code"]) == (403, "identity_needed")
    wrongs = [
        arrive(web, **wrong)
        for wrong in (
            {"name": "Bo"},
            {"date_of_birth": "2004-02-28"},
            {"course": "Art"},
            {"user_id": "nobody"},
        )
    ]
    assert {answer.status_code for answer in wrongs} == {403}
    assert len({answer.json["error"]["message"] for answer in wrongs}) == 1
    assert arrive(web).status_code == 200
    web.services.rosters.revoke("math", "s-1", is_revoked=True)
    assert "withdrawn" in arrive(web).json["error"]["message"]
    assert arrive(web, exam_id="art").status_code == 403
    web.services.repository.close()


def test_guessing_a_roster_is_slowed_down(web: Web) -> None:
    web.services.rosters.bring_in("math", CSV, dry_run=False)
    statuses = [arrive(web, name="x").status_code for _ in range(6)]
    assert statuses == [403] * 5 + [429]


def test_names_a_database_could_take_for_operators_are_refused(web: Web) -> None:
    for body in ({"user_id": {"$ne": ""}}, {"user_id": "ann", "x": {"$where": "1"}}):
        answer = web.integrator.post("/api/session/create", body)
        assert answer.status_code == 400


def test_one_address_cannot_ask_without_end(tmp_path: Path) -> None:
    web = build_web(tmp_path, PROCTOR_CLIENT_RATE="1")
    client = web.anyone
    statuses = {client.get("/healthz").status_code for _ in range(40)}
    assert statuses == {200, 429}
    web.clock.advance(5)
    assert client.get("/healthz").status_code == 200
    web.services.repository.close()


def test_pages_of_other_sites_open_no_connection(tmp_path: Path) -> None:
    web = build_web(tmp_path, PROCTOR_ALLOWED_ORIGINS="https://lms.example.org")
    client, path = web.anyone, "/socket.io/?EIO=4&transport=polling"
    codes = [
        client.get(path, headers={"Origin": origin}).status_code
        for origin in ("https://lms.example.org", "http://localhost", "https://evil.example")
    ]
    assert codes == [200, 200, 400]
    web.services.repository.close()
