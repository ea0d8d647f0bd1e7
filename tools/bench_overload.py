"""What the server does with twice as many students as it holds, and how it comes back.

A server of its own with the real detectors learns from a few students what one costs. Then come
as many as make twice what it says it holds, stay a while, and leave. It holds when no event and no
flag from events is lost, coverage is alike for all students, the rooms stay live, and everything is
whole again within 30 s after. The generator shares the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.bench_capacity import machine
from tools.evaluation.manifest import ManifestError, load_manifest
from tools.serving import Server, ServerFailed
from tools.simulate import add_media_arguments, material_for
from tools.simulation.material import MaterialError
from tools.simulation.mix import MixError, Part, cast, parse_mix
from tools.simulation.overload import Stretches, as_text, play_overload
from tools.simulation.point import load_of_others
from tools.simulation.run import Rest, RestError

MIX = "honest=0.7,tabs=0.2,absent=0.1"
# Longer than any stretch: the parts know their intervals before it is known how long it takes.
_MINUTES = 30.0
_TOGETHER = 10


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run.sh bench overload", description=__doc__)
    parser.add_argument(
        "--capacity", type=int, metavar="N", help="how many it holds (default: what it says itself)"
    )
    parser.add_argument(
        "--seconds", type=float, default=100.0, metavar="S", help="how long they are too many"
    )
    parser.add_argument(
        "--workers", type=int, default=0, help="detector workers (default: the server's)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    add_media_arguments(parser)
    parser.set_defaults(mix=MIX)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Answers 0, 1 when something does not hold, 2 when nothing was measured."""
    parser = _parser()
    given = parser.parse_args(argv)
    if given.seconds <= 0 or (given.capacity is not None and given.capacity < 1):
        parser.error("--seconds and --capacity must be more than 0")
    try:
        shares = parse_mix(given.mix)
        some = cast(_TOGETHER, shares, _MINUTES)
        material = material_for(load_manifest(given.media), some, given.fps)

        def parts(first: int, count: int) -> list[Part]:
            # The same mix in every ten, whoever comes and goes.
            return [
                Part(number, some[number % _TOGETHER].kind, some[number % _TOGETHER].intervals)
                for number in range(first, first + count)
            ]

        stretches = Stretches(over_s=given.seconds, capacity=given.capacity)
        with tempfile.TemporaryDirectory(prefix="candor-overload-") as scratch:
            settings = {
                "PROCTOR_CLIENT_RATE": "2000",
                "PROCTOR_WEB_THREADS": "1200",
                "VIDEO_FPS": f"{material.fps:g}",
                "PROCTOR_WORKERS": str(given.workers),
            }
            server = Server(Path(scratch), settings)
            server.start()
            try:
                server.wait_for_detectors()
                with load_of_others(server.pid) as others:
                    found = play_overload(
                        Rest(server.url, server.api_key),
                        parts,
                        material,
                        stretches,
                        lambda text: print(text, flush=True),
                    )
            finally:
                server.stop()
    except (ManifestError, MaterialError, MixError, ServerFailed, RestError) as error:
        print(error, file=sys.stderr)
        return 2
    print(as_text(found))
    print(f"  others                  kept {others.cores:.2f} cores busy")
    if given.json:
        data = found.as_dict() | {"others": others.cores, "machine": machine()}
        given.json.write_text(json.dumps(data, indent=1), encoding="utf-8")
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
