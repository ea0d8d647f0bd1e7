"""One simulated student: speaks the browser's protocol, a batch a second, until told to stop."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from tools.simulation.material import Material
from tools.simulation.mix import Part
from tools.simulation.wire import Wire, WireError

BATCH_S = 1.0
HARMLESS_EVERY_S = 20.0
_AGAIN_S = 2.0
# A batch is sent a moment after its last picture was taken: the browser has to encode it.
_ENCODING_S = 0.03
# How much of what was captured a browser keeps for a line that is down.
_KEEP_S = 10.0
_SOUND_BYTES_PER_S = 32_000


@dataclass(slots=True)
class Told:
    """What one student did and was answered."""

    session_id: str = ""
    started_ms: float = 0.0
    batches: int = 0
    frames: int = 0
    refused: int = 0
    skipped_batches: int = 0
    reconnections: int = 0
    ack_ms: list[float] = field(default_factory=list)
    events_sent: list[tuple[str, str]] = field(default_factory=list)
    events_unanswered: int = 0
    problems: list[str] = field(default_factory=list)


class SimulatedStudent:
    """Runs in the loop of the simulation; `phase_s` spreads students over the second."""

    def __init__(
        self, server: str, token: str, part: Part, material: Material, phase_s: float
    ) -> None:
        self._server = server
        self._token = token
        self.part = part
        self._material = material
        self._phase_s = phase_s
        self._stop = asyncio.Event()
        self._wire = Wire()
        self._pace_fps = material.fps
        self._seq = 0
        self._frame_number = 0
        self._event_number = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self.told = Told()

    @property
    def sent_bytes(self) -> int:
        return self._wire.sent_bytes

    def stop(self) -> None:
        """End the session after the batch that is being made."""
        self._stop.set()

    async def run(self) -> None:
        """Join, stream, end. Never raises: what went wrong is in `told.problems`."""
        while not self._stop.is_set():
            try:
                await self._begin()
                await self._stream()
                await self._end()
            except WireError as error:
                self.told.problems.append(str(error))
                self.told.reconnections += 1
                await self._pause(_AGAIN_S)
            finally:
                await self._wire.close()

    async def _begin(self) -> None:
        self._wire = Wire(self._told)
        await self._wire.connect(self._server, {"token": self._token})
        answer = await self._wire.ask("start", {"client": "browser", "capabilities": {}})
        if not answer.get("ok"):
            raise WireError(f"`start` was refused: {answer.get('error')}")
        self._token = answer["token"]
        self._seq = int(answer["next_seq"])
        self.told.session_id = answer["session_id"]
        self.told.started_ms = float(answer["started_ms"])
        self._told("pace", [answer.get("pace") or {}])

    def _told(self, name: str, arguments: list[Any]) -> None:
        """Send fewer pictures when the server asks for it; never smaller ones, which would have
        to be encoded here."""
        if name == "pace" and arguments:
            wanted = float(arguments[0].get("video_fps") or self._material.fps)
            self._pace_fps = min(self._material.fps, max(0.1, wanted))

    async def _stream(self) -> None:
        """A batch each second of what was captured since the last one."""
        first_s = time.time()
        captured_s = first_s
        due_s = first_s + BATCH_S * (0.3 + 0.7 * self._phase_s)
        while not self._stop.is_set():
            await self._pause(due_s - time.time())
            now_s = time.time() - _ENCODING_S
            if len(self._under_way) < 3:
                captured_s = max(captured_s, now_s - _KEEP_S)
                self._send_batch(captured_s, now_s)
                captured_s = now_s
            else:
                self.told.skipped_batches += 1
            if not self._wire.is_open:
                raise WireError("The line is down.")
            due_s = max(due_s + BATCH_S, time.time())

    async def _end(self) -> None:
        if self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._wire.ask("end_session", {})

    def _send_batch(self, from_s: float, to_s: float) -> None:
        """Pictures at the camera's rate and sound without a gap, captured in [from_s, to_s)."""
        second_s = from_s - self.told.started_ms / 1000
        fps = self._pace_fps
        instants = []
        # Pictures lie on one raster over all batches, so that none is doubled or missing.
        number = int(from_s * fps) + 1
        while number / fps < to_s:
            instants.append(number / fps)
            number += 1
        parts = [(at_s, self._picture(at_s)) for at_s in instants[-30:]]
        sounds = [(from_s, self._sound(from_s, to_s))]
        header = {
            "seq": self._seq,
            "sent_ms": time.time() * 1000,
            "frames": [{"t": at_s * 1000, "size": len(jpeg)} for at_s, jpeg in parts],
            "audio": [{"t": at_s * 1000, "size": len(pcm)} for at_s, pcm in sounds],
            "screen": [],
            "events": [],
            "state": {
                "visible": True,
                "focused": True,
                "fullscreen": True,
                "camera": True,
                "microphone": True,
                "screen": False,
            },
        }
        self._seq += 1
        self.told.batches += 1
        self.told.frames += len(parts)
        body = b"".join([data for _, data in (*parts, *sounds)])
        self._do(self._batch(header, body))
        for at_s, kind in self._due_events(second_s, second_s + to_s - from_s):
            self._do(self._event(kind, self.told.started_ms + at_s * 1000))

    def _picture(self, at_s: float) -> bytes:
        second_s = at_s - self.told.started_ms / 1000
        self._frame_number += 1
        scene = self.part.scene_at(second_s)
        return self._material.frame(scene, self.part.number, self._frame_number)

    def _sound(self, from_s: float, to_s: float) -> bytes:
        """PCM of [from_s, to_s), from the sound the part makes in each second."""
        begin = from_s - self.told.started_ms / 1000
        wanted = 2 * round((to_s - from_s) * _SOUND_BYTES_PER_S / 2)
        pieces: list[bytes] = []
        have = 0
        while have < wanted:
            second, inside_s = divmod(begin + have / _SOUND_BYTES_PER_S + 1e-6, 1.0)
            piece = self._material.sound(*self.part.sound_at(int(second)))
            offset = 2 * int(inside_s * _SOUND_BYTES_PER_S / 2)
            pieces.append(piece[offset : offset + wanted - have] or bytes(2))
            have += len(pieces[-1])
        return b"".join(pieces)

    def _due_events(self, from_s: float, to_s: float) -> list[tuple[float, str]]:
        due = self.part.events_between(from_s, to_s)
        if from_s // HARMLESS_EVERY_S != to_s // HARMLESS_EVERY_S:
            due.append((to_s // HARMLESS_EVERY_S * HARMLESS_EVERY_S, "fullscreen_enter"))
        return due

    async def _batch(self, header: dict[str, Any], body: bytes) -> None:
        began_s = time.monotonic()
        answer = await self._wire.ask("batch", header, body=body)
        self.told.ack_ms.append((time.monotonic() - began_s) * 1000)
        if not answer.get("ok"):
            self.told.problems.append(f"A batch was refused: {answer.get('error')}")
        self.told.refused += len(answer.get("refused", ()))

    async def _event(self, kind: str, at_ms: float) -> None:
        event_id = f"s{self.part.number}-{self._event_number}"
        self._event_number += 1
        self.told.events_sent.append((event_id, kind))
        message = {"id": event_id, "kind": kind, "t": at_ms}
        for _ in range(3):
            try:
                answer = await self._wire.ask("screen_event", message)
            except WireError:
                await asyncio.sleep(_AGAIN_S)
                continue
            if answer.get("ok"):
                return
            await asyncio.sleep(_AGAIN_S)
        self.told.events_unanswered += 1

    def _do(self, work: Any) -> None:
        task = asyncio.create_task(self._guarded(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _guarded(self, work: Any) -> None:
        try:
            await work
        except WireError as error:
            self.told.problems.append(str(error))

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            try:
                await asyncio.wait_for(self._stop.wait(), seconds)
            except asyncio.TimeoutError:
                return
