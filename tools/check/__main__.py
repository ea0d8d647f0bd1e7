"""Tests this machine: libraries, models, database, ports, encoders, each with a remedy."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from functools import partial

from app.errors import CandorError
from app.settings import Settings, load_settings
from tools.check import place, senses, software
from tools.check.findings import Finding, Look, State, problem

SOFTWARE, PLACE, SENSES = "Software", "This place", "Senses"


def looks(settings: Settings) -> tuple[tuple[str, Look], ...]:
    """Everything there is to look at, with the heading it stands under."""
    return (
        (SOFTWARE, software.look_at_python),
        (SOFTWARE, software.look_at_packages),
        (SOFTWARE, software.look_at_pages),
        (SOFTWARE, software.look_at_encoders),
        (PLACE, partial(place.look_at_settings, settings)),
        (PLACE, partial(place.look_at_folders, settings)),
        (PLACE, partial(place.look_at_database, settings)),
        (PLACE, partial(place.look_at_port, settings)),
        (PLACE, partial(place.look_at_certificate, settings)),
        (SENSES, partial(senses.look_at_models, settings.models_path)),
        (SENSES, partial(senses.look_at_detectors, settings)),
        (SENSES, senses.look_at_devices),
    )


def carefully(look: Look) -> Iterable[Finding]:
    """What a look found; one that fails itself is a problem and does not hide the others."""
    try:
        yield from look()
    except Exception as error:  # each look stands alone: the report goes on
        yield problem("A check failed", f"{type(error).__name__}: {error}", "Run ./setup.sh.")


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 when the server can run (perhaps with less), 1 when not."""
    parser = argparse.ArgumentParser(prog="./run.sh check", description=__doc__)
    parser.parse_args(arguments)
    try:
        settings = load_settings()
    except CandorError as error:
        print(f"  {State.PROBLEM.value}  Settings: {error.message}\n      Mend .env.")
        return 1
    counts = dict.fromkeys(State, 0)
    last = ""
    for heading, look in looks(settings):
        if heading != last:
            print(heading)
            last = heading
        for finding in carefully(look):
            counts[finding.state] += 1
            for line in finding.lines():
                print(line, flush=True)
    less, problems = counts[State.LESS], counts[State.PROBLEM]
    if problems:
        print(f"\n{problems} problem(s): the server does not run properly.")
    elif less:
        print(f"\nThe server runs; {less} thing(s) could be better.")
    else:
        print("\nEverything is in order.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
