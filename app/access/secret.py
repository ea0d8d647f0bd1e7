"""The key that signs cookies and tokens."""

from __future__ import annotations

import os
import secrets

from app.errors import SettingsError
from app.settings import Settings

SHORTEST = 16


def secret_key(settings: Settings) -> str:
    """PROCTOR_SECRET_KEY, or one made at the first start and kept beside the database.

    Raises SettingsError when it is too short or the file cannot be written.
    """
    if settings.secret_key:
        if len(settings.secret_key) < SHORTEST:
            raise SettingsError(
                f"PROCTOR_SECRET_KEY must have at least {SHORTEST} characters. Make one with:"
                ' python -c "import secrets; print(secrets.token_hex(32))"'
            )
        return settings.secret_key
    file = settings.database_file.parent / "secret_key"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return file.read_text(encoding="ascii").strip()
        made = secrets.token_hex(32)
        with os.fdopen(handle, "w", encoding="ascii") as writer:
            writer.write(made)
        return made
    except OSError as error:
        raise SettingsError(
            f"The secret key cannot be kept in {file} ({error}). Set PROCTOR_SECRET_KEY."
        ) from error
