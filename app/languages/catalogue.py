"""The catalogues of the student's pages, read from the `.po` files in `translations/`.

The English words are the message ids. A sentence without a translation stays English.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from app.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "translations"
ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Language:
    """`name` is the language's own; `direction` is `ltr` or `rtl`."""

    code: str
    name: str
    direction: str = "ltr"


LANGUAGES = (
    Language(ENGLISH, "English"),
    Language("es", "Español"),
    Language("fr", "Français"),
    Language("ar", "العربية", "rtl"),
)
BY_CODE = {language.code: language for language in LANGUAGES}


def po_file(code: str) -> Path:
    return FOLDER / f"{code}.po"


def read_catalogue(code: str) -> Catalog:
    """The catalogue as it is written. Raises KeyError for a language there is none of."""
    if BY_CODE[code].code == ENGLISH or not po_file(code).exists():
        return Catalog(locale=code)
    with po_file(code).open("rb") as file:
        return read_po(file, locale=code)


@lru_cache(maxsize=len(LANGUAGES))
def translations(code: str) -> Translations:
    """The catalogue as gettext uses it."""
    compiled = io.BytesIO()
    write_mo(compiled, read_catalogue(code))
    compiled.seek(0)
    return Translations(compiled)


@lru_cache(maxsize=len(LANGUAGES))
def words_json(code: str) -> str:
    """Every message with its translation as a JSON object, for the pages' scripts."""
    words = {
        str(message.id): str(message.string)
        for message in read_catalogue(code)
        if message.id and message.string and not message.fuzzy
    }
    return json.dumps(words, ensure_ascii=False, sort_keys=True)


def say(code: str, sentence: str, **values: object) -> str:
    """The sentence in a language, with `{names}` filled in."""
    said = translations(code).gettext(sentence) if code != ENGLISH else sentence
    return said.format(**values) if values else said
