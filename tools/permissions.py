"""Writes docs/permissions.md from what every route and socket event declares."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from app import create_app
from app.access.needs import Need
from app.access.roles import ROLES, SCOPES
from app.settings import PROJECT_ROOT, load_settings
from app.sockets.connect import declared_events
from app.web.factory import ROUTES

FILE = PROJECT_ROOT / "docs" / "permissions.md"
INTRO = """# Permissions

Made by `./run.sh permissions` from the declarations in the code; do not edit. A proctor may only
ask for what belongs to an assigned exam, a reviewer with assigned exams likewise; a student only
for the own session, and a phone that was joined as second camera only for that scan. An API key
needs the scope named. Forms and other requests that change something through a login also carry the
page's CSRF token.

"""


def document() -> str:
    """The whole text. Builds an application in a temporary folder to ask it for its events."""
    lines = ["## Roles", "", "| role | may |", "|---|---|"]
    lines += [f"| {role} | {says} |" for role, says in ROLES.items()]
    lines += ["", "## Scopes of API keys", "", "| scope | opens |", "|---|---|"]
    lines += [f"| {scope} | {says} |" for scope, says in SCOPES.items()]
    lines += ["", "## REST and pages", "", *_head("route")]
    for route in sorted(ROUTES, key=lambda route: (route.path, route.method)):
        lines.append(_row(f"{route.method} {route.path}", route.needs))
    lines += ["", "## Socket.IO events", "", *_head("event")]
    lines += [_row(event, need) for event, need in declared_by_events().items()]
    return INTRO + "\n".join(lines) + "\n"


def _head(what: str) -> list[str]:
    columns = [
        what,
        *(role.replace("_", " ") for role in ROLES),
        "student",
        "phone",
        "key with scope",
    ]
    return ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]


def _row(name: str, need: Need) -> str:
    if need.is_open:
        marks = ["open"] * (len(ROLES) + 3)
    else:
        marks = ["yes" if role in need.roles else "-" for role in ROLES]
        scope = need.scope or ""
        if need.is_signed:
            scope = f"{scope}, or a signed address" if scope else "a signed address"
        marks += ["own" if own else "-" for own in (need.student, need.phone)]
        marks.append(scope or "-")
    return "| " + " | ".join([name, *marks]) + " |"


def declared_by_events() -> dict[str, Need]:
    """What each socket event needs. Builds an application to ask it. Raises SystemExit."""
    with tempfile.TemporaryDirectory() as folder:
        names = {"PROCTOR_DATA_DIR": folder}
        app = create_app(load_settings(names, env_file=Path(folder) / "no.env"), scripted=True)
        found = declared_events(app.extensions["socketio"])
        app.extensions["candor"].repository.close()
    undeclared = [event for event, need in found.items() if need is None]
    if undeclared:
        raise SystemExit(f"These events declare no need: {', '.join(undeclared)}.")
    return {event: need for event, need in found.items() if need is not None}


def main() -> int:
    FILE.write_text(document(), encoding="utf-8")
    print(f"Wrote {FILE.relative_to(PROJECT_ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
