"""The audit and the data of one student, asked for by admins."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from app.audit.pseudonyms import STAFF
from app.records import EndCause
from tests.unit.web.conftest import Web, json_of, page_token
from tools.verify import main as verify


def delete(admin: FlaskClient, path: str) -> Any:
    return admin.delete(path, headers={"X-CSRFToken": page_token(admin, "/admin/clips")})


def test_an_admin_searches_the_audit_by_name_kind_and_page(web: Web) -> None:
    admin = web.staff()
    made = web.create("ann")
    web.create("bob")
    everything = json_of(admin.get("/api/audit"))
    assert [entry["action"] for entry in everything["entries"]] == [
        "create_session",
        "create_session",
        "login",
    ]
    assert everything["next_before"] is None
    about_ann = json_of(admin.get("/api/audit?subject=ann"))["entries"]
    assert [entry["detail"]["session"] for entry in about_ann] == [made["session_id"]]
    assert about_ann[0]["subject_name"] == "ann"
    by_admin = json_of(admin.get("/api/audit?actor=admin&action=login"))["entries"]
    assert by_admin[0]["actor"] == web.services.audit.people.known(STAFF, "admin")
    first = json_of(admin.get("/api/audit?limit=1"))
    second = json_of(admin.get(f"/api/audit?limit=1&before={first['next_before']}"))
    assert second["entries"][0]["seq"] == first["entries"][0]["seq"] - 1
    assert json_of(admin.get("/api/audit?from=2020-01-01&to=2020-01-02"))["entries"] == []


def test_a_malformed_day_or_number_is_refused(web: Web) -> None:
    admin = web.staff()
    for query in ("from=yesterday", "to=9999-12-31", "before=-1", "limit=x", "before=" + "9" * 30):
        assert admin.get(f"/api/audit?{query}").status_code == 400
        assert admin.get(f"/admin/audit?{query}").status_code == 400


def test_the_page_shows_entries_and_escapes_what_it_was_asked(web: Web) -> None:
    admin = web.staff()
    web.create("ann")
    page = admin.get("/admin/audit?subject=ann").get_data(as_text=True)
    assert "create session" in page
    assert "ann" in page
    odd = admin.get("/admin/audit?actor=<script>x</script>").get_data(as_text=True)
    assert "<script>x" not in odd
    assert "No entry matches" in odd


def test_an_admin_exports_and_erases_a_student(web: Web) -> None:
    admin = web.staff()
    made = web.create("ann")
    assert delete(admin, "/api/student/nobody").status_code == 404
    exported = admin.get("/api/student/ann/export")
    assert exported.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(exported.get_data())) as archive:
        assert made["session_id"] in archive.read("data.json").decode()
    web.services.sessions.start(made["session_id"])
    assert delete(admin, "/api/student/ann").status_code == 409
    web.services.sessions.end(made["session_id"], EndCause.PROCTOR)
    web.clock.advance(61)
    erased = delete(admin, "/api/student/ann")
    assert erased.status_code == 200
    assert erased.json["sessions"] == 1
    entries = json_of(admin.get("/api/audit"))["entries"]
    assert [entry["action"] for entry in entries[:3]] == [
        "student_erased",
        "session_deleted",
        "student_exported",
    ]
    assert entries[0]["subject_name"] == ""
    assert "ann" not in str([entry["detail"] for entry in entries])
    assert web.services.audit.people.names().keys() == {entries[0]["actor"]}


def test_a_page_of_another_site_erases_nobody(web: Web) -> None:
    admin = web.staff()
    web.create("ann")
    assert admin.delete("/api/student/ann").status_code == 403


def test_an_integrator_that_asked_the_student_leaves_the_receipt(web: Web) -> None:
    asked = {"user_id": "ann", "exam_id": "math", "consent": "school form 3"}
    made = web.integrator.post("/api/session/create", asked).json
    receipt = web.services.privacy.consents.receipt(made["session_id"])
    assert receipt is not None
    assert (receipt.given_by, receipt.version, receipt.text) == ("integrator", "school form 3", "")


def test_the_command_verifies_the_audit(web: Web, tmp_path: Path, capsys: Any) -> None:
    web.create("ann")
    assert verify(["--audit"], web.services.settings) == 0
    assert "The audit is whole: 1 entries" in capsys.readouterr().out
    web.services.repository._engine.collection("audit").update_one(
        {"seq": 1}, {"$set": {"action": "nothing"}}
    )
    assert verify(["--audit"], web.services.settings) == 1
    assert "Entry 1 was altered." in capsys.readouterr().out
