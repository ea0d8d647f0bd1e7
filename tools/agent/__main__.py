"""Streams this machine's camera and microphone, or files, into a session without a browser."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path

from scoring.model import EventKind
from tools.agent.pictures import SourceError, open_pictures
from tools.agent.program import Agent, PlannedEvent
from tools.agent.sounds import open_sounds


def planned_event(text: str) -> PlannedEvent:
    """`KIND@SECOND`. Raises ArgumentTypeError."""
    kind, _, second = text.partition("@")
    try:
        return PlannedEvent(float(second), EventKind(kind).value)
    except ValueError:
        kinds = ", ".join(str(kind) for kind in EventKind)
        raise argparse.ArgumentTypeError(
            f"{text}: write KIND@SECOND, for example paste@20; kinds are {kinds}"
        ) from None


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 when it streamed, 1 when a source or the server refused it."""
    parser = argparse.ArgumentParser(prog="./run.sh agent", description=__doc__)
    parser.add_argument("--server", required=True, help="http://localhost:5000")
    parser.add_argument(
        "--token", required=True, help="the session's token (POST /api/session/create)"
    )
    pictures = parser.add_mutually_exclusive_group()
    pictures.add_argument("--camera", type=int, metavar="N", help="camera number (default 0)")
    pictures.add_argument("--video", type=Path, metavar="FILE", help="a video or picture, looped")
    pictures.add_argument("--no-camera", action="store_true", help="send no pictures")
    sounds = parser.add_mutually_exclusive_group()
    sounds.add_argument("--microphone", metavar="DEV", help="number or part of the name")
    sounds.add_argument("--audio", type=Path, metavar="FILE", help="a sound file, looped")
    sounds.add_argument("--no-microphone", action="store_true", help="send no sound")
    parser.add_argument("--seconds", type=float, help="stop after this long (default: never)")
    parser.add_argument("--end", action="store_true", help="end the session when stopping")
    parser.add_argument(
        "--event",
        type=planned_event,
        action="append",
        default=[],
        metavar="KIND@SECOND",
        help="report a screen event, for demonstrations",
    )
    parser.add_argument("--insecure", action="store_true", help="accept any TLS certificate")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    if options.seconds is not None and options.seconds <= 0:
        parser.error("--seconds must be above 0")

    # Without a word about it the agent takes the machine's camera and microphone; with a video
    # file alone it does not listen, and with an audio file alone it does not look.
    camera, microphone = options.camera, options.microphone
    if camera is None and not (options.video or options.no_camera or options.audio):
        camera = 0
    if microphone is None and not (options.audio or options.no_microphone or options.video):
        microphone = ""
    try:
        agent = Agent(
            options.server,
            options.token,
            open_pictures(camera, options.video),
            open_sounds(microphone, options.audio),
            options.event,
            verify=not options.insecure,
        )
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: agent.stop())
    report = agent.run(options.seconds, options.end)
    print(
        f"Sent {report.batches_sent} batches over {report.connections} connection(s), "
        f"dropped {report.batches_dropped}. {report.cause}".rstrip()
    )
    return 0 if report.batches_sent else 1


if __name__ == "__main__":
    sys.exit(main())
