"""One test for each way in that an attacker tries first.

Of their own are: the matrix of roles (tests/unit/web/test_matrix.py), bombs (test_bombs.py),
slow clients (tests/integration/test_slow_clients.py) and hostile texts in real pages
(tests/e2e/test_xss_in_a_browser.py).
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from typing import Any

import pytest

from app.records import ClipStatus
from app.reports.table import harmless
from app.web.factory import ROUTES
from app.web.routes import SAFE_METHODS, Route
from tests.media import PROJECT_ROOT
from tests.records import NOON, a_clip, a_session, a_violation
from tests.unit.web.conftest import Bearer, Web, build_web, page_token
from tools.fuzzing.values import OPERATORS

SCRIPT = '"><script>alert(1)</script>'
IMAGE = "<img src=x onerror=alert(1)>"
SIGNED_IN = "csrf"


def path_of(route: Route, **names: str) -> str:
    return re.sub(r"{(\w+)}", lambda found: names.get(found[1], "none"), route.path)


# IDOR


def test_idor_no_route_opens_what_belongs_to_somebody_else(web: Web) -> None:
    """A student, and a proctor of another exam, ask for everything of ann's by its right id."""
    ann, bob = web.create("ann", "math"), web.create("bob", "art")
    clip = a_clip("c1", ann["session_id"], ClipStatus.READY, "ann/a.mp4")
    web.services.repository.save_clip(clip)
    web.services.desk.add("pat", "a-password", "proctor", ["art"])
    proctor = web.anyone
    form = {"username": "pat", "password": "a-password", "csrf_token": page_token(proctor)}
    assert proctor.post("/login", data=form).status_code == 303
    headers = {"X-CSRFToken": page_token(proctor, "/")}
    student = {"Authorization": f"Bearer {bob['token']}"}
    names = {
        "session_id": ann["session_id"],
        "exam_id": "math",
        "clip_id": "c1",
        "video_id": "c1",
        "filepath": "ann/a.mp4",
        "user_id": "ann",
        "part": "clip.mp4",
    }
    asked = [
        route for route in ROUTES if set(route.names) & names.keys() and not route.needs.is_open
    ]
    assert len(asked) > 20
    for route in asked:
        path = path_of(route, **names)
        body: dict[str, object] | None = {} if route.body else None
        for client, sent in ((proctor, headers), (web.anyone, student)):
            if route.path.startswith("/api/my/"):
                continue
            answer = client.open(path, method=route.method, headers=sent, json=body)
            is_login = answer.status_code == 302 and "/login" in answer.headers["Location"]
            assert answer.status_code in (401, 403) or is_login, (route.name, answer.status_code)
            assert b"ann/a.mp4" not in answer.data


def test_idor_what_does_not_exist_looks_like_what_is_closed(web: Web) -> None:
    """So that ids cannot be found out by asking."""
    ann, bob = web.create("ann", "math"), web.create("bob", "art")
    student = web.student(bob["token"])
    answers = [
        student.get(f"/api/session/{session_id}/details")
        for session_id in (ann["session_id"], "s_" + "0" * 32)
    ]
    assert answers[0].status_code == answers[1].status_code == 403
    assert answers[0].data == answers[1].data


# Path traversal


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%252f..%252fetc%252fpasswd",
        "..%5c..%5cetc%5cpasswd",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "ann/../../../etc/passwd",
        "ann/%00/../../etc/passwd",
        "ann/a.mp4%00.jpg",
        "....//....//etc/passwd",
    ],
)
def test_traversal_leads_out_of_no_folder(web: Web, path: str) -> None:
    web.services.repository.add_session(a_session())
    web.services.repository.save_clip(a_clip("c1", "s1", ClipStatus.READY, "ann/a.mp4"))
    for base in (
        "/api/video/file/",
        "/api/media/c1/",
        "/api/media/",
        "/static/",
        "/api/exam/math/pictures/",
        "/portal/words/",
    ):
        answer = web.integrator.get(base + path)
        assert answer.status_code in (400, 401, 403, 404, 405), base
        assert b"root:" not in answer.data


def test_traversal_in_an_id_is_refused_before_it_names_a_folder(web: Web) -> None:
    for user_id in ("../ann", "ann/..", "..", "a..b", "ann/x", "ann\\x", "/ann", "ann\0"):
        answer = web.integrator.post("/api/session/create", {"user_id": user_id})
        assert answer.status_code == 400
    assert web.services.repository.sessions() == ()


# CSRF


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.method not in SAFE_METHODS and "staff" in route.callers],
    ids=lambda route: route.name,
)
def test_csrf_a_login_changes_nothing_without_the_pages_token(web: Web, route: Route) -> None:
    """The browser of a signed-in admin is led to send a form from another site."""
    staff = web.staff()
    path = path_of(route)
    for sent in (
        {},
        {"X-CSRFToken": ""},
        {"X-CSRFToken": "forged"},
        {"Origin": "https://evil.example", "Referer": "https://evil.example/"},
    ):
        answer = staff.open(path, method=route.method, headers=sent, data={"action": "disable"})
        assert answer.status_code == 403, sent
    other = web.anyone
    foreign = {"X-CSRFToken": page_token(other)}
    assert staff.open(path, method=route.method, headers=foreign).status_code == 403


def test_csrf_the_login_cookie_is_not_sent_along_from_other_sites(web: Web) -> None:
    cookie = web.anyone.get("/login").headers["Set-Cookie"]
    assert "SameSite=Lax" in cookie
    assert "HttpOnly" in cookie


# Stored XSS: the scripts of the pages are looked at here, real pages in a browser in e2e


def test_xss_no_script_of_ours_builds_html_from_text() -> None:
    forbidden = re.compile(
        r"\.(innerHTML|outerHTML)\s*\+?=(?!=)|insertAdjacentHTML|document\.write|\beval\("
        r"|new Function|srcdoc|createContextualFragment|DOMParser|setHTMLUnsafe"
    )
    # It takes a part of a page that the server itself has drawn, texts escaped.
    own_pages = {("overview.js", "DOMParser")}
    for file in sorted((PROJECT_ROOT / "static" / "js").rglob("*.js")):
        found = {match[0] for match in forbidden.finditer(file.read_text(encoding="utf-8"))}
        assert {(file.name, each) for each in found} <= own_pages


def test_xss_no_template_of_ours_leaves_text_unescaped() -> None:
    forbidden = re.compile(r"\|\s*safe\b|autoescape\s+false|\son\w+\s*=\s*\"|javascript:")
    for file in sorted((PROJECT_ROOT / "templates").rglob("*.html")):
        found = forbidden.search(file.read_text(encoding="utf-8"))
        assert found is None, f"{file.name}: {found[0] if found else ''}"
    for file in sorted((PROJECT_ROOT / "app").rglob("*.py")):
        assert "Markup(" not in file.read_text(encoding="utf-8"), file.name
        assert "render_template_string" not in file.read_text(encoding="utf-8"), file.name


def test_xss_every_page_shows_hostile_texts_as_text(web: Web) -> None:
    """Texts that no door lets in today are put straight into the store."""
    repository = web.services.repository
    session = a_session("s1", f"ann{SCRIPT}", f"math{IMAGE}")
    repository.add_session(session)
    repository.save_violation(a_violation())
    hostile = a_clip("c1", "s1", ClipStatus.FAILED)
    repository.save_clip(replace(hostile, user_id=IMAGE, exam_id=SCRIPT, error=SCRIPT))
    csv_text = f'student_id,name,date_of_birth,course\ns-1,"{IMAGE}",2004-02-29,{IMAGE}'
    web.services.rosters.bring_in("math", csv_text, dry_run=False)
    web.services.keys.add(SCRIPT, ["*"])
    web.services.audit.write("key:x", SCRIPT, IMAGE, {"reason": SCRIPT})
    staff = web.staff()
    pages = [
        path_of(route, session_id="s1", exam_id="math")
        for route in ROUTES
        if route.is_page and route.method == "GET" and "staff" in route.callers
    ]
    assert len(pages) > 5
    for path in (*pages, f"/login?next={SCRIPT}", f"/{SCRIPT}", f"/?x={SCRIPT}"):
        page = staff.get(path).get_data(as_text=True)
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
    assert "&lt;img src=x" in staff.get("/admin/exams/math/roster").get_data(as_text=True)


@pytest.mark.parametrize("text", [SCRIPT, IMAGE, "javascript:alert(1)", "{{7*7}}", "ann<b>"])
def test_xss_an_id_with_markup_never_comes_in(web: Web, text: str) -> None:
    for body in ({"user_id": text}, {"user_id": "ann", "exam_id": text}):
        assert web.integrator.post("/api/session/create", body).status_code == 400


def test_xss_what_is_not_html_is_never_taken_for_it(web: Web) -> None:
    web.create("ann")
    for path in ("/api/sessions/active", "/api/openapi.json", "/static/js/lib/dom.js"):
        answer = web.integrator.get(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "html" not in answer.mimetype
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe-inline" not in policy
        assert "unsafe-eval" not in policy


# CSV formulas


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        '=HYPERLINK("http://evil")',
        "=cmd|' /C'!A0",
    ],
)
def test_csv_formula_a_spreadsheet_takes_no_cell_for_one(cell: str) -> None:
    assert harmless(cell).startswith("'")


def test_csv_formula_no_report_holds_one(web: Web) -> None:
    session = a_session("s1", "=1+cmd", "math")
    web.services.repository.add_session(replace(session, started_at=NOON, ended_at=NOON))
    web.services.repository.save_violation(a_violation())
    for path in ("/api/session/s1/report.csv", "/api/exam/math/report.csv"):
        answer = web.integrator.get(path)
        assert answer.status_code == 200
        for row in csv.reader(io.StringIO(answer.get_data(as_text=True))):
            assert not [cell for cell in row if re.match(r"[=+@\t\r]|-[^0-9.]", cell)]


# Operators of the database


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: next(iter(each)))
def test_nosql_operators_are_refused_wherever_they_stand(
    web: Web, operator: dict[str, Any]
) -> None:
    ann = web.create("ann")
    _, secret = web.services.keys.add("all", ["*"])
    client = Bearer(web.anyone, secret)
    headers = {"Authorization": f"Bearer {secret}"}
    names = {"session_id": ann["session_id"], "exam_id": "math"}
    for route in ROUTES:
        if route.body is None or "integrator" not in route.callers:
            continue
        for body in ({"user_id": operator}, {"x": [{"y": operator}]}, operator):
            path = path_of(route, **names)
            answer = client.client.open(path, method=route.method, headers=headers, json=body)
            assert answer.status_code == 400, route.name


def test_nosql_operators_in_a_message_of_a_socket_find_nothing(web: Web) -> None:
    web.create("ann")
    line = web.app.extensions["socketio"].test_client(web.app, auth={"key": "x"})
    assert not line.is_connected()
    for auth in ({"token": {"$ne": ""}}, {"key": {"$gt": ""}}, {"key": ["$ne"]}):
        assert not web.app.extensions["socketio"].test_client(web.app, auth=auth).is_connected()
    _, secret = web.services.keys.add("all", ["*"])
    line = web.app.extensions["socketio"].test_client(web.app, auth={"key": secret})
    for event in ("join_session", "resume", "decide_place"):
        for operator in OPERATORS:
            answer = line.emit(event, {"session_id": operator}, callback=True)
            assert answer["ok"] is False


def test_nosql_operators_in_a_query_find_nothing(web: Web) -> None:
    staff = web.staff()
    for query in ("actor[$ne]=x", "actor=%7B%22%24ne%22%3A1%7D", "action=$where"):
        answer = staff.get(f"/api/audit?{query}")
        assert answer.status_code in (200, 400)


def test_debugging_on_a_public_address_does_not_start(web: Web) -> None:
    from app.errors import SettingsError
    from app.web.server import check_address

    settings = web.services.settings
    for host in ("0.0.0.0", "192.0.2.1", "::", "exam.example"):
        with pytest.raises(SettingsError, match="FLASK_DEBUG"):
            check_address(settings.model_copy(update={"debug": True, "host": host}))


def test_a_page_of_another_site_may_neither_frame_nor_read_ours(web: Web) -> None:
    headers = web.anyone.get("/login", headers={"Origin": "https://evil.example"}).headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in headers


def test_tls_is_insisted_on_behind_a_public_name(tmp_path_factory: pytest.TempPathFactory) -> None:
    web = build_web(tmp_path_factory.mktemp("x"), PROCTOR_PUBLIC_URL="https://exam.example")
    answer = web.anyone.get("/login")
    assert "max-age=" in answer.headers["Strict-Transport-Security"]
    assert "Secure" in answer.headers["Set-Cookie"]
    web.services.repository.close()
