"""Chooses the engine the settings ask for, and brings older data up to date."""

from __future__ import annotations

from app.errors import Unavailable
from app.settings import Settings
from app.store.engines import Engine, open_neosqlite, open_pymongo
from app.store.repository import Repository
from app.store.upgrades import upgrade


def open_engine(settings: Settings) -> Engine:
    """MongoDB when MONGO_URI is set, the embedded file otherwise.

    Raises Unavailable with a remedy when the database cannot be had.
    """
    if settings.mongo_uri:
        return open_pymongo(settings.mongo_uri, settings.db_name)
    return open_neosqlite(settings.database_file)


def open_repository(settings: Settings) -> Repository:
    """The repository over that engine, with its data in the present schema.

    Raises Unavailable with a remedy when the database cannot be had, or is of a newer version.
    """
    engine = open_engine(settings)
    try:
        with engine.lock:
            upgrade(engine)
    except engine.failures as error:
        engine.close()
        raise Unavailable(f"The database at {engine.place} cannot be read ({error}).") from error
    except BaseException:
        engine.close()
        raise
    return Repository(engine)
