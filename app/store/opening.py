"""Chooses the engine the settings ask for."""

from __future__ import annotations

from app.settings import Settings
from app.store.engines import open_neosqlite, open_pymongo
from app.store.repository import Repository


def open_repository(settings: Settings) -> Repository:
    """MongoDB when MONGO_URI is set, the embedded file otherwise.

    Raises Unavailable with a remedy when the database cannot be had.
    """
    if settings.mongo_uri:
        return Repository(open_pymongo(settings.mongo_uri, settings.db_name))
    return Repository(open_neosqlite(settings.database_file))
