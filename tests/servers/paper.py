"""Synthetic paper: pages of plain text drawn as a fax machine, a scanner or a phone would deliver them."""

from __future__ import annotations

import io
import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

ENGLISH = (
    "The patient was seen in the clinic of this synthetic hospital and the findings were discussed",
    "with the family. There is no evidence of a fracture and the lungs are clear on both sides.",
    "The liver is of normal size and the gallbladder has been removed without complication.",
    "Impression: stable appearance of the small nodule in the right upper lobe since the last study.",
    "We thank the referring physician for this request and remain at your disposal for questions.",
)
SPANISH = (
    "El paciente fue visto en la consulta de este hospital sintético y los hallazgos se discutieron",
    "con la familia. No hay evidencia de fractura y los pulmones están claros en ambos lados.",
    "El hígado es de tamaño normal y la vesícula biliar ha sido extirpada sin complicación alguna.",
    "Impresión: aspecto estable del pequeño nódulo en el lóbulo superior derecho desde el año pasado.",
    "Agradecemos al médico remitente por esta petición y quedamos a su disposición para preguntas.",
)
RUSSIAN = (
    "Пациент был осмотрен в клинике этой синтетической больницы и результаты были обсуждены",
    "с семьей. Признаков перелома нет, легкие чистые с обеих сторон, без очаговых изменений.",
    "Печень нормальных размеров, желчный пузырь удален без осложнений в прошлом году.",
    "Заключение: стабильная картина небольшого узла в верхней доле правого легкого.",
    "Благодарим направившего врача за запрос и остаемся в вашем распоряжении для вопросов.",
)


def font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf", size)


def page(
    lines: tuple[str, ...] = ENGLISH, *, repeat: int = 6, width: int = 1728, height: int = 2200, size: int = 30
) -> Image.Image:
    """A grey page of text as large as a fax at 204 dots an inch."""
    sheet = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines * repeat):
        draw.text((110, 130 + number * int(size * 2.1)), line, fill=0, font=font(size))
    return sheet


def fax(sheet: Image.Image, *, seed: int = 1, skew: float = 0.5, specks: int = 1500) -> Image.Image:
    """One bit, slightly turned, with specks."""
    chance = random.Random(seed)  # noqa: S311 - noise, no secret
    turned = sheet.rotate(skew, fillcolor=255, resample=Image.Resampling.BICUBIC)
    pixels = np.array(turned.point(lambda value: 255 if value > 140 else 0))
    for _ in range(specks):
        pixels[chance.randrange(pixels.shape[0]), chance.randrange(pixels.shape[1])] = chance.choice((0, 255))
    return Image.fromarray(pixels).convert("1", dither=Image.Dither.NONE)


def tiff(*sheets: Image.Image, dpi: tuple[float, float] = (204, 196), compression: str = "group4") -> bytes:
    """A multi-page TIFF."""
    out = io.BytesIO()
    sheets[0].save(out, "TIFF", compression=compression, dpi=dpi, save_all=True, append_images=list(sheets[1:]))
    return out.getvalue()


def fax_pdf(*sheets: Image.Image) -> bytes:
    """A fax server's PDF: each page one picture."""
    out = io.BytesIO()
    sheets[0].save(out, "PDF", resolution=204, save_all=True, append_images=list(sheets[1:]))
    return out.getvalue()


def photo(sheet: Image.Image) -> bytes:
    """A phone's JPEG: shadow, blur, colour, and the sensor lying on its side (EXIF orientation 6)."""
    width, height = sheet.size
    light = np.linspace(0.55, 1.0, width)[None, :] * np.linspace(1.0, 0.8, height)[:, None]
    grey = np.array(sheet.filter(ImageFilter.GaussianBlur(0.8)), float) * light
    colour = Image.fromarray(np.clip(np.stack([grey, grey * 0.97, grey * 0.88], 2), 0, 255).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    colour.transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", quality=85, exif=exif)
    return out.getvalue()


def error_rate(read: str, truth: str) -> float:
    """Character error rate, white space collapsed."""
    from rapidfuzz.distance import Levenshtein

    ours, theirs = " ".join(read.split()), " ".join(truth.split())
    return Levenshtein.distance(ours, theirs) / max(len(theirs), 1)
