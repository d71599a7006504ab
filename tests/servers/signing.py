"""Blank forms in several looks, signed or left in every state, and brought in every way (text, scan, fax, photo)."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import tesserocr
from PIL import Image
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from reading.pdf import layer_words
from reading.words import Word
from tests.servers.arabic import shaped

Grey = npt.NDArray[np.uint8]
Draw = Callable[[Canvas], None]
LETTER = (612.0, 792.0)
TESSDATA = "/usr/share/tesseract-ocr/5/tessdata"

BODY = {
    "en": (
        "who asks the physicians of the hospital to review the enclosed medical records and to give",
        "a written opinion. The undersigned understands that no physical examination takes place,",
        "that the opinion rests only upon the documents received, and that treatment decisions remain",
        "with the treating physician abroad. Payment is arranged separately with the programme office.",
        "Records are kept for six months of inactivity and are then discarded unless their return is requested.",
        "The undersigned is the patient or a person authorised to act on behalf of the patient.",
    ),
    "es": (
        "quien solicita a los médicos del hospital que revisen los expedientes médicos adjuntos y emitan",
        "una opinión por escrito. El firmante entiende que no se realiza ningún examen físico, que la",
        "opinión se basa solamente en los documentos recibidos y que las decisiones de tratamiento quedan",
        "a cargo del médico tratante en el extranjero. El pago se acuerda por separado con la oficina.",
        "Los documentos se conservan seis meses de inactividad y luego se destruyen salvo petición expresa.",
        "El firmante es el paciente o una persona autorizada para actuar en nombre del paciente.",
    ),
    "ar": (
        "الذي يطلب من أطباء المستشفى مراجعة السجلات الطبية المرفقة وإبداء رأي مكتوب فيها",
        "ويدرك الموقع أدناه أنه لا يجرى أي فحص جسدي وأن الرأي يستند إلى الوثائق الواردة فقط",
        "وأن قرارات العلاج تبقى من شأن الطبيب المعالج خارج البلاد ويتفق على الدفع مع مكتب البرنامج",
        "تحفظ السجلات ستة أشهر من عدم النشاط ثم تتلف ما لم يطلب إعادتها إلى صاحبها",
        "والموقع هو المريض نفسه أو شخص مخول بالتصرف نيابة عنه",
    ),
}
TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Example Programme - Letter of Agreement for a Second Opinion",
        "lead": "This letter of agreement is entered into by the hospital and",
        "placeholder": "[PATIENT NAME AND DATE OF BIRTH]",
        "replaced": "SYNTHETIC PATIENT ALPHA, born 1961-04-03",
        "name": "SYNTHETIC PATIENT ALPHA",
        "signature": "Signature of patient or representative",
        "date": "Date",
        "witness": "Witness signature",
        "role": "Relationship to patient",
    },
    "es": {
        "title": "Programa de Ejemplo - Carta de Acuerdo para una segunda opinión",
        "lead": "La presente carta de acuerdo se celebra entre el hospital y",
        "placeholder": "[NOMBRE DEL PACIENTE Y FECHA DE NACIMIENTO]",
        "replaced": "PACIENTE SINTETICO BETA, nacido 1961-04-03",
        "name": "PACIENTE SINTETICO BETA",
        "signature": "Firma del paciente o representante",
        "date": "Fecha",
        "witness": "Firma del testigo",
        "role": "Parentesco con el paciente",
    },
    "ar": {
        "title": "برنامج تجريبي - خطاب اتفاق للحصول على رأي طبي ثان",
        "lead": "أبرم خطاب الاتفاق هذا بين المستشفى و",
        "placeholder": "[اسم المريض وتاريخ الميلاد]",
        "replaced": "مريض تجريبي ألفا، تاريخ الميلاد 1961-04-03",
        "name": "مريض تجريبي ألفا",
        "signature": "توقيع المريض أو من يمثله",
        "date": "التاريخ",
        "witness": "توقيع الشاهد",
        "role": "صلة القرابة بالمريض",
    },
}
RIGHT_TO_LEFT = ("ar",)


@dataclass(frozen=True)
class Spot:
    """Where a signer writes: points, origin bottom left; `y` is the ruled line."""

    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Look:
    """Where a form has its lines, and on which side of them its labels stand (left, under, cell)."""

    name: str
    signature: Spot
    date: Spot
    role: Spot
    witness: Spot
    labels: str

    def of(self, language: str) -> Look:
        """The look of a sheet in that language: right-to-left ones are its mirror."""
        if language not in RIGHT_TO_LEFT:
            return self
        spots = (self.signature, self.date, self.role, self.witness)
        signature, date, role, witness = (replace(s, x=LETTER[0] - s.x - s.width) for s in spots)
        return Look(self.name, signature, date, role, witness, self.labels)


LOOKS = (
    Look("lines", Spot(260, 330, 170), Spot(470, 330, 80), Spot(200, 290, 150), Spot(170, 240, 170), "left"),
    Look("under", Spot(72, 340, 230), Spot(380, 340, 120), Spot(380, 285, 150), Spot(72, 285, 230), "under"),
    Look("cells", Spot(72, 330, 300), Spot(372, 330, 168), Spot(372, 280, 168), Spot(72, 280, 300), "cell"),
)


class Press:
    """A canvas that prints from either side: `x` is measured from the edge where the script begins."""

    def __init__(self, canvas: Canvas, language: str) -> None:
        self.canvas, self.turned = canvas, language in RIGHT_TO_LEFT
        if self.turned:
            registerFont(TTFont("Arabic", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"))

    def width(self, text: str, size: float, face: str = "Helvetica") -> float:
        return float(stringWidth(shaped(text), "Arabic", size) if self.turned else stringWidth(text, face, size))

    def text(self, x: float, y: float, text: str, size: float = 11, face: str = "Helvetica") -> None:
        """`text` from `x` on, measured from the side where its script begins."""
        self.canvas.setFont("Arabic" if self.turned else face, size)
        if self.turned:
            self.canvas.drawRightString(LETTER[0] - x, y, shaped(text))
        else:
            self.canvas.drawString(x, y, text)

    def band(self, x: float, y: float, width: float, height: float) -> None:
        self.canvas.rect(LETTER[0] - x - width if self.turned else x, y, width, height, stroke=0, fill=1)


def form_pdf(
    look: Look,
    language: str = "en",
    field: str | None = None,
    ink: Draw | None = None,
    role: str = "",
    typed: str = "",
    date: str = "",
    flow: float = 0.0,
) -> bytes:
    """A one-page form; `look` is a left-to-right one, mirrored here where the language asks for it.

    `field` None leaves the placeholder; `ink` draws upon the page; `typed` stands on the signature's line;
    `flow` is how many points everything below the field moved down, as in an edited document.
    """
    text = TEXTS[language]
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=LETTER, invariant=1)
    press = Press(canvas, language)
    press.text(72, 710, text["title"], 14, "Helvetica-Bold")
    press.text(72, 670, text["lead"])
    canvas.setFillColorRGB(1, 0.95, 0.3)
    press.band(70, 646, press.width(text["placeholder"], 11) + 6, 15)
    canvas.setFillColorRGB(0, 0, 0)
    press.text(73, 650, text["placeholder"] if field is None else field)
    canvas.translate(0, -flow)
    for row, line in enumerate(BODY[language]):
        press.text(72, 625 - 18 * row, line)
    for name in ("signature", "date", "role", "witness"):
        draw_spot(press, look.of(language), getattr(look, name), getattr(look.of(language), name), text[name])
    for spot, words in ((look.role, role), (look.signature, typed), (look.date, date)):
        press.text(spot.x + 6, spot.y + 3, words)
    if ink:
        ink(canvas)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def draw_spot(press: Press, look: Look, spot: Spot, seen: Spot, label: str) -> None:
    """A line or cell at `seen`, its label where a reader from the left finds it at `spot`."""
    press.canvas.setLineWidth(0.7)
    if look.labels == "cell":
        press.canvas.rect(seen.x, seen.y - 5, seen.width, 44)
        press.text(spot.x + 4, spot.y + 29, label, 8)
        return
    press.canvas.line(seen.x, seen.y, seen.x + seen.width, seen.y)
    if look.labels == "under":
        press.text(spot.x, spot.y - 11, label, 9)
        return
    press.text(spot.x - press.width(label + ": ", 11), spot.y + 1, label + ":")


# --- ink -------------------------------------------------------------------------------------------------------------


@contextmanager
def pen(canvas: Canvas, width: float = 1.3) -> Iterator[None]:
    """A blue ball pen."""
    canvas.saveState()
    canvas.setStrokeColorRGB(0.05, 0.1, 0.45)
    canvas.setLineWidth(width)
    canvas.setLineCap(1)
    canvas.setLineJoin(1)
    yield
    canvas.restoreState()


def polyline(canvas: Canvas, points: list[tuple[float, float]]) -> None:
    path = canvas.beginPath()
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    canvas.drawPath(path, stroke=1, fill=0)


def signature(seed: int, spot: Spot, lift: float = 3.0) -> Draw:
    """A cursive scribble of loops and flourishes on the line of `spot`; each seed has its own hand."""
    rng = np.random.default_rng(seed)
    width = min(spot.width * rng.uniform(0.5, 0.9), 150)
    height = rng.uniform(11, 24)
    letters = int(rng.integers(4, 9))
    strokes: list[list[tuple[float, float]]] = []
    split = int(rng.integers(1, letters))
    for first, last in ((0, split), (split, letters)):
        phase, size = rng.uniform(0, math.pi), rng.uniform(0.5, 1.0, letters + 1)
        points = []
        for t in np.linspace(first, last, 24 * (last - first) + 2):
            tall = float(np.interp(t, range(letters + 1), size)) * (1.0 if t - first < 1 else 0.6)
            x = spot.x + 4 + (t + 0.35 * math.sin(2 * math.pi * t + phase)) / letters * width
            y = spot.y + lift + tall * height * (0.5 + 0.5 * math.sin(2 * math.pi * t + phase + 1)) - 0.15 * height
            points.append((x, y))
        strokes.append(points)
    if rng.random() < 0.5:
        base = spot.y + lift
        strokes.append([(spot.x + 2, base - 4), (spot.x + width * 0.6, base - 2), (spot.x + width, base + 3)])
    thickness = float(rng.uniform(0.9, 1.7))

    def draw(canvas: Canvas) -> None:
        with pen(canvas, thickness):
            for points in strokes:
                polyline(canvas, points)

    return draw


DIGITS: dict[str, list[list[tuple[float, float]]]] = {
    "0": [[(0.5, 1), (0.1, 0.7), (0.1, 0.3), (0.5, 0), (0.9, 0.3), (0.9, 0.7), (0.5, 1)]],
    "1": [[(0.3, 0.8), (0.55, 1), (0.5, 0)]],
    "2": [[(0.1, 0.8), (0.5, 1), (0.85, 0.75), (0.1, 0), (0.95, 0.03)]],
    "3": [[(0.1, 0.95), (0.8, 0.9), (0.4, 0.55), (0.85, 0.3), (0.5, 0), (0.1, 0.1)]],
    "4": [[(0.6, 1), (0.1, 0.4), (0.95, 0.42)], [(0.75, 0.7), (0.7, 0)]],
    "5": [[(0.85, 1), (0.2, 1), (0.15, 0.55), (0.75, 0.55), (0.85, 0.2), (0.5, 0), (0.1, 0.1)]],
    "6": [[(0.8, 1), (0.2, 0.5), (0.2, 0.15), (0.5, 0), (0.85, 0.2), (0.6, 0.5), (0.2, 0.3)]],
    "7": [[(0.1, 1), (0.9, 0.97), (0.4, 0)]],
    "8": [[(0.5, 0.5), (0.15, 0.75), (0.5, 1), (0.85, 0.75), (0.5, 0.5), (0.1, 0.2), (0.5, 0), (0.9, 0.2), (0.5, 0.5)]],
    "9": [[(0.85, 0.7), (0.5, 0.5), (0.2, 0.75), (0.5, 1), (0.85, 0.8), (0.75, 0)]],
    "/": [[(0.1, -0.1), (0.8, 1.05)]],
    "-": [[(0.1, 0.5), (0.8, 0.48)]],
}


def handwritten(seed: int, spot: Spot, text: str, size: float = 11) -> Draw:
    """Digits by hand, each a little off."""

    def draw(canvas: Canvas) -> None:
        rng = np.random.default_rng(seed)
        step = min(size * 0.72, (spot.width - 4) / len(text))
        with pen(canvas, 1.1):
            for index, digit in enumerate(text):
                for stroke in DIGITS[digit]:
                    points = [(x + rng.normal(0, 0.03), y + rng.normal(0, 0.03)) for x, y in stroke]
                    left, base = spot.x + 3 + index * step, spot.y + 3 + rng.normal(0, 0.4)
                    polyline(canvas, [(left + x * step * 0.8, base + y * size * 0.9) for x, y in points])

    return draw


def all_of(*draws: Draw) -> Draw:
    def draw(canvas: Canvas) -> None:
        for each in draws:
            each(canvas)

    return draw


def smudge(spot: Spot) -> Draw:
    def draw(canvas: Canvas) -> None:
        canvas.setFillGray(0.25)
        canvas.ellipse(spot.x + 20, spot.y + 1, spot.x + 52, spot.y + 15, stroke=0, fill=1)
        canvas.ellipse(spot.x + 40, spot.y + 4, spot.x + 66, spot.y + 13, stroke=0, fill=1)

    return draw


def tick(spot: Spot) -> Draw:
    def draw(canvas: Canvas) -> None:
        with pen(canvas, 1.6):
            polyline(canvas, [(spot.x + 30, spot.y + 8), (spot.x + 34, spot.y + 3), (spot.x + 43, spot.y + 16)])

    return draw


def stroke(spot: Spot) -> Draw:
    """One straight pen line."""

    def draw(canvas: Canvas) -> None:
        with pen(canvas):
            polyline(canvas, [(spot.x + 10, spot.y + 5), (spot.x + spot.width - 10, spot.y + 9)])

    return draw


def stamp(spot: Spot) -> Draw:
    """A word in a border."""

    def draw(canvas: Canvas) -> None:
        with pen(canvas, 1.5):
            canvas.roundRect(spot.x + 20, spot.y - 2, 90, 26, 4, stroke=1, fill=0)
        canvas.setFont("Helvetica-Bold", 12)
        canvas.drawString(spot.x + 30, spot.y + 7, "RECEIVED")

    return draw


def seal(spot: Spot) -> Draw:
    """A round stamp."""

    def draw(canvas: Canvas) -> None:
        with pen(canvas, 1.5):
            canvas.circle(spot.x + 60, spot.y + 12, 30, stroke=1, fill=0)
            canvas.circle(spot.x + 60, spot.y + 12, 20, stroke=1, fill=0)
            canvas.line(spot.x + 50, spot.y + 12, spot.x + 70, spot.y + 12)

    return draw


def across(spot: Spot) -> Draw:
    """The black line that a dirty fax scanner draws over the whole page."""

    def draw(canvas: Canvas) -> None:
        canvas.setLineWidth(0.9)
        canvas.line(0, spot.y + 8, LETTER[0], spot.y + 8)

    return draw


def along(x: float) -> Draw:
    """The line that dirt on a fax's sensor draws down the whole page."""

    def draw(canvas: Canvas) -> None:
        canvas.setLineWidth(0.9)
        canvas.line(x, 0, x, LETTER[1])

    return draw


def birth_date(language: str) -> tuple[float, float]:
    """From where to where on a sheet the figures of the birth date stand, points from the left."""
    press = Press(Canvas(io.BytesIO(), pagesize=LETTER), language)
    text = TEXTS[language]["replaced"]
    wide = press.width(text, 11)
    # they end its last words: on the right, where the script runs from left to right
    if press.turned:
        left = LETTER[0] - 73 - wide
        return left, left + press.width(text[-10:], 11)
    return 73 + wide - press.width(text[-10:], 11), 73 + wide


# --- ways ------------------------------------------------------------------------------------------------------------


def rendered(pdf: bytes, dpi: float = 200) -> tuple[Grey, tuple[Word, ...]]:
    """The first page as grey pixels, and the words of its text layer."""
    document = pdfium.PdfDocument(pdf)
    try:
        page = document[0]
        grey = np.asarray(page.render(scale=dpi / 72, grayscale=True).to_numpy()).copy()
        return grey.reshape(grey.shape[:2]).astype(np.uint8), tuple(layer_words(page))
    finally:
        document.close()


def _turned(grey: Grey, degrees: float) -> Grey:
    height, width = grey.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(grey, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(255,)), np.uint8)


def scanned(pdf: bytes, seed: int) -> Grey:
    """A flat-bed scan: 200 dpi grey, a little askew, paper noise."""
    rng = np.random.default_rng(seed)
    grey = _turned(rendered(pdf, 200)[0], rng.uniform(-1.2, 1.2))
    noisy = cv2.GaussianBlur(grey, (0, 0), 0.7).astype(np.float32) * 0.93 + rng.normal(0, 5, grey.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def faxed(pdf: bytes, seed: int, fine: bool = True) -> Grey:
    """A fax: 204×196 (or 204×98) dots an inch, one bit, skew, specks and lost lines."""
    rng = np.random.default_rng(seed)
    page = _turned(rendered(pdf, 204)[0], rng.uniform(-0.7, 0.7))
    rows = round(page.shape[0] * (196 if fine else 98) / 204)
    page = np.asarray(cv2.resize(page, (page.shape[1], rows), interpolation=cv2.INTER_AREA), np.uint8)
    bits = page.astype(np.float32) + rng.normal(0, 18, page.shape) > 150
    flip = rng.random(bits.shape)
    bits = (bits & (flip > 0.0006)) | (flip > 0.9997)
    for row in rng.integers(0, rows, 4):
        bits[row] = True
    return np.where(bits, 255, 0).astype(np.uint8)


def photographed(pdf: bytes, seed: int) -> Grey:
    """A phone's photo: perspective, a dark table around, uneven light, blur, noise, JPEG."""
    rng = np.random.default_rng(seed)
    page = rendered(pdf, 190)[0]
    height, width = page.shape
    out_width, out_height = int(width * 1.15), int(height * 1.12)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    target = corners + np.array([width * 0.075, height * 0.06]) + rng.uniform(-0.025, 0.025, (4, 2)) * width
    matrix = cv2.getPerspectiveTransform(corners, target.astype(np.float32))
    shot = cv2.warpPerspective(page, matrix, (out_width, out_height), borderValue=(70,)).astype(np.float32)
    ys, xs = np.mgrid[0:out_height, 0:out_width]
    slope = rng.uniform(-0.25, 0.25, 2)
    light = 0.8 + slope[0] * (xs / out_width - 0.5) + slope[1] * (ys / out_height - 0.5)
    shot = cv2.GaussianBlur(shot * light, (0, 0), rng.uniform(0.6, 1.2)) + rng.normal(0, 4, shot.shape)
    ok, code = cv2.imencode(".jpg", np.clip(shot, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 70])
    assert ok
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), np.uint8)


def recognised(api: tesserocr.PyTessBaseAPI, grey: Grey) -> tuple[Word, ...]:
    """The words that Tesseract reads, in fractions of the picture."""
    height, width = grey.shape
    api.SetImage(Image.fromarray(grey))
    api.SetSourceResolution(200)
    api.Recognize()
    words = []
    for hit in tesserocr.iterate_level(api.GetIterator(), tesserocr.RIL.WORD):
        if hit.Empty(tesserocr.RIL.WORD):
            continue
        left, top, right, bottom = hit.BoundingBox(tesserocr.RIL.WORD)
        text = hit.GetUTF8Text(tesserocr.RIL.WORD).strip()
        if text:
            sure = hit.Confidence(tesserocr.RIL.WORD) / 100
            words.append(Word(text, left / width, top / height, right / width, bottom / height, sure))
    return tuple(words)


def read_line(api: tesserocr.PyTessBaseAPI, crop: Grey, digits: bool = False) -> Iterator[tuple[str, float]]:
    """One line's picture read by itself; a date as a line and as a block, for want of a second model."""
    for layout in (tesserocr.PSM.SINGLE_LINE, tesserocr.PSM.SINGLE_BLOCK)[: 1 + digits]:
        api.SetImage(Image.fromarray(crop))
        api.SetSourceResolution(300)
        api.SetPageSegMode(layout)
        try:
            read = api.GetUTF8Text().strip(), api.MeanTextConf() / 100
        finally:
            api.SetPageSegMode(tesserocr.PSM.AUTO)
        yield read
