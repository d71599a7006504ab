"""Whose document is it: agreement, conflict, or unknown; never a guess."""

from __future__ import annotations

import pytest

from records.model import Kind
from routing.identity import Patient, Verdict, compare, conflicts, difference, name_key
from routing.names import compare_names
from tests.makers import document


def patient(
    name: str = "", born: str = "", sex: str = "", number: str = "", *, ocr: bool = False, unsure: bool = False
) -> Patient:
    return Patient(name, born, sex, number, ocr, unsure)


A, C, U = Verdict.AGREE, Verdict.CONFLICT, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        # order, case, accents, carets, titles, middle names, initials
        ("DOE^JANE", "Jane Doe", A),
        ("PÉREZ GARCÍA, María", "maria perez garcia", A),
        ("Ms. Jane Q Doe", "Jane Doe", A),
        ("Jane Quincy Doe", "DOE^JANE^Q", A),
        ("MÜLLER-ÖZ Anna", "Anna Mueller Oz", A),
        ("María de la Cruz López", "DELACRUZ LOPEZ^MARIA", A),
        ("García López, María", "María García", A),  # the second surname left out
        ("Anna Müller geb. Schmidt", "Anna Schmidt", A),
        ("SYNTHETlC PATlENT ALPHA", "SYNTHETIC PATIENT ALPHA", A),  # a scan's l for I
        ("Nguyễn Văn An", "NGUYEN VAN AN", A),
        # too little, or a slip that may be another name
        ("Doe", "Jane Doe", U),
        ("Jane Brown", "Jane Browne", U),
        ("Jane Doe", "Jane Roe", C),
        ("", "Jane Doe", U),
        ("ANONYMOUS^PATIENT", "Jane Doe", U),
        ("Anon1234", "Jane Doe", U),
        ("María García López", "Marta García López", U),
        # two people
        ("Jane Doe", "Boris Sample", C),
        ("María García López", "José García López", C),  # a family shares two surnames
        ("Jane Doe", "John Doe", C),
        ("SYNTHETIC PATIENT ALPHA", "SYNTHETIC PATIENT BETA", C),
        ("Anna Müller", "Anna Schmidt", C),  # a married name is for staff to tell
        # Cyrillic and Greek are spelled
        ("Иванов Пётр", "Petr Ivanov", A),
        ("Щербаков Сергей Юрьевич", "SHCHERBAKOV^SERGEI", A),
        ("Юлия Хасанова", "Julia Khasanova", A),
        ("Γιώργος Παπαδόπουλος", "Papadopoulos Giorgos", A),
        ("Иванов Пётр", "Ivanova Maria", C),
        ("Иванов Пётр", "Jane Doe", C),
        ("Петров Иван", "Петрова Мария", C),
        # Arabic and Hebrew write consonants
        ("محمد أحمد حسن", "Mohammed Ahmad Hassan", A),
        ("محمد أحمد حسن", "محمد احمد حسن", A),
        ("فاطمة الزهراء", "Boris Sample", C),
        ("محمد علي", "Mohamed Ali", U),
        ("שרית דוגמה", "Sarit Dugma", A),
        ("علي حسن", "علی حسن", A),  # Persian and Arabic letters of one name
        # ideographs and syllables
        ("王小明", "Wang Xiaoming", A),
        ("王小明", "Xiao Ming Wang", A),
        ("王小明", "Jane Doe", U),
        ("山田 太郎", "Yamada Taro", U),
        ("山田 太郎", "山田太郎", A),
        ("やまだ たろう", "Yamada Taro", A),  # syllables are spelled
        ("ヤマダ タロ", "Yamada Taro", A),
        ("김민수", "Kim Min-su", A),
        ("김민수", "김민지", C),
        ("王小明", "王小红", C),
        ("张伟", "張偉", U),
        ("王小明", "やまだ", U),
        ("タナカ ミカ", "Tanaka Misaki", C),
        ("ｻﾄｳ ｼﾞﾛｳ", "Satoh Jiro", A),
        # one surname, other given names, across scripts
        ("Ольга Викторовна Соколова", "Elena Sokolova", C),
        ("Γιώργος Παπαδόπουλος", "Papadopoulou Maria", C),
        ("محمد محمود السيد", "Ahmed Mahmoud El-Sayed", U),  # nearly the same consonants
        ("آمال محمود السيد", "Ahmed Mahmoud El-Sayed", C),
        ("عبد الرحمن القحطاني خديجة", "Khadeejah Abdulrahman Alqahtani", A),
        # father and son
        ("João Pedro Almeida Filho", "João Pedro Almeida", U),
        ("John Doe Sample Jr.", "SAMPLE^JOHN^DOE^^Sr", C),
        ("SAMPLE^JOHN^DOE^^Jr", "John Doe Sample, Jr", A),
        # written short, written together
        ("Sokolova E. V.", "Elena Sokolova", U),
        ("Mª del Carmen Ruiz Ortega", "RUIZ ORTEGA^MARIA DEL CARMEN", A),
        ("Khadija Abdul Rahman", "KHADIJA^ABDURRAHMAN", A),
        ("Annesophie Lefevre", "Anne-Sophie Lefèvre épouse Garnier", A),
        ("Willem van der Berg", "VANDERBERG WILLEM", A),
        ("Leonard Stirn", "Bernard Stirn", C),
        ("Pooja Venkataraman", "Priya Venkataraman", C),
        # several scripts at once
        ("Yamada^Taro=山田^太郎=やまだ^たろう", "山田太郎", A),
        ("Yamada^Taro=山田^太郎", "Taro Yamada", A),
        ("Yamada^Taro=山田^太郎", "鈴木花子", C),
        ("王小明 (Wang Xiaoming)", "WANG^XIAOMING", A),
        ("Anna Schmidt (Müller)", "Anna Müller", A),
    ],
)
def test_two_spellings_or_two_names(one: str, other: str, verdict: Verdict) -> None:
    """What agrees, what clashes, and what proves nothing; the same from either side."""
    assert compare_names(one, other) is verdict
    assert compare_names(other, one) is verdict


def test_a_slip_of_recognition_in_a_short_name_is_not_another_person() -> None:
    """One character of three, read from a picture."""
    assert compare_names("王小明", "王小朋", recognised=True) is U
    assert compare_names("王小明", "王大朋", recognised=True) is C


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (patient("Jane Doe", "1961-04-03"), patient("Jane Doe", "1975-12-30"), "birth dates differ"),
        (patient("Jane Doe", "1961-04-03"), patient("Boris Sample", "1961-04-03"), "names differ"),
        (patient("Jane Doe", "1961-04-03", "F"), patient("Jane Doe", "1961-04-03", "M"), "sex differs"),
        (patient("Jane Doe", "1961-04-03"), patient("Jane Doe", "1961-04-08"), "birth dates differ"),
        (patient("", "1961-04-03"), patient("Jane Doe", "1961-04-08", ocr=True), "birth dates differ"),
        (patient("María García López", "2001-04-03"), patient("José García López", "2001-04-03"), "names differ"),  # twins
        (
            patient("María García López", "2001-04-03", number="HC-10021"),
            patient("Marta García López", "2001-04-03", number="HC-10022"),
            "names are not the same and numbers differ",
        ),
        (
            patient("Jane Doe", "1961-04-03", "F"),
            patient("Boris Sample", "1975-12-30", "M"),
            "names differ, birth dates differ, sex differs",
        ),
    ],
)
def test_a_clear_clash_is_a_conflict(one: Patient, other: Patient, why: str) -> None:
    """R8: another birth date, another name or another sex is another person until staff say otherwise; what differs is told."""
    assert compare(one, other) is C
    assert compare(other, one) is C
    assert difference(one, other) == why == difference(other, one)


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (patient("山田 太郎", "1961-04-03"), patient("Yamada Taro", "1961-04-03"), Verdict.LIKELY),
        (patient("", "1961-04-03"), patient("Jane Doe", "1961-04-03"), Verdict.LIKELY),
        (patient("김민수", "2001-05-05"), patient("Kim Min-ji", "2001-05-05"), Verdict.LIKELY),  # twins: never agreed
        (patient("Jane Doe", "1980-11-21"), patient("Jane Doe", "1980-11-24", ocr=True), A),  # one digit of a fax
        (patient("Jane Doe", "1980-11-21"), patient("Jane Doe", "1980-12-24", ocr=True), C),
        (patient("Jane Doe", "1980-04-03"), patient("Jane Doe", "1980-03-04", unsure=True), A),  # day and month
        (patient("Jane Doe", "1980-04-03"), patient("Jane Doe", "1980-03-04"), C),
        (patient("Anna Müller", "1961-04-03", "F", "HC-10021"), patient("Anna Schmidt", "1961-04-03", "F", "hc10021"), A),
        (patient("Anna Müller", "1961-04-03", "F", "00000"), patient("Anna Schmidt", "1961-04-03", "F", "00000"), C),
        (patient("Anna Müller", number="HC-10021"), patient("", number="HC 10021"), A),
        (patient("Anna Müller", number="HC-10021"), patient("", number="77-888-99"), U),  # every house has its own numbers
        (patient("Anna Müller", number="HC-10021"), patient("Boris Sample", number="HC-10021"), C),
        (patient(), patient("Jane Doe", "1961-04-03"), U),
    ],
)
def test_dates_and_numbers_weigh_in(one: Patient, other: Patient, verdict: Verdict) -> None:
    """One agreement without a clash is enough; what a scan or a date format can do is excused where the name agrees."""
    assert compare(one, other) is verdict
    assert compare(other, one) is verdict


def test_conflicts_tell_who_and_why_until_staff_vouch() -> None:
    """Every pair that clashes; what staff settled for two documents stays settled for those two alone."""
    mine, theirs = document(Kind.MEDICAL_RECORD), document(Kind.INFORMED_CONSENT, patient_name="Boris Sample")
    third = document(Kind.RADIOLOGY_REPORT, patient_name="Carla Example", birth_date="")
    ((one, other, why),) = conflicts([mine, theirs])
    assert {one.id, other.id} == {mine.id, theirs.id}
    assert why == "names differ"
    assert conflicts([mine, theirs], {mine.id, theirs.id}) == []
    assert len(conflicts([mine, theirs, third], {mine.id, theirs.id})) == 2


def test_a_key_holds_sorted_folded_words() -> None:
    """The key is the same however the name is written."""
    assert name_key("DOE^JANE") == name_key("Jané  doe") == "doe jane"
