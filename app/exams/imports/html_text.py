"""HTML of other programs, reduced to our markup: what it looked like is lost, what it says not."""

from __future__ import annotations

import re
from html.parser import HTMLParser

BREAKS = frozenset({"p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "table", "ul", "ol"})
SKIPPED = frozenset({"script", "style", "head", "title", "iframe", "object"})
SIGNS = {"b": "**", "strong": "**", "code": "`", "tt": "`"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._skipping = 0
        self._is_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SKIPPED:
            self._skipping += 1
        elif tag == "br":
            self.parts.append("\n")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag == "pre":
            self.parts.append("\n\n```\n")
            self._is_code = True
        elif tag in BREAKS:
            self.parts.append("\n\n")
        elif tag == "img":
            words = dict(attrs).get("alt") or "picture"
            self.parts.append(f"[{words}]")
        else:
            self.parts.append(SIGNS.get(tag, "") if not self._is_code else "")

    def handle_endtag(self, tag: str) -> None:
        if tag in SKIPPED:
            self._skipping = max(0, self._skipping - 1)
        elif tag == "pre":
            self.parts.append("\n```\n\n")
            self._is_code = False
        elif tag in BREAKS:
            self.parts.append("\n\n")
        elif not self._is_code:
            self.parts.append(SIGNS.get(tag, ""))

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.parts.append(data if self._is_code else re.sub(r"\s+", " ", data))


def marked_of(html: str) -> str:
    """Our markup of a piece of HTML; formulas in \\( \\) and \\[ \\] become $ and $$."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = "".join(reader.parts)
    for old, new in (("\\(", "$"), ("\\)", "$"), ("\\[", "\n$$\n"), ("\\]", "\n$$\n")):
        text = text.replace(old, new)
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
