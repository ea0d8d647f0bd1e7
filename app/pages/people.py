"""Pages for staff accounts, API keys and the own account: forms, no script."""

from __future__ import annotations

import flask
from werkzeug.wrappers import Response

from app.access.needs import KEYS_MANAGE, OWN_ACCOUNT, PEOPLE_MANAGE, Need
from app.access.roles import ROLES, SCOPES
from app.access.totp import SecondFactor
from app.errors import CandorError, InvalidInput, NotAuthenticated
from app.web.routes import Call, Handle, Route

PENDING = "totp_pending"
Page = str | Response | tuple[str, int]


def people(call: Call, error: str = "") -> str:
    return flask.render_template(
        "admin_people.html",
        people=call.services.desk.all(),
        roles=ROLES,
        error=error,
        me=call.by.name,
    )


def add_person(call: Call) -> Page:
    form = flask.request.form
    try:
        call.services.desk.add(
            form.get("username", ""),
            form.get("password", ""),
            form.get("role", ""),
            words(form.get("exams", "")),
        )
    except CandorError as error:
        return people(call, error.message), error.status
    return flask.redirect("/admin/people", 303)


def change_person(call: Call) -> Page:
    """One form per person; the button says what is meant."""
    form, desk, name = flask.request.form, call.services.desk, call.path["username"]
    action = form.get("action", "")
    try:
        if action == "save":
            desk.change(name, form.get("role", ""), words(form.get("exams", "")))
        elif action == "password":
            desk.set_password(name, form.get("password", ""))
        elif action == "disable":
            desk.disable(name)
        elif action == "enable":
            desk.enable(name)
        elif action == "drop-code":
            desk.drop_second_factor(name)
        else:
            raise InvalidInput("This form does not say what to do.")
    except CandorError as error:
        return people(call, error.message), error.status
    call.services.watch.look()
    return flask.redirect("/admin/people", 303)


def keys(call: Call, error: str = "", secret: str = "", label: str = "") -> str:
    desk = call.services.keys
    listed = [(record, desk.state_of(record)) for record in desk.all()]
    return flask.render_template(
        "admin_keys.html", keys=listed, scopes=SCOPES, error=error, secret=secret, label=label
    )


def add_key(call: Call) -> Page:
    """The answer is the only place that ever shows the key."""
    form = flask.request.form
    days = form.get("days", "").strip()
    try:
        if days and not (days.isascii() and days.isdigit()):
            raise InvalidInput("The number of days is a whole number, or empty.")
        record, secret = call.services.keys.add(
            form.get("label", ""), form.getlist("scope"), int(days) if days else None
        )
    except CandorError as error:
        return keys(call, error.message), error.status
    return keys(call, secret=secret, label=record.label)


def close_key(call: Call) -> Page:
    call.services.keys.close(call.path["key_id"])
    call.services.watch.look()
    return flask.redirect("/admin/keys", 303)


def account(call: Call, error: str = "") -> str:
    staff = call.services.desk.get(call.by.name)
    pending = str(flask.session.get(PENDING, ""))
    return flask.render_template(
        "admin_account.html",
        account=staff,
        roles=ROLES,
        error=error,
        secret=pending,
        uri=SecondFactor.uri(staff.username, pending) if pending else "",
    )


def change_account(call: Call) -> Page:
    """Changes to the own account ask for the own password."""
    form, services, name = flask.request.form, call.services, call.by.name
    action, address = form.get("action", ""), flask.request.remote_addr or ""
    try:
        if action in ("begin", "drop", "password"):
            services.accounts.check_pace(name, address)
            if not services.accounts.knows(services.desk.get(name), form.get("current", "")):
                services.accounts.count_wrong_code(name, address)
                raise NotAuthenticated("Your present password is wrong.")
        if action == "begin":
            flask.session[PENDING] = SecondFactor.new_secret()
        elif action == "confirm":
            services.desk.enrol(name, str(flask.session.get(PENDING, "")), form.get("code", ""))
            flask.session.pop(PENDING, None)
        elif action == "cancel":
            flask.session.pop(PENDING, None)
        elif action == "drop":
            services.desk.drop_second_factor(name)
        elif action == "password":
            services.desk.set_password(name, form.get("password", ""))
        else:
            raise InvalidInput("This form does not say what to do.")
    except CandorError as error:
        return account(call, error.message), 400 if error.status == 401 else error.status
    return flask.redirect("/login" if action == "password" else "/admin/account", 303)


def words(text: str) -> list[str]:
    """Ids separated by commas or spaces."""
    return text.replace(",", " ").split()


def _page(path: str, name: str, summary: str, handle: Handle, needs: Need) -> Route:
    return Route("GET", path, name, summary, handle, needs, media="text/html", is_page=True)


def _form(path: str, name: str, summary: str, handle: Handle, needs: Need) -> Route:
    return Route(
        "POST", path, name, summary, handle, needs, media="text/html", form=True, is_page=True
    )


ROUTES = (
    _page("/admin/people", "admin_people", "Staff accounts", people, PEOPLE_MANAGE),
    _form("/admin/people", "add_person", "Add a staff account", add_person, PEOPLE_MANAGE),
    _form(
        "/admin/people/{username}",
        "change_person",
        "Change or close a staff account",
        change_person,
        PEOPLE_MANAGE,
    ),
    _page("/admin/keys", "admin_keys", "API keys", keys, KEYS_MANAGE),
    _form("/admin/keys", "add_key", "Make an API key; shown once", add_key, KEYS_MANAGE),
    _form("/admin/keys/{key_id}/close", "close_key", "Close an API key", close_key, KEYS_MANAGE),
    _page("/admin/account", "admin_account", "The own account", account, OWN_ACCOUNT),
    _form(
        "/admin/account",
        "change_account",
        "Change the own password or second factor",
        change_account,
        OWN_ACCOUNT,
    ),
)
