"""How the model files are gathered: sources, checksums, giving up."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from detectors.model_files import Outcome, gather, main
from detectors.models import MODELS, YOLOV8N, ModelFile, find_model

CONTENT = b"weights" * 5000


class _Publisher(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path != "/absent" else 404)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if self.path == "/trickle":
            stop: threading.Event = self.server.stop  # type: ignore[attr-defined]
            for i in range(len(CONTENT)):
                if stop.wait(0.05):
                    return
                try:
                    self.wfile.write(CONTENT[i : i + 1])
                except OSError:
                    return
        elif self.path == "/model":
            self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        """Keeps the test's output quiet."""


@pytest.fixture
def publisher() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Publisher)
    server.stop = threading.Event()  # type: ignore[attr-defined]
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.stop.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join(5)


def _model(url: str = "", content: bytes = CONTENT, is_own_export: bool = False) -> ModelFile:
    return ModelFile(
        name="thing.onnx",
        title="Thing",
        detector="objects",
        licence="MIT",
        source="-",
        lost_without="things are not seen",
        remedy="Fetch it by hand.",
        sha256=("0" * 64, hashlib.sha256(content).hexdigest()),
        url=url,
        is_own_export=is_own_export,
    )


def _gather(model: ModelFile, target: Path, *sources: Path, give_up_s: float = 5) -> Outcome:
    (outcome,) = gather(target, sources, (model,), give_up_s=give_up_s)
    return outcome


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_model_is_downloaded_whole_and_only_once(tmp_path: Path, publisher: str) -> None:
    model = _model(publisher + "/model")
    assert _gather(model, tmp_path).how == "downloaded from 127.0.0.1"
    assert (tmp_path / model.name).read_bytes() == CONTENT
    assert _gather(model, tmp_path).how == "already there"
    assert find_model(model, tmp_path) == tmp_path / model.name


def test_a_local_folder_is_asked_before_the_network(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    (first / "thing.onnx").write_bytes(b"something else")
    (second / "thing.onnx").write_bytes(CONTENT)
    outcome = _gather(_model(), tmp_path / "target", first, second)
    assert outcome.how == f"copied from {second}"
    assert _names(tmp_path / "target") == ["thing.onnx"]


def test_a_damaged_file_in_the_target_is_replaced(tmp_path: Path, publisher: str) -> None:
    (tmp_path / "thing.onnx").write_bytes(b"half")
    assert _gather(_model(publisher + "/model"), tmp_path).is_there
    assert (tmp_path / "thing.onnx").read_bytes() == CONTENT


def test_a_download_with_a_wrong_checksum_is_refused(tmp_path: Path, publisher: str) -> None:
    outcome = _gather(_model(publisher + "/model", content=b"other"), tmp_path)
    assert "wrong checksum" in outcome.problem
    assert _names(tmp_path) == []


def test_an_address_without_the_file_is_reported(tmp_path: Path, publisher: str) -> None:
    outcome = _gather(_model(publisher + "/absent"), tmp_path)
    assert outcome.problem.startswith("127.0.0.1")
    assert _names(tmp_path) == []


def test_a_download_that_trickles_is_given_up_in_time(tmp_path: Path, publisher: str) -> None:
    started_s = time.monotonic()
    outcome = _gather(_model(publisher + "/trickle"), tmp_path, give_up_s=0.3)
    assert "gave up within 0.3 s" in outcome.problem
    assert time.monotonic() - started_s < 3
    assert _names(tmp_path) == []


def test_a_missing_model_is_reported_with_its_loss_and_its_remedy(tmp_path: Path) -> None:
    out = io.StringIO()
    gather(tmp_path, (), (_model("http://127.0.0.1:9/model"),), out, give_up_s=1)
    assert "Without it things are not seen." in out.getvalue()
    assert "Fetch it by hand." in out.getvalue()


def test_an_own_export_is_taken_from_a_local_folder_as_it_is(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "thing.onnx").write_bytes(b"exported by another version")
    outcome = _gather(_model(is_own_export=True), tmp_path / "target", source)
    assert outcome.how == f"copied from {source}"


def test_the_command_never_fails_a_set_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert main(["--target", str(blocked / "models")]) == 0
    assert "cannot be made" in capsys.readouterr().out


def test_every_entry_says_where_it_comes_from_and_what_is_lost_without_it() -> None:
    assert len({model.name for model in MODELS}) == len(MODELS)
    for model in MODELS:
        assert model.licence
        assert model.lost_without
        assert model.source.startswith("https://")
        assert model.url.startswith("https://") or model.package_file or model.is_own_export
        assert all(len(checksum) == 64 for checksum in model.sha256)
        assert model.name in model.remedy or model.recipe


def test_yolov8n_is_not_downloaded_but_its_export_is_explained() -> None:
    assert not YOLOV8N.url
    assert "yolo export" in YOLOV8N.remedy
