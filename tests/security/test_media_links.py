"""Signed addresses of evidence: they open one part, for one caller, for some minutes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from app.audit.log import Search
from app.records import ClipStatus, Snapshot
from tests.records import NOON, a_clip, a_session, a_violation
from tests.unit.web.conftest import Bearer, Web, build_web, json_of, page_token

STEM = "ann/flagged_2026-03-02T12-00-00_score10"
BYTES = os.urandom(200_000)
PICTURE = b"\xff\xd8" + os.urandom(70_000)
SOON_S, LATER_S = 14 * 60, 21 * 60


def fill(web: Web) -> None:
    """A session with two clips, a still of the screen and a snapshot."""
    snapshot = Snapshot("no_face-3250", "no_face", NOON, 9.0, 9.0, f"{STEM}_snapshots/a.jpg")
    web.services.repository.add_session(a_session())
    web.services.repository.save_violation(a_violation())
    names = {
        f"{STEM}.mp4": BYTES,
        f"{STEM}_screens/001.jpg": PICTURE,
        snapshot.file_name: PICTURE,
        f"{STEM}b.mp4": BYTES,
    }
    media = web.services.media
    for plain, data in names.items():
        media.storage.write(*media.prepared("s1", plain, data))
    first = a_clip("c1", "s1", ClipStatus.READY, f"{STEM}.mp4", (f"{STEM}_screens/001.jpg",))
    web.services.repository.save_clip(replace(first, snapshots=(snapshot,)))
    web.services.repository.save_clip(a_clip("c2", "s1", ClipStatus.READY, f"{STEM}b.mp4"))


@pytest.fixture(params=["plain", "encrypted"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Web]:
    given = {}
    if request.param == "encrypted":
        (tmp_path / "key").write_text("k" * 64)
        given = {
            "PROCTOR_MEDIA_ENCRYPTION": "on",
            "PROCTOR_MASTER_KEY_FILE": str(tmp_path / "key"),
        }
    built = build_web(tmp_path / "data", **given)
    fill(built)
    yield built
    built.services.repository.close()


@pytest.fixture
def shown(web: Web) -> Web:
    fill(web)
    return web


def url_of(caller: object, clip_id: str = "c1") -> str:
    url: str = caller.get(f"/api/video/{clip_id}").json["video"]["url"]  # type: ignore[attr-defined]
    return url


def changed(url: str, **given: str) -> str:
    """The address with other values in its query."""
    parts = urlsplit(url)
    return f"{parts.path}?{urlencode({**dict(parse_qsl(parts.query)), **given})}"


def test_every_address_of_media_that_is_answered_opens_without_a_key(filled: Web) -> None:
    details = filled.integrator.get("/api/session/s1/details").json
    clip = next(each for each in details["clips"] if each["clip_id"] == "c1")
    urls = {
        clip["url"]: ("video/mp4", BYTES),
        clip["screens"][0]: ("image/jpeg", PICTURE),
        clip["snapshots"][0]["url"]: ("image/jpeg", PICTURE),
        details["violations"][0]["snapshot_url"]: ("image/jpeg", PICTURE),
    }
    for url, (mimetype, data) in urls.items():
        answer = filled.anyone.get(url)
        assert (answer.status_code, answer.mimetype, answer.data) == (200, mimetype, data)
        assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_player_may_seek_through_a_signed_address(filled: Web) -> None:
    url = url_of(filled.integrator)
    part = filled.anyone.get(url, headers={"Range": "bytes=131000-131199"})
    assert (part.status_code, part.data) == (206, BYTES[131_000:131_200])
    assert part.headers["Content-Range"] == f"bytes 131000-131199/{len(BYTES)}"
    assert part.headers["Accept-Ranges"] == "bytes"
    last = filled.anyone.get(url, headers={"Range": "bytes=-5"})
    assert (last.status_code, last.data) == (206, BYTES[-5:])
    assert filled.anyone.get(url, headers={"Range": "bytes=999999-"}).status_code == 416
    assert filled.anyone.head(url).headers["Content-Length"] == str(len(BYTES))


def test_no_media_has_a_public_address(shown: Web) -> None:
    paths = [urlsplit(url_of(shown.integrator)).path, f"/api/video/file/{STEM}.mp4"]
    for path in (*paths, f"/flagged_videos/{STEM}.mp4", f"/static/../flagged_videos/{STEM}.mp4"):
        assert shown.anyone.get(path).status_code in (401, 404)


def test_an_address_expires(shown: Web) -> None:
    url = url_of(shown.integrator)
    shown.clock.advance(SOON_S)
    assert shown.anyone.get(url).status_code == 200
    shown.clock.advance(LATER_S - SOON_S)
    answer = shown.anyone.get(url)
    assert answer.status_code == 403
    assert "expired" in json_of(answer)["error"]["message"]


def test_a_page_that_stays_open_longer_goes_on_by_its_login(shown: Web) -> None:
    staff = shown.staff()
    url = url_of(staff)
    shown.clock.advance(LATER_S)
    assert shown.anyone.get(url).status_code == 403
    assert staff.get(url).status_code == 200


@pytest.mark.parametrize(
    "alter",
    [
        lambda url: changed(url, sig="0" * 64),
        lambda url: changed(url, sig=""),
        lambda url: changed(url, sig="\N{SNOWMAN}"),
        lambda url: changed(url, until=str(2**40)),
        lambda url: changed(url, until="x"),
        lambda url: changed(url, **{"for": "key:other"}),
        lambda url: changed(url, **{"for": "login:first"}),
        lambda url: changed(url, **{"for": "key:" + "x" * 5000}),
        lambda url: changed(url, **{"for": "key:\0"}),
        lambda url: url.replace("/c1/", "/c2/"),
        lambda url: url.replace("clip.mp4", "screen-1.jpg"),
        lambda url: url.replace("clip.mp4", "snapshot-1.jpg"),
    ],
)
def test_an_altered_address_is_refused(shown: Web, alter: Callable[[str], str]) -> None:
    staff = shown.staff()
    for client, url in ((shown.anyone, url_of(shown.integrator)), (staff, url_of(staff))):
        assert client.get(alter(url)).status_code in (401, 403)


def test_an_address_ends_with_the_login_it_was_made_for(shown: Web) -> None:
    staff = shown.staff()
    url = url_of(staff)
    assert shown.anyone.get(url).status_code == 200
    staff.post("/logout", data={"csrf_token": page_token(staff, "/admin")})
    assert shown.anyone.get(url).status_code == 401


def test_an_address_ends_with_a_new_password(shown: Web) -> None:
    url = url_of(shown.staff())
    shown.services.desk.set_password("admin", "another-password")
    assert shown.anyone.get(url).status_code in (401, 403)


def test_an_address_ends_with_its_key(shown: Web) -> None:
    record, secret = shown.services.keys.add("lms", ["evidence:read"])
    url = url_of(Bearer(shown.anyone, secret))
    assert shown.anyone.get(url).status_code == 200
    shown.services.keys.close(record.key_id)
    assert shown.anyone.get(url).status_code == 401


def test_an_address_opens_no_exam_that_was_taken_from_its_proctor(shown: Web) -> None:
    desk = shown.services.desk
    desk.add("pat", "a-password", "proctor", ["math"])
    browser = shown.anyone
    form = {"username": "pat", "password": "a-password", "csrf_token": page_token(browser)}
    assert browser.post("/login", data=form).status_code == 303
    url = url_of(browser)
    assert shown.anyone.get(url).status_code == 200
    desk.change("pat", "proctor", ["art"])
    assert shown.anyone.get(url).status_code == 403


def test_a_key_that_may_not_see_evidence_gets_no_signed_address(shown: Web) -> None:
    _, secret = shown.services.keys.add("board", ["sessions:read"])
    details = Bearer(shown.anyone, secret).get("/api/session/s1/details").json
    assert all("sig=" not in clip["url"] for clip in details["clips"])
    assert shown.anyone.get(details["clips"][0]["url"]).status_code == 401


def test_a_student_gets_no_signed_address(shown: Web) -> None:
    token = shown.services.tokens.join("s1")
    details = shown.student(token).get("/api/session/s1/details").json
    assert "sig=" not in str(details)
    assert shown.student(token).get(details["clips"][0]["url"]).status_code == 403


def test_a_look_through_a_signed_address_is_in_the_audit_under_its_caller(shown: Web) -> None:
    url = url_of(shown.staff())
    for _ in range(3):
        shown.anyone.get(url, headers={"Range": "bytes=0-99"})
    (entry,) = shown.services.audit.search(Search(action="media_part"), 10)
    assert shown.services.audit.people.names()[entry.actor] == "admin"
    assert shown.services.audit.people.names()[entry.subject] == "ann"
    assert entry.detail == {"clip": "c1", "part": "clip", "session": "s1", "exam": "math"}


def test_addresses_stay_the_same_for_a_while_so_that_a_page_loads_nothing_again(
    shown: Web,
) -> None:
    staff = shown.staff()
    shown.clock.advance(10)
    url = url_of(staff)
    shown.clock.advance(200)
    assert url_of(staff) == url
    shown.clock.advance(300)
    assert url_of(staff) != url


@pytest.mark.parametrize(
    "part",
    ["clip.mp3", "screen-0.jpg", "screen-2.jpg", "screen-99999.jpg", "snapshot-1.png", "..", "%00"],
)
def test_a_part_that_does_not_exist_is_not_found(shown: Web, part: str) -> None:
    assert shown.integrator.get(f"/api/media/c1/{part}").status_code == 404


def test_an_integrators_page_may_embed_what_was_signed_for_it(shown: Web) -> None:
    header = "Cross-Origin-Resource-Policy"
    assert shown.anyone.get(url_of(shown.integrator)).headers[header] == "cross-origin"
    assert shown.anyone.get(url_of(shown.staff())).headers[header] == "same-origin"
