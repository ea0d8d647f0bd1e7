"""Writes database, clips and keys to one file, while the server runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from app.backup.making import make_backup
from app.clock import SystemClock
from app.errors import CandorError
from app.settings import Settings, load_settings

DONE, FAILED = 0, 1


def main(arguments: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """0 when the file is whole, 1 with a sentence when there is none."""
    parser = argparse.ArgumentParser(prog="./run.sh backup", description=__doc__)
    parser.add_argument("file", type=Path, help="a new file; whoever has it can read everything")
    parser.add_argument(
        "--without-keys", action="store_true", help="leave the secret and the master key out"
    )
    given = parser.parse_args(arguments)
    try:
        with_keys = not given.without_keys
        made = make_backup(
            settings or load_settings(), SystemClock(), given.file, with_keys=with_keys
        )
    except FileExistsError:
        print(f"{given.file} exists already. Choose another name.", file=sys.stderr)
        return FAILED
    except (CandorError, OSError) as error:
        print(getattr(error, "message", str(error)), file=sys.stderr)
        return FAILED
    print(
        f"{given.file}: {made.documents} documents, {made.files} files,"
        f" {made.size_bytes / 1e6:.1f} MB."
    )
    if made.gone:
        print(f"{made.gone} files were deleted while the backup was made.")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
