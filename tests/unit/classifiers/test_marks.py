"""What a sender wishes, in fifteen languages: asked for, denied, or a mere condition (R14, R15)."""

from __future__ import annotations

import pytest

from classifiers.identify import identify
from classifiers.marks import stain_of
from classifiers.sight import sights
from classifiers.wants import wants
from classifiers.words import prepare
from config.rules import Identifying
from records.model import FieldValue, Kind, Page, Part, Reading, Role, TextSource

ASKED = [
    ("en", "We would like the pathology slides reviewed as well. We are sending the slides by courier."),
    ("en", "Please review the pathology slides of my mother."),
    ("es", "Solicitamos también la revisión de las laminillas de patología. Las enviaremos por mensajería."),
    ("es", "Deseamos que revisen la biopsia."),
    ("pt", "Solicitamos também a revisão das lâminas de patologia."),
    ("pt", "Enviaremos os blocos de parafina por correio."),
    ("fr", "Nous souhaitons la relecture des lames d'anatomopathologie."),
    ("fr", "Les blocs de paraffine suivent par courrier."),
    ("de", "Wir bitten auch um eine Beurteilung der Schnitte durch Ihre Pathologie."),
    ("de", "Die Paraffinblöcke schicken wir mit dem Kurier."),
    ("it", "Chiediamo anche la revisione dei vetrini istologici."),
    ("it", "Spediamo i blocchetti di paraffina con corriere."),
    ("nl", "Wij vragen ook om revisie van de coupes."),
    ("nl", "De paraffineblokjes sturen wij per koerier."),
    ("ru", "Просим также выполнить пересмотр гистологических препаратов."),
    ("ru", "Парафиновые блоки отправим курьером."),
    ("ar", "نرجو أيضا مراجعة الشرائح النسيجية."),
    ("ar", "سنرسل قوالب البارافين بالبريد."),
    ("he", "נבקש גם רביזיה של הפתולוגיה."),
    ("he", "נשלח את הסליידים בשליח."),
    ("fa", "لطفا بازبینی پاتولوژی را نیز انجام دهید."),
    ("fa", "بلوک‌های پارافینی را با پیک می‌فرستیم."),
    ("tr", "Patoloji konsültasyonu da istiyoruz."),
    ("tr", "Parafin blokları kurye ile göndereceğiz."),
    ("zh", "我们还希望进行病理会诊。"),
    ("zh", "蜡块将用快递寄出。"),
    ("ja", "病理の再診断もお願いいたします。"),
    ("ja", "パラフィンブロックを宅配便で送ります。"),
    ("ko", "병리 슬라이드 재판독도 부탁드립니다."),
    # no fixed phrase: who asks, what is done and what is looked at, in one clause
    ("en", "Could your department please have another look at the biopsy slides?"),
    ("en", "The unstained sections are in a parcel sent by FedEx."),
    ("es", "Las laminillas sin teñir van por mensajería."),
    ("fr", "Merci de relire aussi les lames d'anatomopathologie."),
    ("de", "Bitte begutachten Sie auch die histologischen Schnitte."),
    ("zh", "石蜡包块已用快递寄出。"),
    ("ko", "파라핀 블록을 택배로 보내겠습니다."),
]
DENIED = [
    ("en", "Please review her CT images and the attached pathology report."),
    ("en", "Kindly evaluate the scans of this patient with biopsy proven lymphoma."),
    ("en", "We would like a second opinion, as the biopsy showed carcinoma."),
    ("en", "Please evaluate the tissue swelling on the MRI. The discs were sent by courier."),
    ("de", "Bitte beurteilen Sie die CT-Bilder; der histologische Befund liegt bei."),
    ("fr", "Les lames ont été relues à l'hôpital."),
    ("en", "No pathology review needed."),
    ("en", "We do not want the pathology slides reviewed."),
    ("en", "Pathology consultation requested: no. Pathology specimen review is not required."),
    ("en", "If you would like pathology specimen review, a fee applies."),
    ("en", "There are no paraffin blocks."),
    ("es", "No solicitamos revisión de las laminillas."),
    ("es", "La revisión de patología no es necesaria."),
    ("es", "Sin revisión de patología."),
    ("pt", "Não solicitamos revisão das lâminas."),
    ("pt", "A revisão de patologia não é necessária."),
    ("fr", "Nous ne demandons pas de relecture des lames."),
    ("fr", "La relecture des lames n'est pas nécessaire."),
    ("de", "Eine Beurteilung der Schnitte ist nicht nötig."),
    ("de", "Keine pathologische Zweitbegutachtung gewünscht."),
    ("it", "Non chiediamo la revisione dei vetrini."),
    ("it", "La revisione dei vetrini non è necessaria."),
    ("nl", "Wij vragen geen revisie van de coupes."),
    ("nl", "Revisie van de pathologie is niet nodig."),
    ("ru", "Пересмотр стекол не требуется."),
    ("ru", "Не просим пересмотр гистологии."),
    ("ar", "لا نطلب مراجعة الشرائح."),
    ("ar", "مراجعة عينة الأنسجة غير مطلوبة."),
    ("he", "אין צורך ברביזיה של הפתולוגיה."),
    ("he", "לא מבקשים רביזיה של הפתולוגיה."),
    ("fa", "نیازی به بازبینی پاتولوژی نیست."),
    ("fa", "بازبینی لام لازم نیست."),
    ("tr", "Patoloji konsültasyonu istemiyoruz."),
    ("tr", "Patoloji konsültasyonu gerekli değil."),
    ("zh", "不需要病理会诊。"),
    ("zh", "无需复核病理。"),
    ("ja", "病理の再診断は不要です。"),
    ("ja", "病理の再診断は希望しません。"),
    ("ko", "병리 재판독은 필요 없습니다."),
    ("ko", "슬라이드 재판독을 원하지 않습니다."),
]
STAINS = [
    ("en", "stained slides", "unstained slides"),
    ("es", "laminillas teñidas", "laminillas sin teñir"),
    ("pt", "lâminas coradas", "lâminas não coradas"),
    ("fr", "lames colorées", "lames blanches non colorées"),
    ("de", "gefärbte Schnitte", "ungefärbte Schnitte"),
    ("it", "vetrini colorati", "vetrini non colorati"),
    ("nl", "gekleurde coupes", "ongekleurde coupes"),
    ("ru", "окрашенные стекла", "неокрашенные стекла"),
    ("ar", "شرائح مصبوغة", "شرائح غير مصبوغة"),
    ("he", "סליידים צבועים", "סליידים לא צבועים"),
    ("fa", "لام رنگ شده", "لام رنگ نشده"),
    ("tr", "boyalı preparatlar", "boyasız preparatlar"),
    ("zh", "染色切片", "未染色切片"),
    ("ja", "染色標本", "未染色標本"),
    ("ko", "염색 슬라이드", "미염색 슬라이드"),
]


def wished(text: str) -> dict[str, FieldValue]:
    page = prepare(text)
    return {**wants([(page, False)]), **stain_of(sights(page))}


@pytest.mark.parametrize(("language", "text"), ASKED)
def test_a_request_or_a_specimen_on_its_way_is_recognised(language: str, text: str) -> None:
    """In every language of the house."""
    found = wished(text)
    assert found.get("pathology_requested") or found.get("mentions_specimen"), language


@pytest.mark.parametrize(("language", "text"), DENIED)
def test_what_is_denied_or_a_condition_is_no_request(language: str, text: str) -> None:
    """`No pathology review needed` asks for none, nor does a sentence about what it would cost."""
    found = wished(text)
    assert not found.get("pathology_requested"), language
    assert not found.get("mentions_specimen"), language


@pytest.mark.parametrize(("language", "stained", "unstained"), STAINS)
def test_the_slides_stain_is_told(language: str, stained: str, unstained: str) -> None:
    """The fee depends on it."""
    assert wished(stained).get("slides") == "stained", language
    assert wished(unstained).get("slides") == "unstained", language
    assert wished(f"{stained}\n\n{unstained}").get("slides") == "both", language


def test_a_denial_elsewhere_denies_nothing() -> None:
    """Only its own clause can."""
    assert wished("We do not need a video visit. Please review the pathology slides.")["pathology_requested"]
    assert wished("If possible, please review the pathology slides.")["pathology_requested"]


def test_a_forms_own_words_are_not_the_senders_wish() -> None:
    """A printed line about pathology on the agreement asks for nothing."""
    words = (
        "LETTER OF AGREEMENT\nSecond Opinion Medical Record Review, UC San Diego Health\nI agree to these terms.\n"
        "Pathology specimen review: review of the pathology slides carries a fee.\nPatient signature: ______ Date: ______\n"
    )
    part = Part("loa.pdf", "0" * 64, 1, "application/pdf", Role.ATTACHMENT, (Page(1, words, TextSource.LAYER),))
    (form,) = identify(Reading("", "", "", (part,)), Identifying())
    assert form.kind is Kind.LETTER_OF_AGREEMENT
    assert "pathology_requested" not in form.fields
