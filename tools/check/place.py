"""Where the server lives: settings, folders, database, port, certificate."""

from __future__ import annotations

import http.client
import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterable
from datetime import datetime, timezone

from cryptography import x509

from app.errors import CandorError
from app.settings import PROJECT_ROOT, Settings
from app.store.engines import open_neosqlite, open_pymongo
from tools.check.findings import Finding, less, ok, problem

_LITTLE_DISK_BYTES = 2_000_000_000
_SOON_DAYS = 14
_ANSWER_WITHIN_S = 3.0
_MARK = {"_id": "system-check", "written": True}


def look_at_settings(settings: Settings) -> Iterable[Finding]:
    """`.env` and what follows from it."""
    file = PROJECT_ROOT / ".env"
    if not file.exists():
        yield less("Settings", "there is no .env yet", "./run.sh makes it on its first start.")
    elif file.stat().st_mode & 0o077:
        yield less("Settings", ".env can be read by others and holds secrets", "chmod 600 .env")
    else:
        yield ok("Settings", ".env can be read and is right")
    is_local = settings.host in {"127.0.0.1", "localhost", "::1"}
    if not is_local and not settings.is_tls and not settings.trusted_proxies:
        yield less(
            "Address",
            f"{settings.host} without TLS: other machines get the page but no camera",
            "./run.sh tls makes a certificate; deploy/ has a reverse proxy.",
        )


def look_at_folders(settings: Settings) -> Iterable[Finding]:
    """Can data, clips and logs be written, and is there room for them?"""
    for folder in (settings.database_file.parent, settings.clips_path, settings.logs_path):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"candor")
        except OSError as error:
            yield problem(
                "Folder",
                f"{folder}: {error.strerror}",
                "Let this user write it, or set PROCTOR_DATA_DIR.",
            )
            return
    free = shutil.disk_usage(settings.data_path).free
    detail = f"{settings.data_path} can be written, {free / 1e9:.1f} GB free"
    if free < _LITTLE_DISK_BYTES:
        yield less("Folders", detail, "Make room: a clip takes a few MB.")
    else:
        yield ok("Folders", detail)


def look_at_database(settings: Settings) -> Iterable[Finding]:
    """Opened, written, read back, cleaned up."""
    try:
        engine = (
            open_pymongo(settings.mongo_uri, settings.db_name)
            if settings.mongo_uri
            else open_neosqlite(settings.database_file)
        )
    except CandorError as error:
        yield problem("Database", error.message, _database_remedy(settings))
        return
    try:
        with engine.lock:
            documents = engine.collection("system_check")
            documents.replace_one({"_id": _MARK["_id"]}, dict(_MARK), upsert=True)
            is_there = documents.find_one({"_id": _MARK["_id"]})
            documents.delete_one({"_id": _MARK["_id"]})
    except engine.failures as error:
        yield problem("Database", f"{engine.place}: {error}", _database_remedy(settings))
    else:
        if is_there:
            yield ok("Database", f"{engine.name}, {engine.place}: written and read back")
        else:
            yield problem("Database", "what was written is not there", _database_remedy(settings))
    finally:
        engine.close()


def _database_remedy(settings: Settings) -> str:
    if settings.mongo_uri:
        return "Is MONGO_URI right and the server up? Empty MONGO_URI uses an embedded file."
    return "Let this user write the folder data/, or set PROCTOR_DATA_DIR."


def look_at_port(settings: Settings) -> Iterable[Finding]:
    """Is the port free, or is it Candor itself that holds it?"""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
        yield ok("Port", f"{settings.port} on {settings.host} is free")
    except OSError as error:
        if _is_candor(settings):
            yield ok("Port", f"{settings.port}: Candor is running there")
        else:
            yield problem(
                "Port",
                f"{settings.port} on {settings.host}: {error.strerror}",
                "Stop the program that uses it, or set FLASK_PORT.",
            )


def _is_candor(settings: Settings) -> bool:
    host = "localhost" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104
    connection: http.client.HTTPConnection
    if settings.is_tls:
        # Whether it answers is the question here, not whether to trust it.
        context = ssl._create_unverified_context()  # noqa: S323
        connection = http.client.HTTPSConnection(
            host, settings.port, timeout=_ANSWER_WITHIN_S, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, settings.port, timeout=_ANSWER_WITHIN_S)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        return answer.status == 200 and b"success" in answer.read(1000)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def look_at_certificate(settings: Settings) -> Iterable[Finding]:
    """The TLS certificate, where one is set."""
    if settings.tls_cert is None or settings.tls_key is None:
        return
    remedy = "./run.sh tls makes a new one."
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
        certificate = x509.load_pem_x509_certificate(settings.tls_cert.read_bytes())
    except (OSError, ValueError) as error:
        yield problem("Certificate", f"{settings.tls_cert}: {error}", remedy)
        return
    left = (certificate.not_valid_after_utc - datetime.now(timezone.utc)).days
    detail = f"good for {left} more days"
    if left < 0:
        yield problem("Certificate", "has expired", remedy)
    elif left < _SOON_DAYS:
        yield less("Certificate", detail, remedy)
    else:
        yield ok("Certificate", detail)
