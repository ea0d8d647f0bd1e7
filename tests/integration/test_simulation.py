"""The load generator against a whole server: all of it arrives, and is measured."""

from __future__ import annotations

from pathlib import Path

from tests.live_server import live_server
from tests.scripted_media import scripted_jpeg, scripted_pcm
from tools.simulation.material import Material
from tools.simulation.mix import KINDS, Part
from tools.simulation.run import Plan, Rest, simulate


def test_students_stream_events_arrive_and_a_proctor_sees_verdicts(tmp_path: Path) -> None:
    here = {"face": ["one"], "gaze": ["center"]}
    picture = tuple(scripted_jpeg(here, number=number) for number in range(10))
    material = Material(5.0, {"present": (picture,)}, {"quiet": (scripted_pcm(),)})
    parts = [Part(number, KINDS["honest"], ()) for number in range(4)]
    seconds: list[float] = []
    with live_server(tmp_path, PROCTOR_API_KEY="simulation-key-0123456789") as server:
        server.wait_for_workers()
        plan = Plan(parts, material, minutes=0.1, tick=seconds.append)
        outcome = simulate(Rest(server.url, "simulation-key-0123456789"), plan)
        counters = server.services.counters()
    assert outcome.problems == {}
    assert outcome.batches >= 4 * 5
    # A student's first batch covers less than a second.
    assert 4 <= outcome.frames / outcome.batches <= 5.5
    assert outcome.refused_parts == outcome.events_lost == 0
    assert outcome.updates > 0
    assert outcome.is_right
    assert set(outcome.drops.values()) == {0}
    assert len(seconds) >= 5
    assert counters["ingest_open"] == 0
