"""The look of the PDF reports: headings, tables, the foot of each page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

from app.version import PRODUCT, VERSION

MARGIN = 56.0
CONTENT_WIDTH = A4[0] - 2 * MARGIN
INK, SOFT, RULE, SHADE = (
    HexColor("#1f2733"),
    HexColor("#5b6675"),
    HexColor("#d9dee5"),
    HexColor("#f3f5f8"),
)

_TEXT = ParagraphStyle("text", fontName="Helvetica", fontSize=9.5, leading=13, textColor=INK)
_SOFT = ParagraphStyle("soft", _TEXT, fontSize=8.5, leading=11.5, textColor=SOFT)
_CELL = ParagraphStyle("cell", _TEXT, fontSize=8.5, leading=11)
_BULLET = ParagraphStyle("bullet", _TEXT, leftIndent=12, bulletIndent=2)
_TITLE = ParagraphStyle("title", _TEXT, fontName="Helvetica-Bold", fontSize=18, leading=23)
_HEADING = ParagraphStyle(
    "heading",
    _TEXT,
    fontName="Helvetica-Bold",
    fontSize=12,
    leading=16,
    spaceBefore=14,
    spaceAfter=4,
    keepWithNext=1,
)
_ADVICE = ParagraphStyle(
    "advice", _TEXT, backColor=SHADE, borderPadding=(6, 8, 6, 8), spaceBefore=4, spaceAfter=8
)


def safe(text: str) -> str:
    """Text as the built-in fonts can show it; what they lack becomes a question mark."""
    return text.encode("cp1252", "replace").decode("cp1252")


def title(text: str) -> Any:
    return Paragraph(escape(safe(text)), _TITLE)


def heading(text: str) -> Any:
    return Paragraph(escape(safe(text)), _HEADING)


def line(markup: str, bullet: bool = False) -> Any:
    """A paragraph. `markup` may hold <b>; it must not hold what people typed."""
    if bullet:
        return Paragraph(safe(markup), _BULLET, bulletText="-")
    return Paragraph(safe(markup), _TEXT)


def soft(text: str) -> Any:
    return Paragraph(escape(safe(text)), _SOFT)


def advice(text: str) -> Any:
    return Paragraph(escape(safe(text)), _ADVICE)


def cell(text: str) -> Any:
    """A table's cell that may wrap, also within a long file name."""
    words = escape(safe(text)).replace("/", "/ ").replace("_", "_ ")
    return Paragraph(words, _CELL)


def facts(rows: Sequence[tuple[str, str]]) -> Any:
    """Names and values without a frame."""
    made = Table([(name, safe(value)) for name, value in rows], colWidths=[110, 373])
    made.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (-1, -1), "Helvetica", 9.5),
                ("TEXTCOLOR", (0, 0), (0, -1), SOFT),
                ("TEXTCOLOR", (1, 0), (1, -1), INK),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            ]
        )
    )
    made.hAlign = "LEFT"
    return made


def table(rows: Sequence[Sequence[Any]], widths: Sequence[float], is_plain: bool = False) -> Any:
    """A table whose first row is its head; a plain one has no head and no lines."""
    shown = [[safe(each) if isinstance(each, str) else each for each in row] for row in rows]
    made = Table(shown, colWidths=list(widths), repeatRows=0 if is_plain else 1)
    style: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0 if is_plain else 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]
    if not is_plain:
        style += [
            ("FONT", (0, 0), (-1, -1), "Helvetica", 8.5),
            ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 8.5),
            ("TEXTCOLOR", (0, 0), (-1, -1), INK),
            ("ROWBACKGROUNDS", (0, 1), (-1, -1), [white, SHADE]),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, RULE),
            ("TOPPADDING", (0, 0), (-1, -1), 2.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ]
    made.setStyle(TableStyle(style))
    made.hAlign = "LEFT"
    return made


def built(story: list[Any], name: str, about: str, made_at: str) -> bytes:
    """The finished PDF; `about` and when it was made stand at the foot of each page."""
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=safe(name),
        author=PRODUCT,
        subject=safe(about),
    )

    def foot(canvas: Any, page: Any) -> None:
        canvas.saveState()
        canvas.setFont("Helvetica", 7.5)
        canvas.setFillColor(SOFT)
        canvas.drawString(MARGIN, 32, safe(about)[:110])
        canvas.drawRightString(A4[0] - MARGIN, 32, f"Page {page.page}")
        canvas.drawString(MARGIN, 22, f"{PRODUCT} {VERSION}, written {made_at}")
        canvas.restoreState()

    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return file.getvalue()
