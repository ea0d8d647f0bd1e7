"""Passwords and keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from app.access.accounts import Accounts, stamp_of
from app.errors import NotAuthenticated, SettingsError, TooMany
from app.settings import Settings
from app.store import Repository, open_repository
from tests.fakes import FakeClock

HERE = "127.0.0.1"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    opened = open_repository(Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path}))
    yield opened
    opened.close()


def accounts_of(repository: Repository, clock: FakeClock) -> Accounts:
    return Accounts(repository, clock, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def settings(**given: str) -> Settings:
    return Settings.model_validate(given)


def test_the_first_start_makes_an_admin_and_a_key_and_shows_them_once(
    repository: Repository,
) -> None:
    accounts = accounts_of(repository, FakeClock())
    made = accounts.prepare(settings())
    assert accounts.sign_in("admin", made.admin_password, HERE).role == "admin"
    key = accounts.key(made.api_key)
    assert key is not None
    again = accounts_of(repository, FakeClock()).prepare(settings())
    assert (again.admin_password, again.api_key) == ("", "")


def test_neither_secret_is_stored_in_the_clear(repository: Repository) -> None:
    made = accounts_of(repository, FakeClock()).prepare(settings())
    stored = repr(repository.staff("admin")) + repr(repository.api_keys())
    assert made.admin_password not in stored
    assert made.api_key not in stored


def test_given_credentials_are_applied_at_every_start_and_not_shown(
    repository: Repository,
) -> None:
    accounts = accounts_of(repository, FakeClock())
    accounts.prepare(settings())
    for number in (1, 2):
        made = accounts.prepare(
            settings(PROCTOR_ADMIN_PASSWORD=f"password-{number}", PROCTOR_API_KEY=f"{number}" * 20)
        )
        assert (made.admin_password, made.api_key) == ("", "")
        assert accounts.sign_in("admin", f"password-{number}", HERE)
        assert accounts.key(f"{number}" * 20)
    with pytest.raises(NotAuthenticated):
        accounts.sign_in("admin", "password-1", HERE)
    assert accounts.key("1" * 20) is None


@pytest.mark.parametrize(
    "given", [{"PROCTOR_ADMIN_PASSWORD": "short"}, {"PROCTOR_API_KEY": "short"}]
)
def test_a_given_secret_that_is_too_short_stops_the_start(
    repository: Repository, given: dict[str, str]
) -> None:
    with pytest.raises(SettingsError, match="characters"):
        accounts_of(repository, FakeClock()).prepare(settings(**given))


@pytest.mark.parametrize("password", ["", "wrong", "\ud800", "x" * 100_000, "a\0b"])
def test_a_wrong_password_is_refused_whatever_it_is(repository: Repository, password: str) -> None:
    accounts = accounts_of(repository, FakeClock())
    accounts.prepare(settings())
    with pytest.raises(NotAuthenticated):
        accounts.sign_in("admin", password, HERE)


@pytest.mark.parametrize("username", ["", "nobody", "\ud800", "x" * 10_000, "$ne"])
def test_an_unknown_name_is_refused_with_the_same_words(
    repository: Repository, username: str
) -> None:
    accounts = accounts_of(repository, FakeClock())
    accounts.prepare(settings(PROCTOR_ADMIN_PASSWORD="password-1"))
    with pytest.raises(NotAuthenticated, match="The user name or the password is wrong"):
        accounts.sign_in(username, "password-1", HERE)


def test_guessing_has_to_wait_longer_and_longer(repository: Repository) -> None:
    clock = FakeClock()
    accounts = accounts_of(repository, clock)
    accounts.prepare(settings(PROCTOR_ADMIN_PASSWORD="password-1"))
    for _ in range(5):
        with pytest.raises(NotAuthenticated):
            accounts.sign_in("admin", "guess", HERE)
    with pytest.raises(TooMany):
        accounts.sign_in("admin", "password-1", HERE)
    assert accounts.sign_in("admin", "password-1", "10.0.0.9")
    clock.advance(6)
    with pytest.raises(NotAuthenticated):
        accounts.sign_in("admin", "guess", HERE)
    clock.advance(6)
    with pytest.raises(TooMany):
        accounts.sign_in("admin", "password-1", HERE)
    clock.advance(6)
    assert accounts.sign_in("admin", "password-1", HERE)
    assert accounts.sign_in("admin", "password-1", HERE)


def test_one_address_cannot_try_name_after_name(repository: Repository) -> None:
    accounts = accounts_of(repository, FakeClock())
    for number in range(50):
        with pytest.raises(NotAuthenticated):
            accounts.sign_in(f"name-{number}", "guess", HERE)
    with pytest.raises(TooMany):
        accounts.sign_in("another", "guess", HERE)


@pytest.mark.parametrize("key", ["", "x", "\ud800" * 20, "k" * 100_000])
def test_a_wrong_key_is_nobody(repository: Repository, key: str) -> None:
    accounts = accounts_of(repository, FakeClock())
    accounts.prepare(settings())
    assert accounts.key(key) is None


def test_a_login_ends_with_its_password(repository: Repository) -> None:
    accounts = accounts_of(repository, FakeClock())
    accounts.prepare(settings(PROCTOR_ADMIN_PASSWORD="password-1"))
    stamp = stamp_of(accounts.sign_in("admin", "password-1", HERE))
    assert accounts.staff("admin", stamp).username == "admin"
    accounts.prepare(settings(PROCTOR_ADMIN_PASSWORD="password-2"))
    with pytest.raises(NotAuthenticated):
        accounts.staff("admin", stamp)
