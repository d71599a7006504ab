"""Other sheets than the one-page letter: two pages in several versions, another house's, home-made ones, other languages."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pikepdf
from reportlab.pdfgen.canvas import Canvas

from tests.servers.signing import BODY, LETTER, LOOKS, TEXTS, Draw, Press, draw_spot

LOOK = LOOKS[1]
VERSIONS = ("2024", "2025", "2026")
WITHDRAWN = "2024"
CLAUSES = {
    "2024": {
        "en": "A copy of this letter is valid for one request and costs are settled before the review begins.",
        "es": "Una copia de esta carta vale para una sola solicitud y los costos se liquidan antes de la revisión.",
        "ar": "تسري نسخة من هذا الخطاب على طلب واحد وتسدد التكاليف قبل بدء المراجعة",
    },
    "2025": {
        "en": "The written opinion is sent by post within four weeks after all records have been received here.",
        "es": "La opinión escrita se envía por correo postal dentro de cuatro semanas desde que llegan los documentos.",
        "ar": "يرسل الرأي المكتوب بالبريد خلال أربعة أسابيع من وصول جميع السجلات إلى المكتب",
    },
    "2026": {
        "en": "Images are accepted on discs or by secure link; originals are given back only when that is asked for.",
        "es": "Las imágenes se aceptan en discos o por enlace seguro; los originales se devuelven solo si se pide.",
        "ar": "تقبل الصور على أقراص أو عبر رابط آمن ولا تعاد الأصول إلا عند طلب ذلك",
    },
}
SECOND = {
    "en": (
        "Acknowledgement and signatures",
        "I have read both pages of this letter and had the opportunity to ask questions about them.",
        "I may withdraw this agreement in writing at any time before the review of my case begins.",
        "The person who signs confirms that the statements about identity in this letter are true.",
    ),
    "es": (
        "Reconocimiento y firmas",
        "He leído las dos páginas de esta carta y tuve la oportunidad de hacer preguntas sobre ellas.",
        "Puedo retirar este acuerdo por escrito en cualquier momento antes de que comience la revisión.",
        "Quien firma confirma que los datos de identidad que constan en esta carta son verdaderos.",
    ),
    "ar": (
        "إقرار وتوقيعات",
        "قرأت صفحتي هذا الخطاب وأتيحت لي الفرصة لطرح الأسئلة بشأنهما قبل التوقيع عليه",
        "يمكنني سحب هذه الموافقة كتابة في أي وقت قبل أن تبدأ مراجعة حالتي من قبل الأطباء",
        "ويؤكد من يوقع أدناه أن البيانات المتعلقة بالهوية في هذا الخطاب صحيحة وكاملة",
    ),
}
FOOT = {"en": "Version {} - page {} of 2", "es": "Versión {} - página {} de 2", "ar": "الإصدار {} - صفحة {} من 2"}

HOME_MADE = {
    "en": (
        "Letter of agreement",
        "To the International Patient Program of UC San Diego Health",
        "I, SYNTHETIC PATIENT ALPHA, born 1961-04-03, hereby agree that your physicians may read my records",
        "and write down what they think of my illness. I know that I shall have to pay for this myself.",
        "My daughter will send you the pictures on a disc next week with the courier of our town.",
    ),
    "es": (
        "Carta de acuerdo",
        "Al Programa Internacional de Pacientes de UC San Diego Health",
        "Yo, PACIENTE SINTETICO BETA, nacido 1961-04-03, estoy de acuerdo en que sus médicos lean mis papeles",
        "y escriban lo que piensan de mi enfermedad. Sé que tendré que pagar por ello yo mismo.",
        "Mi hija les mandará las imágenes en un disco la semana que viene con la mensajería del pueblo.",
    ),
    "ar": (
        "خطاب اتفاق",
        "إلى البرنامج الدولي للمرضى في جامعة كاليفورنيا سان دييغو",
        "أنا مريض تجريبي ألفا، تاريخ الميلاد 1961-04-03، أوافق على أن يقرأ أطباؤكم أوراقي",
        "وأن يكتبوا رأيهم في مرضي وأعلم أنني سأدفع أجر ذلك بنفسي",
        "وسترسل لكم ابنتي الصور على قرص في الأسبوع المقبل مع البريد",
    ),
}
OTHER_HOUSE = {
    "en": (
        "Example Valley Clinic - Letter of Agreement for Elective Eye Surgery",
        "This agreement is made between the clinic and SYNTHETIC PATIENT ALPHA, born 1961-04-03,",
        "who consents to laser treatment of both eyes and accepts the fees listed in the price table.",
        "The clinic schedules aftercare visits on the first day, the first week and the third month.",
        "A second opinion was offered by the clinic; a second opinion does not change the fees above.",
    ),
    "es": (
        "Clínica Valle Ejemplo - Carta de acuerdo para cirugía ocular electiva",
        "El presente acuerdo se celebra entre la clínica y PACIENTE SINTETICO BETA, nacido 1961-04-03,",
        "quien consiente el tratamiento con láser de ambos ojos y acepta los honorarios de la tabla.",
        "La clínica programa visitas de control el primer día, la primera semana y el tercer mes.",
        "La clínica ofreció una segunda opinión; una segunda opinión no cambia los honorarios.",
    ),
    "ar": (
        "عيادة الوادي التجريبية - خطاب اتفاق لجراحة العيون الاختيارية",
        "أبرم هذا الاتفاق بين العيادة و مريض تجريبي ألفا، تاريخ الميلاد 1961-04-03",
        "الذي يوافق على علاج العينين بالليزر ويقبل الرسوم المذكورة في جدول الأسعار",
        "وتحدد العيادة مواعيد المتابعة في اليوم الأول والأسبوع الأول والشهر الثالث",
        "وقد عرضت العيادة رأيا طبيا ثانيا ولا يغير ذلك الرسوم المذكورة أعلاه",
    ),
}
UNREGISTERED = {  # French, Italian and Persian stand in for languages that have no blank
    "en": (
        "Lettre d'accord pour un deuxième avis médical - UC San Diego Health",
        "La présente lettre d'accord est conclue entre l'hôpital et SYNTHETIC PATIENT ALPHA, née le 03/04/1961,",
        "qui demande aux médecins de l'hôpital d'examiner le dossier médical et de donner un avis écrit.",
        "Aucun examen physique n'a lieu et les décisions de traitement restent au médecin traitant.",
        "Les documents sont conservés six mois puis détruits sauf demande de restitution.",
    ),
    "es": (
        "Lettera di accordo per un secondo parere medico - UC San Diego Health",
        "La presente lettera di accordo è conclusa tra l'ospedale e PACIENTE SINTETICO BETA, nato il 03/04/1961,",
        "che chiede ai medici dell'ospedale di esaminare la documentazione e di dare un parere scritto.",
        "Non si svolge alcun esame fisico e le decisioni di cura restano al medico curante.",
        "I documenti sono conservati per sei mesi e poi distrutti salvo richiesta di restituzione.",
    ),
    "ar": (
        "موافقت‌نامه برای نظر دوم پزشکی - دانشگاه کالیفرنیا سن دیگو",
        "این موافقت‌نامه میان بیمارستان و بیمار آزمایشی آلفا، تاریخ تولد 1961-04-03 بسته می‌شود",
        "که از پزشکان بیمارستان می‌خواهد پرونده پزشکی را بررسی کنند و نظر کتبی بدهند",
        "هیچ معاینه بدنی انجام نمی‌شود و تصمیم درمان با پزشک معالج در کشور بیمار است",
        "مدارک شش ماه نگهداری و سپس از بین برده می‌شود مگر آنکه بازگشت آن خواسته شود",
    ),
}
LABELS = {
    "plain": {"en": ("Signature", "Date"), "es": ("Firma", "Fecha"), "ar": ("توقيع المريض", "التاريخ")},
    "unregistered": {"en": ("Signature du patient", "Date"), "es": ("Firma del paziente", "Data"), "ar": ("امضا", "تاریخ")},
}


def long_form(
    language: str, version: str, field: str | None = None, date: str = "", role: str = "", ink: Sequence[Draw] = ()
) -> tuple[bytes, bytes]:
    """The two pages of a letter of agreement; `field` None leaves the placeholder."""
    text = TEXTS[language]
    first, out = _canvas()
    press = Press(first, language)
    press.text(72, 710, text["title"], 14, "Helvetica-Bold")
    press.text(72, 670, text["lead"])
    first.setFillColorRGB(1, 0.95, 0.3)
    press.band(70, 646, press.width(text["placeholder"], 11) + 6, 15)
    first.setFillColorRGB(0, 0, 0)
    press.text(73, 650, text["placeholder"] if field is None else field)
    for row, line in enumerate((*BODY[language][:4], CLAUSES[version][language], *BODY[language][4:])):
        press.text(72, 625 - 18 * row, line)
    press.text(72, 60, FOOT[language].format(version, 1), 8)
    one = _done(first, out)
    second, out = _canvas()
    press = Press(second, language)
    for row, line in enumerate(SECOND[language]):
        press.text(72, 700 - 20 * row, line)
    _sign(press, language, text["signature"], text["date"], text["witness"], text["role"])
    for spot, words in ((LOOK.role, role), (LOOK.date, date)):
        press.text(spot.x + 6, spot.y + 3, words)
    for draw in ink:
        draw(second)
    press.text(72, 60, FOOT[language].format(version, 2), 8)
    return one, _done(second, out)


def letter(lines: Sequence[str], labels: Sequence[str], language: str, date: str, ink: Sequence[Draw]) -> bytes:
    """A page of these lines, with a place for signature and date below."""
    canvas, out = _canvas()
    press = Press(canvas, language)
    press.text(72, 710, lines[0], 14, "Helvetica-Bold")
    for row, line in enumerate(lines[1:]):
        press.text(72, 670 - 20 * row, line)
    _sign(press, language, *labels)
    press.text(LOOK.date.x + 6, LOOK.date.y + 3, date)
    for draw in ink:
        draw(canvas)
    return _done(canvas, out)


def _sign(press: Press, language: str, *labels: str) -> None:
    for name, label in zip(("signature", "date", "witness", "role"), labels, strict=False):
        draw_spot(press, LOOK.of(language), getattr(LOOK, name), getattr(LOOK.of(language), name), label)


def _canvas() -> tuple[Canvas, io.BytesIO]:
    out = io.BytesIO()
    return Canvas(out, pagesize=LETTER, invariant=1), out


def _done(canvas: Canvas, out: io.BytesIO) -> bytes:
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def bound(pages: Sequence[bytes]) -> bytes:
    """Several PDFs as one."""
    if len(pages) == 1:
        return pages[0]
    made = pikepdf.Pdf.new()
    for page in pages:
        with pikepdf.open(io.BytesIO(page)) as document:
            made.pages.extend(document.pages)
    out = io.BytesIO()
    made.save(out, deterministic_id=True)
    return out.getvalue()
