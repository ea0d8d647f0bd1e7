"""Text of questions becomes blocks of plain text, never HTML."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.exams.markup import Block, blocks_of, parts_of


def said(parts: list[object]) -> list[tuple[str, str]]:
    return [(part["kind"], part["text"]) for part in parts]  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a `b` c", [("text", "a "), ("code", "b"), ("text", " c")]),
        ("**x** y", [("strong", "x"), ("text", " y")]),
        ("is $x^2$?", [("text", "is "), ("math", "x^2"), ("text", "?")]),
        ("it costs $5 or $10", [("text", "it costs $5 or $10")]),
        (r"\$x\$ and \`y\`", [("text", "$x$ and `y`")]),
        ("`$x$`", [("code", "$x$")]),
        ("**open", [("text", "**open")]),
        ("a * b $", [("text", "a * b $")]),
        ("<b onclick=x>", [("text", "<b onclick=x>")]),
    ],
)
def test_a_line_has_code_strong_and_formulas(text: str, parts: list[tuple[str, str]]) -> None:
    assert said(list(parts_of(text))) == parts


def test_paragraphs_lists_code_and_formulas_are_blocks() -> None:
    text = "One\ntwo\n\n- a\n- b\n\n```python\nif x:\n\n  y\n```\n$$\n\\frac{1}{2}\n$$\n$$z$$\nend"
    blocks = blocks_of(text)
    assert [block["kind"] for block in blocks] == [
        "paragraph",
        "list",
        "code",
        "math",
        "math",
        "paragraph",
    ]
    assert blocks[2] == {"kind": "code", "language": "python", "text": "if x:\n\n  y"}
    assert blocks[3]["text"] == "\\frac{1}{2}"
    assert blocks[4]["text"] == "z"


def test_plain_text_has_no_markup() -> None:
    assert blocks_of("a $x$\n`b`", "plain") == [
        {"kind": "paragraph", "parts": [{"kind": "text", "text": "a $x$\n`b`"}]}
    ]


def kinds(blocks: list[Block]) -> set[str]:
    return {block["kind"] for block in blocks}


@given(st.text(alphabet="ab`*$\\\n -#", max_size=300))
def test_any_text_has_blocks_and_loses_no_letter(text: str) -> None:
    blocks = blocks_of(text)
    assert kinds(blocks) <= {"paragraph", "list", "code", "math"}
    shown = str(blocks)
    assert shown.count("b") >= text.count("b")


@pytest.mark.parametrize("text", ["$" * 20_000, "$a" * 10_000, "`" * 19_999, "**" * 9_999 + "x"])
def test_hostile_text_takes_little_time(text: str) -> None:
    # Thread time: what else runs on the machine does not count.
    begun = time.thread_time()
    blocks_of(text)
    assert time.thread_time() - begun < 2
