"""Pictures: fax TIFFs, scans, photos of paper; each frame is a page, decoded by an allowed format and no other."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from reading.bitmap import MAX_PIXELS, Bitmap
from reading.limits import Unreadable
from reading.prepare import is_bilevel, square_pixels, within
from records.model import Role

if TYPE_CHECKING:
    from reading.unpack import Found, Sheet

FORMATS = {
    "image/jpeg": ("JPEG", "MPO"),
    "image/png": ("PNG",),
    "image/tiff": ("TIFF",),
    "image/heic": ("HEIF", "AVIF"),
    "image/webp": ("WEBP",),
    "image/gif": ("GIF",),
    "image/bmp": ("BMP",),
}
TOO_SMALL = 150  # pixels on the short side: a picture in which no document can stand
DECORATION = 500  # pixels on the long side: an inline picture larger than this is looked at like an attachment
FAX_WIDTHS = (1728, 2048, 2432)  # pixels of a line (ITU-T T.4)
CAMERA_MODES = ("RGB", "YCbCr", "CMYK", "L")


def read(found: Found, sheet: Sheet) -> None:
    """One page a frame (TIFF), the first frame of the others."""
    image = opened(found.load(sheet.limits.max_part_bytes), sheet.media_type, sheet.limits.max_pixels)
    sheet.width, sheet.height = image.size
    if sheet.role is Role.INLINE and max(image.size) > DECORATION:
        sheet.role = Role.ATTACHMENT
    frames = _count_frames(image, sheet) if image.format == "TIFF" else 1
    for number in range(1, frames + 1):
        if frames > 1:
            image.seek(number - 1)
        _check_pixels(image, sheet.limits.max_pixels)
        if sheet.role is Role.INLINE or min(image.size) < TOO_SMALL:
            sheet.text_page(number, "")
        else:
            sheet.picture_page(number, bitmap_of(image))


def opened(raw: bytes, media_type: str, max_pixels: int) -> Image.Image:
    """The picture, header read, pixels not yet; never by another format than its bytes said."""
    import io

    if media_type == "image/heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = max_pixels
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        image = Image.open(io.BytesIO(raw), formats=list(FORMATS[media_type]))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Unreadable("image_pixels", f"more than {max_pixels} pixels") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise Unreadable("image_malformed", "no readable picture") from error
    _check_pixels(image, max_pixels)
    return image


def _check_pixels(image: Image.Image, max_pixels: int) -> None:
    if image.size[0] * image.size[1] > max_pixels:
        raise Unreadable("image_pixels", f"{image.size[0]} by {image.size[1]} pixels, limit {max_pixels}")


def _count_frames(image: Image.Image, sheet: Sheet) -> int:
    """Frames of a TIFF, counted no further than the limit."""
    count = 1
    try:
        while True:
            image.seek(count)
            count += 1
            if count > sheet.limits.max_pages:
                raise Unreadable("page_count", f"more than {sheet.limits.max_pages} pages")
    except EOFError:
        pass
    image.seek(0)
    return count


def bitmap_of(image: Image.Image) -> Bitmap:
    """Grey pixels, turned as the camera was held, squared as the fax resolution says."""
    horizontal, vertical = resolution(image)
    camera = image.mode in CAMERA_MODES and image.format not in ("TIFF", "GIF", "BMP")
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise Unreadable("image_malformed", "its pixels can not be decoded") from error
    if camera:
        image = upright(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    pixels = _grey16(image) if image.mode.startswith("I;16") or image.mode in ("I", "F") else np.array(image.convert("L"))
    bilevel = is_bilevel(pixels)
    pixels = square_pixels(pixels, horizontal, vertical, bilevel)
    if pixels.size > MAX_PIXELS:
        pixels, bilevel = within(pixels), False
    dpi = round(max(horizontal, vertical)) if horizontal > 1 else guess_dpi(*pixels.shape)
    return Bitmap(np.ascontiguousarray(pixels), min(max(dpi, 70), 600), bilevel, camera and not bilevel)


def upright(image: Image.Image) -> Image.Image:
    """Turned as the camera says it was held; a damaged note of it does not cost the picture."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # whatever a damaged EXIF block raises
        return image


def _grey16(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    deep = np.array(image).astype(np.float32)
    low, high = float(deep.min()), float(deep.max())
    return ((deep - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)


def resolution(image: Image.Image) -> tuple[float, float]:
    """Dots an inch across and down; (1, 1) when the file does not say or can not mean it."""
    try:
        across, down = (float(value) for value in image.info.get("dpi", (0, 0)))
    except (TypeError, ValueError, ZeroDivisionError):
        return 1, 1
    if image.format == "TIFF" and 60 <= across <= 1300 and 60 <= down <= 1300:
        return across, down
    if image.mode == "1" and image.size[0] in FAX_WIDTHS and 0.55 < image.size[1] / image.size[0] < 0.75:
        return 204, 98  # a whole page in coarse resolution that does not say so
    return 1, 1


def guess_dpi(height: int, width: int) -> int:
    """As if the picture were a letter page."""
    return round(max(max(height, width) / 11.5, min(height, width) / 8.3))
