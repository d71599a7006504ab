"""Pages as staff can open them: pictures and plain text made by us, never the sender's own bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from reading import kinds
from reading.limits import Unreadable
from reading.unpack import Found, Reader, Sheet, Walk
from records.model import TextSource

if TYPE_CHECKING:
    from PIL import Image

    from reading.worker import Desk

MAX_PICTURES = 30
DPI = 110
LONGEST = 1700  # pixels


class PictureWalk(Walk):
    """A walk that draws the wanted part's pages (all parts' when `part` is None) and recognises nothing."""

    def __init__(self, desk: Desk, part: str | None) -> None:
        super().__init__(_Quiet(desk))
        self._desk = desk
        self._part = part
        self._drawn = 0

    def _read(self, found: Found, sheet: Sheet, reader: Reader | None, code: str) -> None:
        wanted = self._part in (None, found.path) or found.path.startswith(f"{self._part}/")
        above = sheet.container and (self._part is None or self._part.startswith(sheet.prefix) or wanted)
        if above or (wanted and found.size and sheet.media_type not in kinds.IMAGES | {kinds.PDF}):
            super()._read(found, sheet, reader, code)
            self._write(sheet)
        elif wanted and found.size:
            try:
                self._draw(found, sheet)
            except (Unreadable, MemoryError, OSError, ValueError, RuntimeError):  # the reading already names why
                return

    def _write(self, sheet: Sheet) -> None:
        for page in sheet.pages:
            if page.text and page.source is TextSource.LAYER:
                self._show(page.number, "txt", page.text.encode())

    def _draw(self, found: Found, sheet: Sheet) -> None:
        if sheet.media_type == kinds.PDF:
            self._draw_pdf(found)
            return
        from reading import images

        image = images.opened(found.load(self.limits.max_part_bytes), sheet.media_type, self.limits.max_pixels)
        for number in range(1, MAX_PICTURES + 1):
            self._show(number, "png", _png(images.upright(image.copy())))
            try:
                image.seek(number)
            except EOFError:
                return

    def _draw_pdf(self, found: Found) -> None:
        from reading import pdf

        with pdf.opened(found.load(self.limits.max_part_bytes), passwords=self.passwords) as document:
            for number in range(1, min(len(document), MAX_PICTURES) + 1):
                with pdf.flattened(document, number) as page:
                    scale = min(DPI / 72, LONGEST / max(*page.get_size(), 1))
                    self._show(number, "png", _png(page.render(scale=scale).to_pil()))

    def _show(self, number: int, ending: str, raw: bytes) -> None:
        if self._drawn < MAX_PICTURES:
            self._drawn += 1
            self._desk.show(f"{self._drawn:03d}-page-{number}.{ending}", raw)


class _Quiet:
    """A courier that carries nothing: only pictures leave this walk."""

    def __init__(self, desk: Desk) -> None:
        self.limits = desk.limits

    def say(self, header: dict[str, Any]) -> None:
        """Nobody asks for the reading."""

    def page(self, header: dict[str, Any], bitmap: Any) -> None:
        """Nobody recognises."""

    def form(self, text: str, models: Any, page: Any, **_: Any) -> None:
        """No form is judged."""


def _png(image: Image.Image) -> bytes:
    small = image.convert("RGB") if image.mode not in ("L", "RGB", "1") else image
    if small.mode == "1":
        small = small.convert("L")
    small.thumbnail((LONGEST, LONGEST))
    out = io.BytesIO()
    small.save(out, "PNG", optimize=False)
    return out.getvalue()
