"""Puts a backup in the place of this installation's data; the server must be stopped."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from app.backup.restoring import restore_backup
from app.errors import CandorError
from app.settings import Settings, load_settings

DONE, FAILED = 0, 1


def main(arguments: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """0 when everything is back, 1 with a sentence when not."""
    parser = argparse.ArgumentParser(prog="./run.sh restore", description=__doc__)
    parser.add_argument("file", type=Path, help="what ./run.sh backup wrote")
    parser.add_argument(
        "--force", action="store_true", help="delete the data that is there, then restore"
    )
    given = parser.parse_args(arguments)
    try:
        restored = restore_backup(settings or load_settings(), given.file, force=given.force)
    except (CandorError, OSError) as error:
        print(getattr(error, "message", str(error)), file=sys.stderr)
        return FAILED
    print(f"{restored.documents} documents and {restored.files} files are back.")
    if restored.upgrades:
        print(f"The database was brought up to date in {restored.upgrades} steps.")
    print("./run.sh verify --all and ./run.sh verify --audit check that all of it is whole.")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
