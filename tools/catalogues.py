"""Brings the languages of the student's pages up to date and says what is not translated."""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import write_po

from app.languages.catalogue import ENGLISH, FOLDER, LANGUAGES, po_file, read_catalogue
from app.settings import PROJECT_ROOT

SCRIPTS = ("static/js/portal", "static/js/lib/language.js")
TEMPLATES = "portal*.html"
# Python files whose sentences reach a student as they are.
SENTENCES = (
    "app/pages/portal.py",
    "app/privacy/consent_text.py",
    "app/checkin",
    "detectors/quality.py",
)
# Sentences that a script puts together from parts, one on a line.
ELSEWHERE = FOLDER / "said-elsewhere.txt"
_SENTENCE = re.compile(r"\S+ .*[.?!]", re.S)
_NAMES = re.compile(r"\{(\w+)\}|%\((\w+)\)s")


def main(arguments: list[str] | None = None) -> int:
    """The command: 1 when something is not translated."""
    parser = argparse.ArgumentParser(prog="./run.sh catalogues", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args(arguments)
    found = messages()
    if not options.check:
        for language in LANGUAGES:
            if language.code != ENGLISH:
                _update(language.code, found)
    problems = list(faults(found))
    for problem in problems:
        print(problem, file=sys.stderr)
    total = len(LANGUAGES) - 1
    print(f"{len(found)} sentences, {total} languages besides English, {len(problems)} faults.")
    return 1 if problems else 0


def messages() -> dict[str, str]:
    """Every sentence of the student's pages, with the first place it stands in."""
    found: dict[str, str] = {}
    for message, place in _all_messages():
        found.setdefault(message, place)
    return found


def faults(found: dict[str, str]) -> Iterator[str]:
    """What is not translated, stale, fuzzy, or has lost a `{name}`."""
    for language in LANGUAGES:
        if language.code == ENGLISH:
            continue
        catalogue = read_catalogue(language.code)
        for sentence in found:
            message = catalogue.get(sentence)
            if message is None or not message.string:
                yield f"{language.code}: not translated: {sentence}"
            elif message.fuzzy:
                yield f"{language.code}: fuzzy: {sentence}"
            elif _names(sentence) != _names(str(message.string)):
                yield f"{language.code}: other names in braces: {sentence}"
        for message in catalogue:
            if message.id and message.id not in found:
                yield f"{language.code}: nobody says this any more: {message.id}"


def _names(text: str) -> set[str]:
    return {first or second for first, second in _NAMES.findall(text)}


def _all_messages() -> Iterator[tuple[str, str]]:
    for file in sorted((PROJECT_ROOT / "templates").glob(TEMPLATES)):
        yield from _extracted(file, "jinja2", {"_": None})
    for name in SCRIPTS:
        path = PROJECT_ROOT / name
        for file in sorted(path.rglob("*.js")) if path.is_dir() else [path]:
            yield from _extracted(file, "javascript", {"t": None})
    for name in SENTENCES:
        path = PROJECT_ROOT / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            for sentence in _sentences(file):
                yield sentence, file.relative_to(PROJECT_ROOT).as_posix()
    for line in ELSEWHERE.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield line.strip(), ELSEWHERE.relative_to(PROJECT_ROOT).as_posix()


def _extracted(file: Path, method: str, keywords: dict[str, None]) -> Iterator[tuple[str, str]]:
    text = file.read_bytes()
    if method == "jinja2":
        method = "jinja2.ext:babel_extract"
    place = file.relative_to(PROJECT_ROOT).as_posix()
    for _line, message, *_rest in extract(
        method, io.BytesIO(text), keywords, options={"parse_template_string": True}
    ):
        yield str(message[0] if isinstance(message, tuple) else message), place


def _sentences(file: Path) -> Iterator[str]:
    """The string constants of a module that are sentences; docstrings are not."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    routes = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Route", "Field", "Need")
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) in documentation | routes:
                continue
            if _SENTENCE.fullmatch(node.value):
                yield node.value


def _update(code: str, found: dict[str, str]) -> None:
    old = read_catalogue(code)
    new = Catalog(
        locale=code, project="Candor", charset="utf-8", fuzzy=False, header_comment="# Candor"
    )
    for sentence, place in sorted(found.items(), key=lambda item: (item[1], item[0])):
        known = old.get(sentence)
        new.add(sentence, str(known.string) if known else "", locations=[(place, 0)])
    for header in ("creation_date", "revision_date"):
        setattr(new, header, getattr(old, header) if po_file(code).exists() else new.creation_date)
    with po_file(code).open("wb") as file:
        write_po(file, new, width=98, include_lineno=False, omit_header=False)


if __name__ == "__main__":
    sys.exit(main())
