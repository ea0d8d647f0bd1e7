"""The document store: one repository over two engines."""

from app.store.opening import open_repository
from app.store.repository import Repository, Stats

__all__ = ["Repository", "Stats", "open_repository"]
