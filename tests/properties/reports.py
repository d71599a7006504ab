# ruff: noqa: E501 - the languages themselves, one exam after the other
"""Short synthetic radiology reports in fifteen languages, for measuring how reports find their images."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class Words(NamedTuple):
    """One language's heading, labels and exams; `styles` say how it writes a day."""

    title: str
    patient: str
    day: str
    number: str
    findings: str
    impression: str
    exams: dict[str, str]
    clear: str
    styles: tuple[str, ...]


def _exams(*names: str) -> dict[str, str]:
    keys = ("CT CHEST", "CT ABDOMEN", "CT CHEST+ABDOMEN", "MR HEAD", "US ABDOMEN", "XR CHEST", "PT WHOLEBODY")
    return dict(zip(keys, names, strict=True))


LANGUAGES: dict[str, Words] = {
    "en": Words("RADIOLOGY REPORT", "Patient name", "Date of exam", "Accession number", "FINDINGS", "IMPRESSION",
        _exams("CT chest", "CT abdomen", "CT chest and abdomen", "MRI brain", "Ultrasound abdomen", "X-ray chest", "PET/CT whole body"),
        "No abnormality is seen.", ("{d} {month} {y}", "{y}-{m:02}-{d:02}", "{m:02}/{d:02}/{y}")),
    "es": Words("INFORME RADIOLÓGICO", "Nombre del paciente", "Fecha del estudio", "Número de acceso", "HALLAZGOS", "CONCLUSIÓN",
        _exams("TC de tórax", "TC de abdomen", "TC de tórax y abdomen", "Resonancia magnética cerebral", "Ecografía abdominal",
               "Radiografía de tórax", "PET/TC de cuerpo entero"),
        "No se observan alteraciones.", ("{d:02}/{m:02}/{y}", "{d:02}-{m:02}-{y}")),
    "pt": Words("LAUDO RADIOLÓGICO", "Nome do paciente", "Data do exame", "Número de acesso", "ACHADOS", "CONCLUSÃO",
        _exams("TC de tórax", "TC de abdome", "TC de tórax e abdome", "Ressonância magnética do crânio", "Ultrassonografia de abdome",
               "Radiografia de tórax", "PET/CT de corpo inteiro"),
        "Sem alterações.", ("{d:02}/{m:02}/{y}",)),
    "fr": Words("COMPTE RENDU DE RADIOLOGIE", "Nom du patient", "Date de l'examen", "Numéro d'accession", "RÉSULTATS", "CONCLUSION",
        _exams("Scanner thoracique", "Scanner abdominal", "Scanner thoracique et abdominal", "IRM cérébrale", "Échographie abdominale",
               "Radiographie du thorax", "TEP scan corps entier"),
        "Pas d'anomalie.", ("{d:02}/{m:02}/{y}", "{d:02}.{m:02}.{y}")),
    "de": Words("RADIOLOGISCHER BEFUND", "Patient", "Untersuchungsdatum", "Accession Number", "BEFUND", "BEURTEILUNG",
        _exams("CT Thorax", "CT Abdomen", "CT Thorax und Abdomen", "MRT Kopf", "Sonographie Abdomen", "Röntgen Thorax", "PET/CT Ganzkörper"),
        "Kein pathologischer Befund.", ("{d:02}.{m:02}.{y}", "{d}.{m}.{y}")),
    "it": Words("REFERTO RADIOLOGICO", "Paziente", "Data esame", "Numero di accesso", "REPERTI", "CONCLUSIONI",
        _exams("TC torace", "TC addome", "TC torace e addome", "RM encefalo", "Ecografia addome", "Radiografia torace", "PET/TC total body"),
        "Nulla da segnalare.", ("{d:02}/{m:02}/{y}",)),
    "nl": Words("RADIOLOGISCH VERSLAG", "Naam patiënt", "Onderzoeksdatum", "Accession number", "BEVINDINGEN", "CONCLUSIE",
        _exams("CT thorax", "CT abdomen", "CT thorax en abdomen", "MRI hersenen", "Echografie abdomen", "Röntgenfoto thorax", "PET/CT whole body"),
        "Geen afwijkingen.", ("{d:02}-{m:02}-{y}",)),
    "ru": Words("ПРОТОКОЛ РЕНТГЕНОЛОГИЧЕСКОГО ИССЛЕДОВАНИЯ", "Пациент", "Дата исследования", "Номер исследования", "ОПИСАНИЕ", "ЗАКЛЮЧЕНИЕ",
        _exams("КТ органов грудной клетки", "КТ брюшной полости", "КТ грудной клетки и брюшной полости", "МРТ головного мозга",
               "УЗИ брюшной полости", "Рентгенография грудной клетки", "ПЭТ/КТ всего тела"),
        "Без патологии.", ("{d:02}.{m:02}.{y}",)),
    "ar": Words("تقرير الأشعة", "اسم المريض", "تاريخ الفحص", "رقم الفحص", "النتائج", "الخلاصة",
        _exams("أشعة مقطعية للصدر", "أشعة مقطعية للبطن", "أشعة مقطعية للصدر والبطن", "رنين مغناطيسي للدماغ", "موجات فوق صوتية للبطن",
               "أشعة سينية للصدر", "التصوير البوزيتروني لكامل الجسم"),
        "لا يوجد شذوذ.", ("{d:02}/{m:02}/{y}", "{y}/{m:02}/{d:02}")),
    "he": Words("דו\"ח רדיולוגי", "שם המטופל", "תאריך בדיקה", "מספר בדיקה", "ממצאים", "סיכום",
        _exams("סי טי חזה", "סי טי בטן", "סי טי חזה ובטן", "אם אר איי מוח", "אולטרסאונד בטן", "צילום חזה", "PET CT כל הגוף"),
        "ללא ממצא.", ("{d:02}/{m:02}/{y}", "{d:02}.{m:02}.{y}")),
    "fa": Words("گزارش رادیولوژی", "نام بیمار", "تاریخ انجام", "کد پذیرش", "یافته‌ها", "نتیجه",
        _exams("سی تی اسکن قفسه سینه", "سی تی اسکن شکم", "سی تی اسکن قفسه سینه و شکم", "ام آر آی مغز", "سونوگرافی شکم",
               "رادیوگرافی قفسه سینه", "پت اسکن تمام بدن"),
        "یافته‌ای دیده نشد.", ("{y}/{m:02}/{d:02}",)),
    "tr": Words("RADYOLOJİ RAPORU", "Hasta adı", "Tetkik tarihi", "Tetkik no", "BULGULAR", "SONUÇ",
        _exams("Toraks BT", "Abdomen BT", "Toraks ve abdomen BT", "Beyin MR", "Abdomen ultrasonografi", "Akciğer grafisi", "Tüm vücut PET/BT"),
        "Patoloji izlenmedi.", ("{d:02}.{m:02}.{y}",)),
    "zh": Words("影像诊断报告", "姓名", "检查日期", "检查号", "影像所见", "影像诊断",
        _exams("胸部CT平扫", "腹部CT平扫", "胸部及腹部CT平扫", "头颅磁共振", "腹部超声", "胸部X线", "全身PET-CT"),
        "未见异常。", ("{y}年{m}月{d}日", "{y}-{m:02}-{d:02}")),
    "ja": Words("画像診断報告書", "患者氏名", "検査日", "検査番号", "所見", "診断",
        _exams("胸部CT", "腹部CT 造影CT", "胸部 腹部 造影CT", "頭部 磁気共鳴", "腹部 超音波", "胸部 X線", "全身 PET-CT"),
        "異常なし。", ("{y}年{m}月{d}日", "{y}/{m:02}/{d:02}")),
    "ko": Words("영상의학 판독 보고서", "환자명", "검사일", "검사번호", "판독 소견", "결론",
        _exams("흉부 컴퓨터단층촬영", "복부 컴퓨터단층촬영", "흉부 복부 컴퓨터단층촬영", "뇌 자기공명영상", "복부 초음파", "흉부 X선", "전신 양전자"),
        "이상 없음.", ("{y}년 {m}월 {d}일", "{y}.{m:02}.{d:02}")),
}  # fmt: skip
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def report_text(language: str, exam: str, day: date | None, number: str | None, style: int, addendum: str = "") -> str:
    """A report of that exam; without day or number when they are None."""
    words = LANGUAGES[language]
    written = words.styles[style % len(words.styles)]
    shown = written.format(d=day.day, m=day.month, y=day.year, month=MONTHS[day.month - 1]) if day else ""
    lines = [
        words.title,
        f"{words.patient}: SYNTHETIC PATIENT ALPHA",
        *([f"{words.day}: {shown}"] if day else []),
        *([f"{words.number}: {number}"] if number else []),
        words.exams[exam],
        *([addendum] if addendum else []),
        f"{words.findings}:",
        words.clear,
        f"{words.impression}:",
        words.clear,
    ]
    return "\n".join(lines)
