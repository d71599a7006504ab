"""Labelled facts: two columns, rows of labels, OCR slips, many languages; and nothing guessed."""

from __future__ import annotations

import pytest

from classifiers.fields import case_ref_in, fields_of
from classifiers.sight import sights
from classifiers.values import name_in
from classifiers.words import prepare
from records.model import FieldValue


def fields(text: str, language: str | None = "en", noisy: bool = False) -> dict[str, FieldValue]:
    page = prepare(text)
    return fields_of(page, sights(page, noisy), language)


def test_two_columns_of_labels_on_one_line() -> None:
    """A value ends where the next label begins."""
    found = fields("Patient Name: SYNTHETIC PATIENT ALPHA   DOB: 1961-04-03   Sex: F\nMRN: SYN-0042     Accession No: ACC-9")
    assert found["patient_name"] == "SYNTHETIC PATIENT ALPHA"
    assert found["birth_date"] == "1961-04-03"
    assert found["sex"] == "F"
    assert found["patient_id"] == "SYN-0042"
    assert found["accession"] == "ACC-9"


def test_a_row_of_labels_above_a_row_of_values() -> None:
    """Tables without lines are read column by column."""
    found = fields("Patient Name              Date of Birth    MRN\nSYNTHETIC PATIENT BRAVO   12 May 1970      SYN-77")
    assert (found["patient_name"], found["birth_date"], found["patient_id"]) == (
        "SYNTHETIC PATIENT BRAVO",
        "1970-05-12",
        "SYN-77",
    )


def test_a_label_on_its_own_line_has_its_value_below() -> None:
    """Forms put the value under the label."""
    found = fields("Name of patient\nSYNTHETIC PATIENT ALPHA\nDate of birth\n3 April 1961")
    assert (found["patient_name"], found["birth_date"]) == ("SYNTHETIC PATIENT ALPHA", "1961-04-03")


def test_a_column_of_labels_read_before_its_column_of_values() -> None:
    """Recognition takes a table column by column; kinds of values must fit the labels one by one."""
    labels = "Patient:\nDate of birth:\nSex:\n\nHospital number:\nAdmitted:\n\nDISCHARGE SUMMARY\n\n"
    found = fields(labels + "SYNTHETIC PATIENT ALPHA\n23 April 1961\n\nFemale\nSYN-000101\n16 October 2026")
    assert found["patient_name"] == "SYNTHETIC PATIENT ALPHA"
    assert (found["birth_date"], found["sex"], found["patient_id"]) == ("1961-04-23", "F", "SYN-000101")
    shuffled = fields(labels + "23 April 1961\nSYNTHETIC PATIENT ALPHA\nFemale\nSYN-000101\n16 October 2026")
    assert not {"patient_name", "birth_date", "sex"} & shuffled.keys()


def test_labels_survive_ocr() -> None:
    """`Narne`, `Blrth` and a lost letter are forgiven."""
    found = fields("Patient Narne: SYNTHETIC PATIENT ALPHA\nDate of Blrth: 1961-04-03\nAccesion Number: ACC-5", noisy=True)
    assert (found["patient_name"], found["birth_date"], found["accession"]) == ("SYNTHETIC PATIENT ALPHA", "1961-04-03", "ACC-5")


@pytest.mark.parametrize(
    ("text", "language", "name"),
    [
        ("First name: SYNTHETIC   Last name: ALPHA", "en", "SYNTHETIC ALPHA"),
        ("نام: تجربی   نام خانوادگی: نمونه", "fa", "تجربی نمونه"),
        ("שם פרטי: ניסוי  שם משפחה: דוגמה", "he", "ניסוי דוגמה"),
    ],
)
def test_given_and_family_name_apart_are_one_name(text: str, language: str, name: str) -> None:
    """Forms ask for the two parts; a family name alone is no name."""
    assert fields(text, language)["patient_name"] == name
    assert "patient_name" not in fields("Last name: ALPHA")


def test_ideographic_labels_between_blanks() -> None:
    """Printed forms set labels and values in one row with single blanks."""
    found = fields("姓名 测试样 性别 女 年龄 45岁 住院号 0012345\n检查日期 2024年03月02日 影像号 CT00998", "zh")
    assert (found["patient_name"], found["sex"], found["patient_id"]) == ("测试样", "F", "0012345")
    assert (found["study_date"], found["accession"]) == ("2024-03-02", "CT00998")
    found = fields("등록번호 00123456 환자명 시험용 성별/나이 M/55", "ko")
    assert (found["patient_id"], found["patient_name"], found["sex"]) == ("00123456", "시험용", "M")


def test_numbers_after_a_label_without_a_colon() -> None:
    """`№`, `No.` and the dots of an abbreviation may stand between."""
    assert fields("из истории болезни № 5521", "ru")["patient_id"] == "5521"
    assert fields("ת.ז. 012345678", "he")["patient_id"] == "012345678"


def test_a_name_that_reads_like_a_label_without_its_article() -> None:
    """العمر is the age; without its article it is a given name."""
    found = fields("اسم المريض: تجربة عمر  العمر: 40 سنة  الجنس: ذكر", "ar")
    assert (found["patient_name"], found["sex"]) == ("تجربة عمر", "M")


@pytest.mark.parametrize(
    ("language", "text", "name", "born", "sex"),
    [
        (
            "es",
            "Nombre del paciente: PACIENTE SINTÉTICO UNO\nFecha de nacimiento: 03/04/1961\nSexo: Femenino",
            "PACIENTE SINTÉTICO UNO",
            "1961-04-03",
            "F",
        ),
        (
            "pt",
            "Nome do paciente: DOENTE SINTÉTICO UM\nData de nascimento: 03/04/1961\nSexo: Masculino",
            "DOENTE SINTÉTICO UM",
            "1961-04-03",
            "M",
        ),
        (
            "fr",
            "Nom du patient : MALADE SYNTHÉTIQUE UN\nNé le : 03/04/1961\nSexe : Masculin",
            "MALADE SYNTHÉTIQUE UN",
            "1961-04-03",
            "M",
        ),
        (
            "de",
            "Patientin: SYNTHETISCHE PERSON EINS\ngeb. am: 03.04.1961\nGeschlecht: weiblich",
            "SYNTHETISCHE PERSON EINS",
            "1961-04-03",
            "F",
        ),
        (
            "it",
            "Paziente: PERSONA SINTETICA UNO\nData di nascita: 03/04/1961\nSesso: F",
            "PERSONA SINTETICA UNO",
            "1961-04-03",
            "F",
        ),
        (
            "nl",
            "Naam patiënt: SYNTHETISCHE PERSOON EEN\nGeboortedatum: 03-04-1961\nGeslacht: man",
            "SYNTHETISCHE PERSOON EEN",
            "1961-04-03",
            "M",
        ),
        (
            "ru",
            "ФИО пациента: СИНТЕТИЧЕСКИЙ ПАЦИЕНТ ПЕРВЫЙ\nДата рождения: 03.04.1961\nПол: женский",
            "СИНТЕТИЧЕСКИЙ ПАЦИЕНТ ПЕРВЫЙ",
            "1961-04-03",
            "F",
        ),
        (
            "ar",
            "اسم المريض: مريض اصطناعي أول\nتاريخ الميلاد: ٠٣/٠٤/١٩٦١\nالجنس: ذكر",
            "مريض اصطناعي أول",
            "1961-04-03",
            "M",
        ),
        (
            "he",
            "שם המטופל: מטופל סינתטי ראשון\nתאריך לידה: 03/04/1961\nמין: זכר",
            "מטופל סינתטי ראשון",
            "1961-04-03",
            "M",
        ),
        (
            "fa",
            "نام بیمار: فرد ساختگی یک\nتاریخ تولد: ۱۳۴۰/۰۱/۱۴\nجنسیت: زن",
            "فرد ساختگی یک",
            "1961-04-03",
            "F",
        ),
        (
            "tr",
            "Adı Soyadı: SENTETİK HASTA BİR\nDoğum Tarihi: 03.04.1961\nCinsiyet: Kadın",
            "SENTETİK HASTA BİR",
            "1961-04-03",
            "F",
        ),
        (
            "zh",
            "姓名：测试甲  性别：女  出生日期：1961年4月3日",
            "测试甲",
            "1961-04-03",
            "F",
        ),
        (
            "ja",
            "患者氏名：架空 太一様　性別：男　生年月日：昭和36年4月3日",
            "架空 太一",
            "1961-04-03",
            "M",
        ),
        (
            "ko",
            "환자명: 가상인 성별: 여 생년월일: 1961년 4월 3일",
            "가상인",
            "1961-04-03",
            "F",
        ),
    ],
)
def test_who_the_patient_is_in_each_language(language: str, text: str, name: str, born: str, sex: str) -> None:
    """Name, birth date and sex by their labels."""
    found = fields(text, language)
    assert (found.get("patient_name"), found.get("birth_date"), found.get("sex")) == (name, born, sex)


def test_a_label_that_asks_for_name_and_birth_date_gives_both() -> None:
    """Forms ask for both in one line."""
    found = fields("Patient name and date of birth: SYNTHETIC PATIENT ALPHA, 23 April 1961")
    assert (found["patient_name"], found["birth_date"]) == ("SYNTHETIC PATIENT ALPHA", "1961-04-23")


def test_a_date_under_a_name_label_is_no_name() -> None:
    """The line above a signature's label may hold a date."""
    assert "patient_name" not in fields("Patient:\n26 October 2026")


def test_no_name_is_taken_from_running_text() -> None:
    """Without a label nobody is named."""
    assert "patient_name" not in fields("Yesterday SYNTHETIC PATIENT ALPHA was seen by the patient's family.\nPatient: 69 y/o M")


def test_the_referring_physician_and_how_to_reach_them() -> None:
    """Numbers beside the referring physician's label are theirs, the patient's own are not."""
    found = fields(
        "Referring Physician: Dr. Example Physician, MD\nTel: +52 55 0000 0000  Fax: +52 55 0000 "
        "0001\nEmail: Doctor@Example.org\n"
        "Patient: SYNTHETIC PATIENT ALPHA\nTel: +52 55 9999 9999"
    )
    assert found["physician_name"] == "Example Physician"
    assert found["physician_phone"] == "+52 55 0000 0000"
    assert found["physician_fax"] == "+52 55 0000 0001"
    assert found["physician_email"] == "doctor@example.org"


def test_a_patients_own_numbers_are_no_physicians() -> None:
    """Without a referring physician there is no physician's number."""
    found = fields("Patient: SYNTHETIC PATIENT ALPHA\nTel: +52 55 9999 9999\nEmail: patient@example.org")
    assert not {"physician_email", "physician_phone", "physician_fax"} & found.keys()


def test_an_ambiguous_birth_date_is_marked() -> None:
    """03/04 in English could be either."""
    assert fields("DOB: 03/04/1961")["date_ambiguous"] is True


@pytest.mark.parametrize("text", ["Case SOMRR-7F3K2-9A0BC-D please", "case SOMRR 7F3K2 9AOBC D", "re: S0MRR-7F3K2-9A0BC-D."])
def test_a_case_reference_survives_fax(text: str) -> None:
    """Blanks for hyphens, O for 0."""
    assert case_ref_in(text) == "SOMRR-7F3K2-9A0BC-D"


def test_names_lose_their_titles() -> None:
    """Mr, Frau, 様 are no part of a name; figures and placeholders are none."""
    assert name_in("Mrs. Synthetic Patient (58 years)") == "Synthetic Patient"
    assert name_in("Frau Synthetische Person") == "Synthetische Person"
    assert name_in("架空花子様") == "架空花子"
    assert name_in("____________") is None
    assert name_in("[insert name]") is None
    assert name_in("unknown") is None
    assert name_in("Elena Sintetica Fecha de nacimiento") == "Elena Sintetica"
    assert name_in("Fecha de nacimiento") is None
    assert name_in("توقيع الشاهد") is None


@pytest.mark.parametrize(
    ("text", "language", "name", "born"),
    [
        (
            "Patient ANNA MUSTER\ngeb. 13.01.1982\nID / MRN 5772763\nUntersuchungsdatum 17.08.2026",
            "de",
            "ANNA MUSTER",
            "1982-01-13",
        ),
        ("Patient Anna Muster\nAge 54 Y\n\nExam date: 3 April 2026\nAccession no.: ACC-123", "en", "Anna Muster", None),
        ("Surname Muster\nFirst name Anna\nExam date 3 April 2026\nAccession no. ACC-123", "en", "Anna Muster", None),
    ],
)
def test_a_table_whose_gaps_are_lost_is_read(text: str, language: str, name: str, born: str | None) -> None:
    """R8: text layers put one blank between a label and its value; an unread name would be an unnoticed stranger's."""
    found = fields(text, language)
    assert (found["patient_name"], found.get("birth_date")) == (name, born)


@pytest.mark.parametrize(
    "text",
    [
        "Patient denies chest pain\nExam date: 3 April 2026\nAccession no.: ACC-123",
        "Patient Anna Muster came in.\nWe thank you.\nStudy of today",
    ],
)
def test_sentences_are_no_table(text: str) -> None:
    """What opens lines of running text names nobody."""
    assert "patient_name" not in fields(text)


@pytest.mark.parametrize("text", ["Relationship to patient: self", "Parentesco con el paciente: Hija", "Patient: paciente"])
def test_who_signs_for_the_patient_is_no_name(text: str) -> None:
    """The line that asks for the relationship names nobody."""
    assert "patient_name" not in fields(text, None)
