"""Plays many students against a running server and checks that flags come where they belong.

The students speak the browser's protocol over real WebSockets, with pictures and sound of a folder
of labelled media that are encoded once before. One process with one thread plays them all.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from detectors.models import PROJECT_ROOT
from scoring.model import Detector
from tools.evaluation.manifest import Manifest, ManifestError, load_manifest
from tools.evaluation.product import Product
from tools.simulation.material import Material, MaterialError, prepare
from tools.simulation.mix import MixError, Part, cast, parse_mix
from tools.simulation.outcome import as_text
from tools.simulation.run import Plan, Rest, RestError, simulate

DEFAULT_MIX = "honest=0.9,absent=0.04,company=0.02,tabs=0.02,voices=0.02"


def add_media_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that `bench capacity` shares."""
    folder = os.environ.get("CANDOR_MEDIA_DIR") or PROJECT_ROOT.parent / "shared" / "media"
    parser.add_argument(
        "--media", type=Path, default=Path(folder), metavar="DIR", help="holds manifest.csv"
    )
    parser.add_argument(
        "--mix", default=DEFAULT_MIX, help="who behaves how, as shares (default: %(default)s)"
    )
    parser.add_argument("--fps", type=float, default=5.0, help="the server's VIDEO_FPS")


def material_for(manifest: Manifest, parts: Sequence[Part], fps: float) -> Material:
    """What these students send. Raises MaterialError."""

    def is_phone(jpeg: bytes) -> bool:
        overlay = product().still(jpeg, {Detector.OBJECTS, Detector.FACE}).result.overlay
        return overlay is not None and any(box.label == "phone" for box in overlay.boxes)

    loaded: list[Product] = []

    def product() -> Product:
        if not loaded:
            loaded.append(Product(PROJECT_ROOT / "models"))
        return loaded[0]

    kinds = [part.kind for part in parts]
    return prepare(
        manifest,
        fps,
        {"present", *(kind.scene for kind in kinds)},
        {"quiet", *(kind.sound for kind in kinds)},
        is_phone,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Answers 0, 1 when a flag or an event is not where it belongs, 2 when nothing was played."""
    parser = argparse.ArgumentParser(prog="./run.sh simulate", description=__doc__)
    parser.add_argument("--server", default="http://localhost:5000", metavar="URL")
    parser.add_argument(
        "--key",
        default=os.environ.get("PROCTOR_API_KEY", ""),
        help="an API key (default: PROCTOR_API_KEY)",
    )
    parser.add_argument("--students", type=int, default=10, metavar="N")
    parser.add_argument("--minutes", type=float, default=5.0, metavar="M")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    add_media_arguments(parser)
    given = parser.parse_args(argv)
    if given.students < 1 or given.minutes <= 0:
        parser.error("--students and --minutes must be more than 0")
    try:
        parts = cast(given.students, parse_mix(given.mix), given.minutes)
        material = material_for(load_manifest(given.media), parts, given.fps)
        outcome = simulate(Rest(given.server, given.key), Plan(parts, material, given.minutes))
    except (ManifestError, MaterialError, MixError, RestError) as error:
        print(error, file=sys.stderr)
        return 2
    print(as_text(outcome))
    if given.json:
        given.json.write_text(json.dumps(outcome.as_dict(), indent=1), encoding="utf-8")
    return 0 if outcome.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
