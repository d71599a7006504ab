"""A reading: all that was observed of a submission's bytes, without judgement (R26).

Plain data that crosses a process or a machine as JSON.  Coordinates are fractions of the page
(0..1, origin top left) unless said otherwise; confidences and shares are 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class TextSource(StrEnum):
    """Where a page's text came from."""

    LAYER = "layer"  # the file's own text (PDF text layer, mail body, office document)
    OCR = "ocr"
    NONE = "none"  # blank, or a picture in which nothing could be read


class Role(StrEnum):
    """What a part is to the submission that holds it."""

    BODY = "body"  # a mail's own words
    ATTACHMENT = "attachment"  # sent as a file, or the fax or dropped file itself
    INLINE = "inline"  # a picture shown inside a mail body (logos, signatures of mail programs)
    MEMBER = "member"  # found inside an archive, a disc or another file
    PROGRAM = "program"  # an executable or a viewer's file: never run, ignored with its reason


@dataclass(frozen=True, slots=True)
class Zone:
    """A place on a registered blank form where something is expected."""

    name: str  # "patient", "signature", "date", "representative", "witness", or the operator's own
    kind: str  # field | signature | date | role
    page: int  # of the blank, from 1
    box: tuple[float, float, float, float]  # left, top, right, bottom
    placeholder: str = ""  # the blank's own text in a field zone


@dataclass(frozen=True, slots=True)
class ZoneSeen:
    """What stands in one zone of a returned form, after the blank is subtracted."""

    name: str
    kind: str
    ink: float  # share of dark pixels in the zone that the blank does not have
    strokes: int  # connected ink shapes of at least a pen stroke's size
    span: float  # width of the ink over the width of the zone
    text: str  # what is printed or read there ("" when nothing)
    confidence: float | None  # of that text, None for a text layer
    placeholder: str = ""  # the blank's own text, to tell untouched from replaced
    look: str = "empty"  # empty | print | pen | smudge | line | unclear: what the ink looks like
    digital: str = ""  # of the PDF's own signature whose field lies here: trusted | intact | changed | unread, "" none


@dataclass(frozen=True, slots=True)
class FormSeen:
    """A page laid over a registered blank (or over labels alone when `form` is None)."""

    form: str | None  # name of the registered form, None: judged by its labels, no blank near
    kind: str | None  # the form's kind
    version: str | None
    page: int  # the blank's page number, from 1
    pages: int  # how many pages the blank has
    match: float  # share of the blank's words found in place
    zones: tuple[ZoneSeen, ...] = ()
    compared: int = 0  # how many registered blank pages it was compared with (0: none is registered)
    sealed: bool = False  # the file holds a digital signature whose field lies in none of the zones
    also: tuple[str, ...] = ()  # other registered forms on which it lies as well: versions that this page does not tell apart
    withdrawn: bool = False  # the operator says that this version is no longer accepted


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a part; text parts have a single page."""

    number: int  # from 1 within the part
    text: str
    source: TextSource
    confidence: float | None = None  # mean word confidence of OCR; None for a text layer
    rotation: int = 0  # degrees clockwise that were taken out: 0, 90, 180, 270
    blank: bool = False  # nothing but paper
    language: str | None = None  # ISO 639-1 that the OCR models were chosen for
    form: FormSeen | None = None
    codes: tuple[str, ...] = ()  # what barcodes on the page say


@dataclass(frozen=True, slots=True)
class Dicom:
    """Header facts of one DICOM file (PS3.3); names and dates as they stand there."""

    sop_class: str
    sop_instance: str
    study: str
    series: str
    modality: str
    has_pixels: bool
    instance_number: int | None = None
    series_number: int | None = None
    study_date: str | None = None  # ISO 8601
    study_description: str = ""
    series_description: str = ""
    body_part: str = ""
    accession: str = ""
    patient_name: str = ""  # DICOM PN, "^" kept
    patient_id: str = ""
    birth_date: str | None = None  # ISO 8601
    sex: str = ""
    frames: int = 1
    image_type: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One file found inside a submission (a leaf: a container's parts stand for it)."""

    path: str  # names joined by "/", outermost first; data for staff, never used as a path on disk
    sha256: str
    size: int
    media_type: str
    role: Role
    pages: tuple[Page, ...] = ()
    dicom: Dicom | None = None
    links: tuple[str, ...] = ()  # web addresses seen, never fetched
    width: int | None = None  # of a picture, pixels
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A thing that could not be read, or not wholly; `code` is from a fixed list (docs/PROBLEMS.md)."""

    code: str
    part: str  # its path
    detail: str  # for staff: which limit, which figure
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail's headers as its bytes claim them (RFC 5322): evidence, not identity."""

    from_address: str  # lower case, "" when none could be read
    from_name: str
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    subject: str
    date: datetime | None
    to: tuple[str, ...] = ()
    reply_to: str = ""
    return_path: str | None = None  # "" is the null sender
    unanswerable: str | None = None  # auto_submitted | list | bulk | bounce | null_sender (RFC 3834)
    authentication: tuple[str, ...] = ()  # Authentication-Results fields, topmost first (RFC 8601)


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything observed of the bytes with this SHA-256, by this version of the reader."""

    sha256: str
    version: str
    media_type: str
    parts: tuple[Part, ...]
    problems: tuple[Problem, ...] = ()
    mail: Mail | None = None
    notes: tuple[str, ...] = field(default=())  # observations that are no problem ("unsafe_name", "javascript")
