"""REST: flagged clips and their files."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import flask

from app.access.needs import EVIDENCE_READ, EVIDENCE_SHOWN
from app.api.models import FlaggedClips, Video
from app.api.shapes import clip_of, file_of
from app.errors import NotFound, Unavailable
from app.ids import is_ours
from app.records import ClipRecord, ClipStatus
from app.store.repository import EVERY
from app.web.media import send_media
from app.web.routes import Call, Route

MEDIA_TYPES = {".mp4": "video/mp4", ".jpg": "image/jpeg"}
_STORED_PATH = re.compile(r"[A-Za-z0-9._@+-]+(/[A-Za-z0-9._@+:-]+)+", re.ASCII)
LONGEST_PATH = 300
UNREADABLE = (
    "The file cannot be read: it was altered, or where clips are stored does not answer."
    " ./run.sh verify says more."
)


def seen_clips(call: Call, limit: int = EVERY) -> list[ClipRecord]:
    """The clips of the exams this caller may see, newest flag first."""
    clips = call.services.repository.clips(limit=limit)
    return [record for record in clips if call.by.may_see(record.exam_id)]


def flagged(call: Call) -> FlaggedClips:
    links = call.services.media_links.of(call.caller)
    clips = [clip_of(record, links) for record in seen_clips(call)]
    return FlaggedClips(flagged=clips, count=len(clips))


def video(call: Call) -> Video:
    video_id = call.path["video_id"]
    record = call.services.repository.clip(video_id) if is_ours(video_id) else None
    if record is None:
        raise NotFound("There is no such video.")
    return Video(video=clip_of(record, call.services.media_links.of(call.caller)))


def video_file(call: Call) -> flask.Response:
    """Only what the store knows as a finished clip or one of its pictures is served."""
    path = call.path["filepath"]
    if not _is_known(call, path):
        raise NotFound("There is no such file.")
    return _sent(call, path)


def media_part(call: Call) -> flask.Response:
    """The video of a clip, or one of its pictures, by its number."""
    clip_id = call.path["clip_id"]
    record = call.services.repository.clip(clip_id) if is_ours(clip_id) else None
    if record is None:
        raise NotFound("There is no such file.")
    response = send_part(call, record, call.path["part"])
    if call.by.kind == "integrator":
        # Made for the integrator's own pages, which are of another origin.
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def send_part(call: Call, record: ClipRecord, part: str) -> flask.Response:
    """The video of a clip that the caller may see, or one of its pictures. Raises NotFound."""
    path = file_of(record, part)
    if path is None:
        raise NotFound("There is no such file.")
    return _sent(call, path)


def _sent(call: Call, path: str) -> flask.Response:
    mimetype = MEDIA_TYPES.get(PurePosixPath(path).suffix)
    if mimetype is None:
        raise NotFound("There is no such file.")
    try:
        file = call.services.media.open(path)
    except (FileNotFoundError, ValueError):
        raise NotFound("There is no such file.") from None
    except OSError:
        raise Unavailable(UNREADABLE) from None
    return send_media(file, mimetype, path)


def _is_known(call: Call, path: str) -> bool:
    if len(path) > LONGEST_PATH or ".." in path or not _STORED_PATH.fullmatch(path):
        return False
    record = call.services.repository.clip_of_file(path)
    return record is not None and record.status is ClipStatus.READY


ROUTES = (
    Route(
        "GET",
        "/api/flagged/all",
        "flagged_clips",
        "List the flagged clips, newest first",
        flagged,
        needs=EVIDENCE_READ,
        answer=FlaggedClips,
    ),
    Route(
        "GET",
        "/api/video/{video_id}",
        "video",
        "What is known about one clip",
        video,
        needs=EVIDENCE_READ,
        answer=Video,
        refusals={404: "There is no such video."},
        parameters={"video_id": "The clip_id of a clip."},
    ),
    Route(
        "GET",
        "/api/video/file/{filepath}",
        "video_file",
        "The clip itself (MP4), or one of its pictures (JPEG); answers range requests",
        video_file,
        needs=EVIDENCE_READ,
        media="video/mp4",
        refusals={404: "There is no such file."},
        parameters={"filepath": "The file_path of a ready clip."},
    ),
    Route(
        "GET",
        "/api/media/{clip_id}/{part}",
        "media_part",
        "A clip (clip.mp4) or one of its pictures (screen-1.jpg, snapshot-1.jpg); answers range"
        " requests. The addresses in other answers are signed: they open without a login or key"
        " for some minutes",
        media_part,
        needs=EVIDENCE_SHOWN,
        media="video/mp4",
        refusals={
            403: "The key or login does not open this, or the address was altered or expired.",
            404: "There is no such file.",
        },
        parameters={"clip_id": "The clip's id.", "part": "Which file of the clip."},
    ),
)
