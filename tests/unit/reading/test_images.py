"""Pictures: faxes, photos, frames, allowed formats, pixel limits."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from reading.bitmap import Bitmap
from reading.photo import even, flat, needs_light, sheet_corners
from reading.prepare import despeckle, is_blank, sideways, square_pixels, turned
from tests.servers import paper
from tests.servers.walking import walk


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_lzw"])
def test_a_fax_tiff_gives_every_frame_bit_for_bit(compression: str) -> None:
    """Two frames, one bit, exact pixels and resolution."""
    sheets = [paper.fax(paper.page(), seed=seed) for seed in (1, 2)]
    walked = walk(paper.tiff(*sheets, compression=compression), "fax.tif")
    assert [page.number for page in walked.parts[0].pages] == [1, 2]
    assert all(bitmap.bilevel and bitmap.dpi == 204 for bitmap in walked.bitmaps)
    assert np.array_equal(walked.bitmaps[1].pixels > 0, np.array(sheets[1]))


@pytest.mark.parametrize("dpi", [(204, 98), None])
def test_a_coarse_fax_is_stretched(dpi: tuple[int, int] | None) -> None:
    """204×98 becomes square, by its resolution or, where the file does not say, by its shape."""
    sheet = paper.fax(paper.page().resize((1728, 1100)))
    raw = paper.tiff(sheet, dpi=dpi) if dpi else saved(sheet, "TIFF", compression="group4")
    bitmap = walk(raw, "fax.tif").bitmaps[0]
    assert bitmap.bilevel
    assert bitmap.pixels.shape[0] == pytest.approx(2200, rel=0.07)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_allowed_formats(form: str) -> None:
    """Each allowed format gives one grey page and the picture's size."""
    walked = walk(saved(paper.page().convert("RGB"), form), f"scan.{form.lower()}")
    assert (walked.parts[0].width, walked.parts[0].height) == (1728, 2200)
    assert walked.bitmaps[0].pixels.shape == (2200, 1728)
    assert not walked.problems


def test_heic_photos() -> None:
    """A phone's HEIC is decoded."""
    out = io.BytesIO()
    pillow_heif.from_pillow(paper.page().convert("RGB").resize((864, 1100))).save(out, quality=60)
    walked = walk(out.getvalue(), "IMG_0001.HEIC")
    assert walked.parts[0].media_type == "image/heic"
    assert walked.bitmaps[0].photo


def test_a_photo_is_turned_as_the_camera_was_held() -> None:
    """EXIF orientation 6: the pixels come upright."""
    bitmap = walk(paper.photo(paper.page()), "photo.jpg").bitmaps[0]
    assert bitmap.photo
    assert bitmap.pixels.shape == (2200, 1728)
    lit = even(bitmap.pixels)
    assert np.percentile(lit, 90) > 240
    assert lit[:, :100].mean() > 0.9 * 255


def test_transparent_pictures_lie_on_white_paper() -> None:
    """Black text on a transparent ground stays readable."""
    sheet = paper.page().convert("RGBA")
    sheet.putalpha(Image.fromarray(255 - np.array(paper.page())))
    assert walk(saved(sheet, "PNG"), "a.png").bitmaps[0].pixels.mean() > 200


def test_too_many_pixels_are_refused_unseen() -> None:
    """Case 9: a header that promises more than the limit is enough; L passes, L+1 does not."""
    sheet = Image.new("1", (20_000, 20_000), 1)
    walked = walk(saved(sheet, "TIFF", compression="group4"), "a.tif")
    assert walked.codes == ["image_pixels"]
    small = saved(Image.new("L", (200, 200), 255), "PNG")
    assert walk(small, "a.png", max_pixels=40_000).codes == []
    assert walk(small, "a.png", max_pixels=39_999).codes == ["image_pixels"]


def test_too_many_frames_are_refused_as_a_whole() -> None:
    """Case 10: the first pages are not silently the whole."""
    frames = [Image.new("1", (200, 200), 1)] * 5
    walked = walk(paper.tiff(*frames), "a.tif", max_pages=4)
    assert (walked.codes, walked.parts[0].pages) == (["page_count"], ())
    assert walk(paper.tiff(*frames), "a.tif", max_pages=5).codes == []


@pytest.mark.parametrize(
    "raw",
    [
        b"8BPS\0\1" + bytes(40),
        b"SIMPLE  =                    T" + b" " * 2850,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"\xc5\xd0\xd3\xc6" + bytes(40),
    ],
)
def test_formats_with_a_bad_name_are_not_opened(raw: bytes) -> None:
    """Case 12: PSD, FITS and PostScript called .jpg are refused by their bytes."""
    assert walk(raw, "scan.jpg").codes == ["format_not_allowed"]


def test_damaged_pictures_are_named() -> None:
    """Cut pixels, a header without a picture."""
    raw = saved(paper.page(), "JPEG")
    assert walk(raw[: len(raw) // 3], "a.jpg").codes == ["image_malformed"]
    assert walk(b"\xff\xd8\xff\xe0" + bytes(30), "a.jpg").codes == ["image_malformed"]


def test_deep_grey_is_scaled() -> None:
    """Sixteen bits a pixel become eight, dark to bright."""
    deep = Image.fromarray((np.array(paper.page(), np.uint16) * 200).astype(np.uint16))
    pixels = walk(saved(deep, "PNG"), "a.png").bitmaps[0].pixels
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_tiny_pictures_hold_no_document() -> None:
    """An icon is a page without text, not worth recognising."""
    walked = walk(saved(Image.new("RGB", (64, 64)), "PNG"), "icon.png")
    assert (walked.bitmaps, len(walked.parts[0].pages)) == ([], 1)


def test_blank_paper_is_known_cheaply() -> None:
    """Specks and an uneven light are still paper; one line of print is not."""
    empty = Image.new("L", (1728, 2200), 255)
    line = paper.page(("One short synthetic line",), repeat=1)
    assert is_blank(Bitmap(np.array(paper.fax(empty)).astype(np.uint8) * 255, 204, bilevel=True))
    assert not is_blank(Bitmap(np.array(paper.fax(line)).astype(np.uint8) * 255, 204, bilevel=True))
    shaded = (np.full((1100, 864), 230) * np.linspace(0.5, 1, 864)[None, :]).astype(np.uint8)
    assert is_blank(Bitmap(shaded, 200, photo=True))
    assert not is_blank(Bitmap(np.array(line), 200))


def test_specks_go_and_strokes_stay() -> None:
    """Only black pixels without a black neighbour are taken away."""
    pixels = np.full((20, 20), 255, np.uint8)
    pixels[5, 5] = pixels[10, 10] = pixels[11, 11] = 0
    clean = despeckle(pixels)
    assert clean[5, 5] == 255
    assert clean[10, 10] == clean[11, 11] == 0


def test_square_pixels_keep_what_is_square() -> None:
    """204×196 is left exactly as it came; 98×204 is widened."""
    pixels = np.array(paper.fax(paper.page())).astype(np.uint8) * 255
    assert square_pixels(pixels, 204, 196, True) is pixels
    assert square_pixels(pixels[:100, :50], 98, 204, True).shape == (100, 104)


def test_sideways_print_is_seen_by_its_sums() -> None:
    """A quarter turn is told from upright and upside down without reading."""
    pixels = np.array(paper.page())
    assert [sideways(turned(pixels, turn)) for turn in (0, 90, 180, 270)] == [False, True, False, True]


def test_a_bitmap_survives_the_pipe() -> None:
    """Header and blob give the same pixels, grey and one bit, any width."""
    grey = np.random.default_rng(1).integers(0, 256, (37, 53), np.uint8)
    one = np.where(grey > 127, np.uint8(255), np.uint8(0))
    for bitmap in (Bitmap(grey, 200), Bitmap(one, 204, bilevel=True)):
        again = Bitmap.of(bitmap.header(), bitmap.blob())
        assert np.array_equal(again.pixels, bitmap.pixels)
        assert bitmap.digest(bitmap.blob()) == again.digest(again.blob())


def test_a_jpeg_with_false_dimensions_ends_in_an_answer() -> None:
    """Case 11: the frame header promises more lines than there are."""
    raw = bytearray(saved(paper.page().resize((400, 500)), "JPEG"))
    at = raw.find(b"\xff\xc0")
    struct.pack_into(">HH", raw, at + 5, 5000, 7000)
    assert walk(bytes(raw), "a.jpg").parts


def test_a_sheet_on_a_table_is_cut_out_and_straightened() -> None:
    """Perspective and table go; the page that remains looks like the sheet."""
    sheet = np.array(paper.page().resize((864, 1100)))
    target = np.array([[150, 120], [900, 80], [960, 1150], [110, 1200]], np.float32)
    source = np.array([[0, 0], [863, 0], [863, 1099], [0, 1099]], np.float32)
    scene = np.full((1300, 1060), 70, np.uint8)
    drawn = cv2.warpPerspective(sheet, cv2.getPerspectiveTransform(source, target), (1060, 1300), borderValue=70)
    mask = cv2.warpPerspective(np.full_like(sheet, 255), cv2.getPerspectiveTransform(source, target), (1060, 1300))
    scene[mask > 0] = drawn[mask > 0]
    corners = sheet_corners(scene)
    assert corners is not None
    assert np.abs(corners - target).max() < 12
    (again,) = flat(scene)
    small = cv2.resize(again, (864, 1100), interpolation=cv2.INTER_AREA)
    assert np.abs(cv2.blur(small, (15, 15)).astype(int) - cv2.blur(sheet, (15, 15))).mean() < 12


def test_a_sheet_that_fills_the_picture_is_left_as_it_is() -> None:
    """No corners are invented."""
    assert sheet_corners(np.array(paper.page())) is None
    assert sheet_corners(np.full((500, 400), 90, np.uint8)) is None


def test_light_is_evened_only_where_it_is_needed() -> None:
    """A clean scan is not touched, a shaded one is."""
    clean = np.array(paper.page())
    shaded = (clean * np.linspace(0.6, 1, clean.shape[1])[None, :]).astype(np.uint8)
    assert [needs_light(clean), needs_light(shaded)] == [False, True]
