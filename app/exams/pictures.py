"""Pictures of questions: whatever is sent is decoded and drawn anew, so that only pixels stay."""

from __future__ import annotations

import io
import secrets
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from app.errors import InvalidInput
from app.exams.records import PictureRecord
from app.store.papers import Papers

LARGEST_BYTES = 900_000
MOST_PIXELS = 16_000_000
LONGEST_SIDE = 1600
MOST_PICTURES = 500
FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


class Pictures:
    """The pictures of exams. Thread-safe."""

    def __init__(self, papers: Papers) -> None:
        self._papers = papers

    def add(self, exam_id: str, data: bytes) -> PictureRecord:
        """Raises InvalidInput for what is no picture, or one too many."""
        if len(self._papers.pictures(exam_id)) >= MOST_PICTURES:
            raise InvalidInput(f"An exam has at most {MOST_PICTURES} pictures.")
        media, width, height, drawn = redrawn(data)
        record = PictureRecord(f"pic_{secrets.token_hex(16)}", exam_id, media, width, height, drawn)
        self._papers.save_picture(record)
        return record


def redrawn(data: bytes) -> tuple[str, int, int, bytes]:
    """Media type, width, height and bytes of the picture drawn anew.

    Nothing but pixels survives: no comments, places, profiles or further frames. Raises
    InvalidInput for anything that is not a whole picture of at most 16 megapixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise InvalidInput("A picture has at most 16 megapixels.")
                is_photo = image.format == "JPEG"
                image.seek(0)
                image.load()
                turned = ImageOps.exif_transpose(image)
                drawn = turned.convert("RGB" if is_photo else "RGBA")
    except InvalidInput:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, MemoryError, Warning) as e:
        raise InvalidInput(
            "This is not a picture that can be read: send a PNG, JPEG, GIF or WebP of at most"
            " 16 megapixels."
        ) from e
    except Exception as error:
        # A decoder fed with hostile bytes may fail in ways of its own.
        raise InvalidInput("This picture is damaged.") from error
    drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    file = io.BytesIO()
    if is_photo:
        drawn.save(file, "JPEG", quality=85, optimize=True)
    else:
        drawn.save(file, "PNG", optimize=False)
    media = "image/jpeg" if is_photo else "image/png"
    return media, drawn.width, drawn.height, file.getvalue()
