"""Starts a server with a few drawn students, so that a newcomer sees a flag within a minute."""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.agent.program import Agent, PlannedEvent
from tools.agent.sounds import RATE, LoopedSounds
from tools.drawn import LOOKS, Camera, Picture, Pose, draw_room, draw_students
from tools.serving import Refused, Server, ServerFailed

_LOOK_EVERY_S = 2.0
EXAM = "demo-exam"


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawing that is shown for some seconds."""

    seconds: float
    drawing: Picture


class ScenePictures:
    """Scenes one after another, over and over, through a camera's grain and sway."""

    def __init__(self, scenes: Sequence[Scene], seed: int) -> None:
        self._scenes = tuple(scenes)
        self._period_s = sum(scene.seconds for scene in scenes)
        self._camera = Camera(seed)

    def at(self, at_s: float, /) -> Picture | None:
        left_s = at_s % self._period_s
        for scene in self._scenes:
            if left_s < scene.seconds:
                return self._camera.take(scene.drawing, at_s)
            left_s -= scene.seconds
        return None

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class Student:
    """One drawn student and what happens."""

    user_id: str
    story: str
    scenes: tuple[Scene, ...]
    events: tuple[PlannedEvent, ...] = ()


def students() -> tuple[Student, ...]:
    """Four students. Each scene is one drawing; the detectors judge them like any camera's."""
    alone = [draw_students([(Pose(), look)]) for look in LOOKS]
    aside = draw_students([(Pose(look_x=-1.0), LOOKS[2])])
    beside = draw_students([(Pose(470, 200, 80), LOOKS[0]), (Pose(250), LOOKS[3])])
    return (
        Student("anna", "works calmly", (Scene(60, alone[0]),)),
        Student(
            "ben",
            "leaves the chair after 15 s",
            (Scene(15, alone[1]), Scene(30, draw_room()), Scene(45, alone[1])),
        ),
        Student(
            "carla",
            "looks to the side, then changes to another window and pastes",
            (Scene(20, alone[2]), Scene(8, aside), Scene(62, alone[2])),
            tuple(
                PlannedEvent(at_s, kind)
                for at_s, kind in (
                    (35.0, "tab_hidden"),
                    (38.0, "focus_returned"),
                    (41.0, "paste"),
                    (44.0, "tab_hidden"),
                    (46.0, "focus_returned"),
                )
            ),
        ),
        Student(
            "deniz",
            "gets a visitor after 20 s",
            (Scene(20, alone[3]), Scene(10, beside), Scene(60, alone[3])),
        ),
    )


def quiet_room() -> LoopedSounds:
    """Ten seconds of faint noise: a microphone in a quiet room."""
    noise = np.random.default_rng(1).normal(0, 12, RATE * 10)
    return LoopedSounds(noise.astype("<i2").tobytes())


class Demo:
    """The server, its students, and the words on the console."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._agents: list[Agent] = []
        self._threads: list[threading.Thread] = []
        self._told: set[str] = set()

    def begin(self) -> None:
        """Create the sessions and let the students stream."""
        for number, student in enumerate(students()):
            created = self._server.post(
                "/api/session/create", {"user_id": student.user_id, "exam_id": EXAM}
            )
            agent = Agent(
                self._server.url,
                created["token"],
                ScenePictures(student.scenes, number),
                quiet_room(),
                student.events,
            )
            thread = threading.Thread(target=agent.run, name=f"demo-{student.user_id}", daemon=True)
            thread.start()
            self._agents.append(agent)
            self._threads.append(thread)
            print(f"  {student.user_id:6} {student.story}")

    def tell_flags(self) -> None:
        """Print what was flagged and which clips became ready since the last call."""
        for clip in reversed(self._server.get("/api/flagged/all")["flagged"]):
            rules = ", ".join(rule.replace("_", " ") for rule in clip["rules"])
            self._tell(
                f"flag {clip['clip_id']}",
                f"FLAG  {clip['user_id']}: {clip['score']:g} points ({rules})",
            )
            if clip["status"] == "ready":
                self._tell(
                    f"clip {clip['clip_id']}",
                    f"CLIP  {clip['user_id']}: {clip['duration_s']:.0f} s, {clip['file_path']}",
                )

    def end(self) -> None:
        for agent in self._agents:
            agent.stop()
        for thread in self._threads:
            thread.join(10)

    def _tell(self, key: str, text: str) -> None:
        if key not in self._told:
            self._told.add(key)
            print(text, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """The command: runs until Ctrl-C or `--seconds`; 1 when the server does not start."""
    parser = argparse.ArgumentParser(prog="./run.sh demo", description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="keep the data here (default: thrown away)")
    parser.add_argument("--port", type=int, help="port of the server (default: a free one)")
    parser.add_argument("--seconds", type=float, help="end after this long (default: Ctrl-C)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="candor-demo-") as scratch:
        server = Server(
            (options.data_dir or Path(scratch)).resolve(),
            {"FLASK_PORT": str(options.port)} if options.port else None,
        )
        try:
            return _run(server, options.seconds)
        except (ServerFailed, Refused) as error:
            print(f"The demonstration stopped: {error}", file=sys.stderr)
            return 1
        finally:
            server.stop()


def _run(server: Server, seconds: float | None) -> int:
    print("Starting a server ...", flush=True)
    server.start()
    machine = server.wait_for_detectors()
    for part in machine["detectors"]:
        if not part["is_on"]:
            print(f"  {part['detector']} is off. {part['remedy']}")
    demo = Demo(server)
    print("Drawn students are taking an exam:")
    demo.begin()
    print(
        f"\nOpen {server.url}/admin\n  user      admin\n  password  {server.admin_password}\n"
        "Flags and clips are told here as they come. Ctrl-C ends it.\n",
        flush=True,
    )
    pause = threading.Event()
    left_s = float("inf") if seconds is None else seconds
    try:
        while left_s > 0:
            pause.wait(min(_LOOK_EVERY_S, left_s))
            left_s -= _LOOK_EVERY_S
            demo.tell_flags()
    except KeyboardInterrupt:
        print("\nEnding.")
    finally:
        demo.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
