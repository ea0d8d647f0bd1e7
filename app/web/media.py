"""Sends stored media, whole or in the part a player asks for."""

from __future__ import annotations

import hashlib
import io
from typing import BinaryIO

import flask
from werkzeug.wsgi import wrap_file

PART_BYTES = 65_536


def send_media(file: BinaryIO, mimetype: str, name: str) -> flask.Response:
    """An answer to GET or HEAD with `file`, which is closed when it is sent.

    Answers range requests, so that a player can seek. Raises RequestedRangeNotSatisfiable for a
    part that does not exist.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    environ = flask.request.environ
    response = flask.Response(
        wrap_file(environ, file, PART_BYTES), mimetype=mimetype, direct_passthrough=True
    )
    response.content_length = size
    response.headers["Cache-Control"] = "private, no-store"
    response.set_etag(hashlib.sha256(f"{name}:{size}".encode()).hexdigest()[:32])
    try:
        response.make_conditional(environ, accept_ranges=True, complete_length=size)
    except BaseException:
        file.close()
        raise
    return response
