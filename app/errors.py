"""What can go wrong, in words for the person or the caller."""

from __future__ import annotations


class CandorError(Exception):
    """Says what failed and what to do. `code` is stable; `status` is the HTTP status."""

    code = "error"
    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(CandorError):
    code = "invalid_input"
    status = 400


class NotAuthenticated(CandorError):
    code = "not_authenticated"
    status = 401


class NotAllowed(CandorError):
    code = "not_allowed"
    status = 403


class NotFound(CandorError):
    code = "not_found"
    status = 404


class Conflict(CandorError):
    code = "conflict"
    status = 409


class TooLarge(CandorError):
    code = "too_large"
    status = 413


class TooMany(CandorError):
    code = "too_many"
    status = 429


class Unavailable(CandorError):
    code = "unavailable"
    status = 503


class SettingsError(CandorError):
    code = "settings"
