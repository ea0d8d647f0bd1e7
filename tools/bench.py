"""Measures speed: `bench scoring`, `detectors`, `capacity`, `overload`, `wall`, `capture`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

BENCHES = ("scoring", "detectors", "capacity", "overload", "wall", "capture")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark that is named first with the arguments that follow.

    Each is a module `tools.bench_<name>` with `main(argv)`, imported only when it is wanted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] not in BENCHES:
        is_help = bool(arguments) and arguments[0] in ("-h", "--help", "help")
        print(f"Usage: bench {{{','.join(BENCHES)}}} [arguments]; --help after a name says more.")
        return 0 if is_help else 2
    bench = importlib.import_module(f"tools.bench_{arguments[0]}")
    return int(bench.main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main())
