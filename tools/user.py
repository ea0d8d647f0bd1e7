"""Adds, changes, lists and closes staff accounts."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence

from app.access.accounts import Accounts
from app.access.logins import Logins
from app.access.roles import ROLES
from app.access.staff_desk import StaffDesk
from app.audit.log import COMMAND, AuditLog
from app.audit.pseudonyms import STAFF
from app.clock import SystemClock
from app.errors import CandorError, InvalidInput
from app.evidence.keys import load_master_key
from app.records import StaffRecord
from app.settings import Settings, load_settings
from app.store import open_repository


def main(arguments: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """Run one command; returns the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        settings = settings or load_settings()
        repository = open_repository(settings)
        try:
            clock = SystemClock()
            accounts = Accounts(repository, clock)
            desk = StaffDesk(accounts, Logins(repository.people, clock), repository, settings)
            _do(asked, desk, AuditLog(repository.trail, load_master_key(settings), clock))
        finally:
            repository.close()
    except CandorError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


def _do(asked: argparse.Namespace, desk: StaffDesk, audit: AuditLog) -> None:
    if asked.command == "list":
        for person in desk.all():
            print(_line(person))
        return
    if asked.command == "add":
        person = desk.add(asked.name, _password(), asked.role, asked.exam)
    elif asked.command == "passwd":
        desk.get(asked.name)
        person = desk.set_password(asked.name, _password())
    elif asked.command == "role":
        person = desk.change(asked.name, asked.role, asked.exam)
    elif asked.command == "disable":
        person = desk.disable(asked.name)
    elif asked.command == "enable":
        person = desk.enable(asked.name)
    else:
        person = desk.drop_second_factor(asked.name)
    detail = {"action": asked.command, "role": person.role}
    audit.write(COMMAND, "change_person", audit.people.of(STAFF, person.username), detail)
    print(_line(person))


def _password() -> str:
    """Typed twice at a terminal, otherwise one line of the standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise InvalidInput("The two passwords differ.")
    return first


def _line(person: StaffRecord) -> str:
    state = "closed" if person.disabled_at else "open"
    factor = "password and code" if person.totp else "password"
    return "\t".join((person.username, person.role, ",".join(person.exams) or "-", state, factor))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run.sh user", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, says in (
        ("add", "Add an account; the password is asked, or read from standard input."),
        ("passwd", "Set a password, likewise; the person's logins end."),
        ("role", "Change role and assigned exams."),
        ("disable", "Close an account; its logins end."),
        ("enable", "Open a closed account again."),
        ("drop-code", "Drop the second factor of somebody who lost the device."),
        ("list", "List all accounts."),
    ):
        command = commands.add_parser(name, help=says, description=says)
        if name != "list":
            command.add_argument("name", help="the user name")
        if name in ("add", "role"):
            command.add_argument("--role", choices=list(ROLES), default="proctor")
            command.add_argument("--exam", action="append", default=[], help="an assigned exam")
    return parser


if __name__ == "__main__":
    sys.exit(main())
