"""The system test names what is wrong and what to do, and never falls over itself."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from app.settings import PROJECT_ROOT, Settings, load_settings
from tools.check import place, senses, software
from tools.check.__main__ import SENSES, carefully, looks, main
from tools.check.findings import Finding, State
from tools.serving import free_port
from tools.tls import make_certificate, write_pair


def _settings(tmp_path: Path, **given: str) -> Settings:
    environ = {"PROCTOR_DATA_DIR": str(tmp_path), **given}
    return load_settings(environ, env_file=tmp_path / "no.env")


def _only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def test_everything_that_is_not_ok_has_a_remedy(tmp_path: Path) -> None:
    settings = _settings(tmp_path, FLASK_PORT=str(free_port()))
    for heading, look in looks(settings):
        if heading != SENSES:
            for finding in carefully(look):
                assert bool(finding.remedy) == (finding.state is not State.OK), finding


def test_the_installed_packages_are_the_pinned_ones() -> None:
    findings = list(software.look_at_packages())
    assert [item for item in findings if item.state is State.PROBLEM] == []


def test_requirements_for_another_python_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(
        '# comment\nflask==3.0  # why\nav==1; python_version >= "3.10"\n'
        'av==0; python_version < "3.10"\npymongo[srv]==4\n'
    )
    assert list(software.pinned([file])) == [("flask", "3.0"), ("av", "1"), ("pymongo", "4")]


def test_a_package_that_is_missing_or_old_is_named(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("no-such-package==1\nflask==0.1\n")
    missing, old, _ = software.look_at_packages([file])
    assert (missing.subject, missing.state) == ("no-such-package", State.PROBLEM)
    assert (old.subject, old.state) == ("flask", State.LESS)
    assert "tested with 0.1" in old.detail


def test_a_front_end_that_was_not_fetched_is_a_problem(tmp_path: Path) -> None:
    finding = _only(list(software.look_at_pages(tmp_path)))
    assert finding.state is State.PROBLEM
    assert "socket.io" in finding.detail


def test_clips_can_be_encoded() -> None:
    assert _only(list(software.look_at_encoders())).state is State.OK


def test_the_embedded_database_is_written_and_left_clean(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    assert _only(list(place.look_at_database(settings))).state is State.OK
    from app.store.engines import open_neosqlite

    engine = open_neosqlite(settings.database_file)
    assert list(engine.collection("system_check").find({})) == []
    engine.close()


def test_a_database_folder_that_is_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    finding = _only(list(place.look_at_database(_settings(tmp_path))))
    assert finding.state is State.PROBLEM
    assert "data" in finding.remedy


def test_a_port_that_another_program_holds_is_a_problem(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen(0)
        settings = _settings(tmp_path, FLASK_PORT=str(holder.getsockname()[1]))
        finding = _only(list(place.look_at_port(settings)))
    assert finding.state is State.PROBLEM
    assert "FLASK_PORT" in finding.remedy


@pytest.mark.parametrize(("days", "state"), [(-1, State.PROBLEM), (5, State.LESS), (300, State.OK)])
def test_a_certificate_is_judged_by_the_days_it_has_left(
    tmp_path: Path, days: int, state: State
) -> None:
    now = datetime.now(timezone.utc)
    pair = make_certificate(["localhost"], 1, now + timedelta(days=days - 1, hours=1))
    certificate, key = write_pair(tmp_path, *pair)
    settings = _settings(tmp_path, PROCTOR_TLS_CERT=str(certificate), PROCTOR_TLS_KEY=str(key))
    assert _only(list(place.look_at_certificate(settings))).state is state


def test_a_certificate_file_that_is_none_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("no certificate")
    settings = _settings(
        tmp_path, PROCTOR_TLS_CERT=str(tmp_path / "c"), PROCTOR_TLS_KEY=str(tmp_path / "c")
    )
    assert _only(list(place.look_at_certificate(settings))).state is State.PROBLEM


def test_an_open_address_without_tls_is_pointed_out(tmp_path: Path) -> None:
    findings = list(place.look_at_settings(_settings(tmp_path, FLASK_HOST="0.0.0.0")))
    assert any("camera" in item.detail for item in findings)


def test_missing_and_unknown_models_are_named_with_their_remedy(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "yolox_nano.onnx").write_bytes(b"something else")
    findings = list(senses.look_at_models(models))
    nano = next(item for item in findings if "YOLOX" in item.subject)
    assert "unknown sha256" in nano.detail
    assert all(item.state is State.LESS and item.remedy for item in findings)


def test_a_look_that_fails_does_not_hide_the_others() -> None:
    def fall() -> list[Finding]:
        raise RuntimeError("broken")

    assert _only(list(carefully(fall))).state is State.PROBLEM


def test_a_wrong_setting_is_a_sentence_and_status_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLASK_PORT", "many")
    assert main([]) == 1
    assert "FLASK_PORT" in capsys.readouterr().out


def test_every_vendored_file_is_one_the_vendor_script_copies() -> None:
    script = (PROJECT_ROOT / "tools" / "vendor.mjs").read_text(encoding="utf-8")
    assert all(name in script for name in software._VENDOR)
