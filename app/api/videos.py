"""REST: flagged clips and their files."""

from __future__ import annotations

import re
from pathlib import Path

import flask

from app.api.models import FlaggedClips, Video
from app.api.shapes import clip_of
from app.errors import NotFound
from app.ids import is_ours
from app.records import ClipStatus
from app.web.routes import Call, Route

MEDIA_TYPES = {".mp4": "video/mp4", ".jpg": "image/jpeg"}
_STORED_PATH = re.compile(r"[A-Za-z0-9._@+-]+(/[A-Za-z0-9._@+:-]+)+", re.ASCII)
LONGEST_PATH = 300


def flagged(call: Call) -> FlaggedClips:
    clips = [clip_of(record) for record in call.services.repository.clips()]
    return FlaggedClips(flagged=clips, count=len(clips))


def video(call: Call) -> Video:
    video_id = call.path["video_id"]
    record = call.services.repository.clip(video_id) if is_ours(video_id) else None
    if record is None:
        raise NotFound("There is no such video.")
    return Video(video=clip_of(record))


def video_file(call: Call) -> flask.Response:
    """Only what the store knows as a finished clip or one of its stills is served."""
    path = call.path["filepath"]
    found = _file_of(call, path)
    if found is None:
        raise NotFound("There is no such file.")
    response = flask.send_file(
        found, mimetype=MEDIA_TYPES[found.suffix], conditional=True, etag=True
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _file_of(call: Call, path: str) -> Path | None:
    if len(path) > LONGEST_PATH or ".." in path or not _STORED_PATH.fullmatch(path):
        return None
    record = call.services.repository.clip_of_file(path)
    if record is None or record.status is not ClipStatus.READY:
        return None
    folder = call.services.settings.clips_path.resolve()
    file = (folder / path).resolve()
    is_servable = file.is_relative_to(folder) and file.suffix in MEDIA_TYPES and file.is_file()
    return file if is_servable else None


ROUTES = (
    Route(
        "GET",
        "/api/flagged/all",
        "flagged_clips",
        "List the flagged clips, newest first",
        flagged,
        callers=("integrator", "staff"),
        answer=FlaggedClips,
    ),
    Route(
        "GET",
        "/api/video/{video_id}",
        "video",
        "What is known about one clip",
        video,
        callers=("integrator", "staff"),
        answer=Video,
        refusals={404: "There is no such video."},
        parameters={"video_id": "The clip_id of a clip."},
    ),
    Route(
        "GET",
        "/api/video/file/{filepath}",
        "video_file",
        "The clip itself (MP4), or a still of the screen (JPEG); answers range requests",
        video_file,
        callers=("integrator", "staff"),
        media="video/mp4",
        refusals={404: "There is no such file."},
        parameters={"filepath": "The file_path of a ready clip."},
    ),
)
