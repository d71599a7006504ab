"""The walk through a submission: every file found gets a number, an answer and its place in the account of bytes.

Numbers ("0", "0.2", "0.2.1") depend on the bytes alone.  So when a file kills this process, a fresh one
walks again, leaves out what was answered or did the killing, and the rest goes on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import io
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from reading import kinds
from reading.bitmap import Bitmap, Grey
from reading.limits import Limits, Unreadable
from reading.passwords import Passwords
from reading.words import Word
from records.model import Dicom, FormSeen, Page, Part, Problem, Role, TextSource

if TYPE_CHECKING:
    from reading.compound import Storage


class Courier(Protocol):
    """Who carries what the walk finds: the worker's pipe, or a list in a test."""

    limits: Limits

    def say(self, header: dict[str, Any]) -> None: ...

    def page(self, header: dict[str, Any], bitmap: Bitmap) -> None: ...

    def form(
        self, text: str, models: Sequence[str], page: Callable[[], tuple[Grey, list[Word]]], *, pdf: bytes = b"", number: int = 1
    ) -> FormSeen | None: ...


@dataclass(frozen=True, slots=True)
class Found:
    """One file found: its bytes in memory (`raw`), or for the submission itself a seekable `file`."""

    number: str
    path: str
    role: Role
    raw: bytes = b""
    file: BinaryIO | None = None
    size: int = 0
    sha256: str = ""
    depth: int = 0  # archives around it
    level: int = 0  # containers of any sort around it
    hint: str = ""  # the type that the container knows it to be
    words: str | None = None  # a mail body's text, its charset undone
    links: tuple[str, ...] = ()
    opened: Storage | None = None  # a folder of a compound file, which has no bytes of its own

    def open(self) -> BinaryIO:
        return self.file or io.BytesIO(self.raw)

    def load(self, limit: int) -> bytes:
        """All of it in memory."""
        if self.file is None:
            return self.raw
        if self.size > limit:
            raise Unreadable("parser_memory", f"{self.size} bytes in one file, limit {limit}")
        self.file.seek(0)
        return self.file.read()


@dataclass(slots=True)
class Sheet:
    """What a format's reader writes down about one file, and whom it asks."""

    walk: Walk
    found: Found
    media_type: str
    role: Role
    prefix: str  # of its children's paths
    container: bool = False
    pages: list[Page] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: set[str] = field(default_factory=set)
    links: dict[str, None] = field(default_factory=dict)
    dicom: Dicom | None = None
    width: int | None = None
    height: int | None = None
    mail: Any = None
    looked: int = 0  # pages that were looked at as a form and were none
    _children: int = 0
    _names: set[str] = field(default_factory=set)

    @property
    def limits(self) -> Limits:
        return self.walk.limits

    @property
    def holds_nothing(self) -> bool:
        """A container that would leave no trace: no child stands for it, no problem, no page."""
        return self.container and not (self._children or self.problems or self.pages)

    def problem(self, code: str, detail: str) -> None:
        self.problems.append(Problem(code, self.found.path, detail, self.found.sha256))

    def text_page(self, number: int, text: str, **more: Any) -> None:
        """A page whose text the file itself holds."""
        text = self.walk.afford(clean(text), self)
        self.pages.append(Page(number, text, TextSource.LAYER if text else TextSource.NONE, **more))

    def picture_page(self, number: int, bitmap: Bitmap) -> None:
        """A page that has to be recognised: it is handed on at once, its text is filled in by the daemon."""
        self.pages.append(Page(number, "", TextSource.NONE))
        self.walk.courier.page({"number": self.found.number, "page": number}, bitmap)

    def check_pages(self, count: int) -> None:
        if count > self.limits.max_pages:
            raise Unreadable("page_count", f"{count} pages, limit {self.limits.max_pages}")

    def child(
        self,
        name: str,
        raw: bytes,
        role: Role = Role.MEMBER,
        *,
        archive: bool = False,
        hint: str = "",
        words: str | None = None,
        links: tuple[str, ...] = (),
        opened: Storage | None = None,
    ) -> None:
        """A file found inside this one: walked at once, then forgotten."""
        size, sha256 = opened.weigh() if opened else (len(raw), hashlib.sha256(raw).hexdigest())
        safe, unsafe = safe_name(name)
        if unsafe:
            self.notes.add("unsafe_name")
        path = self.prefix + self._unique(safe)
        number = f"{self.found.number}.{self._children}"
        self._children += 1
        self.walk.visit(
            Found(
                number, path, role, raw, None, size, sha256,
                self.found.depth + archive, self.found.level + 1, hint, words, links, opened,
            )
        )  # fmt: skip

    def _unique(self, name: str) -> str:
        stem, dot, ending = name.rpartition(".")
        other, count = name, 1
        while other.casefold() in self._names:
            count += 1
            other = f"{stem} ({count}){dot}{ending}" if stem else f"{name} ({count})"
        self._names.add(other.casefold())
        return other


Reader = Callable[[Found, Sheet], None]

# module of this room that reads a type; imported when first needed, so that a fresh worker starts fast
_READERS: tuple[tuple[frozenset[str], str, str, str], ...] = (
    # types, module, code when it breaks in an unforeseen way, "container" when its children stand for it
    (frozenset({kinds.MAIL}), "mail", "parser_crashed", "container"),
    (frozenset({kinds.MSG}), "outlook", "mail_malformed", "container"),
    (frozenset({kinds.TNEF}), "tnef", "mail_malformed", "container"),
    (frozenset({kinds.CMS, kinds.CMS_LOCKED, kinds.PGP_LOCKED}) | kinds.SIGNATURES, "sealed", "mail_malformed", ""),
    (frozenset({kinds.OLE}), "embedded", "office_malformed", "container"),
    (frozenset({kinds.DOC}), "worddoc", "office_malformed", ""),
    (frozenset({kinds.XLS}), "workbook", "office_malformed", ""),
    (frozenset({kinds.PPT}), "slideshow", "office_malformed", ""),
    (frozenset({kinds.ZIP}), "zips", "archive_malformed", "container"),
    (frozenset({kinds.TAR}) | kinds.COMPRESSED | kinds.COMPRESSED_RARELY, "tars", "archive_malformed", "container"),
    (frozenset(kinds.OTHER_ARCHIVES), "archives", "archive_malformed", "container"),
    (frozenset({kinds.PDF}), "pdf", "pdf_malformed", ""),
    (frozenset(kinds.IMAGES), "images", "image_malformed", ""),
    (frozenset({kinds.DICOM, kinds.DICOMDIR}), "dicom", "dicom_malformed", ""),
    (frozenset(kinds.OFFICE) | {kinds.RTF}, "office", "office_malformed", ""),
    (
        frozenset({kinds.TEXT, kinds.HTML, kinds.SHORTCUT, "text/csv", "text/calendar", "text/vcard"}),
        "text",
        "parser_crashed",
        "",
    ),
)


def reader_for(media_type: str) -> tuple[Reader | None, str, bool]:
    """The reading function for a type, its code for unforeseen faults, and whether it is a container."""
    for types, module, code, container in _READERS:
        if media_type in types:
            return importlib.import_module(f"reading.{module}").read, code, bool(container)
    return None, "unreadable_type", False


class Walk:
    """One submission's walk; budgets are for the whole of it."""

    def __init__(self, courier: Courier, skip: frozenset[str] = frozenset()) -> None:
        self.courier = courier
        self.limits = courier.limits
        self.skip = skip
        self.entries_left = self.limits.max_archive_entries
        self.bytes_left = self.limits.max_archive_bytes
        self.text_left = self.limits.max_text
        self.memory_failed = False
        self.passwords = Passwords()
        self.bodies: set[str] = set()  # mails' words met so far, letters only

    def visit(self, found: Found) -> None:
        """Read one file and all that is in it; nothing escapes but the end of the process."""
        if found.words:
            self.passwords.hear(found.words)  # also of a body that an earlier walk has read
        if found.number in self.skip:
            return
        media_type, role = self._kind(found)
        reader, code, container = reader_for(media_type)
        top_mail = found.number == "0" and media_type in (kinds.MAIL, kinds.MSG)
        sheet = Sheet(self, found, media_type, role, "" if top_mail else f"{found.path}/", container)
        self.courier.say({"enter": found.number, "part": dataclasses.asdict(_part(sheet))})
        if role is not Role.PROGRAM or media_type == kinds.SHORTCUT:
            self._read(found, sheet, reader, code)
        self.courier.say(
            {
                "leave": found.number,
                "part": dataclasses.asdict(_part(sheet)) if sheet.problems or not sheet.container else None,
                "problems": [dataclasses.asdict(problem) for problem in sheet.problems],
                "notes": sorted(sheet.notes),
                "mail": dataclasses.asdict(sheet.mail) if sheet.mail and found.number == "0" else None,
            }
        )

    def _kind(self, found: Found) -> tuple[str, Role]:
        media_type = found.hint
        if not media_type:
            media_type = kinds.media_type(found.open(), found.path, top=found.level == 0) if found.size else "inode/x-empty"
        readable = (
            media_type in kinds.IMAGES
            or media_type in (kinds.PDF, kinds.DICOM, kinds.MAIL, kinds.MSG, kinds.DOC, kinds.XLS, kinds.PPT)
            or (media_type == kinds.SHORTCUT and found.role is Role.ATTACHMENT)
            or media_type in kinds.OFFICE
        )
        program = media_type == kinds.PROGRAM or (
            not readable and found.role is not Role.BODY and kinds.looks_like_program(found.path)
        )
        return media_type, Role.PROGRAM if program else found.role

    def _read(self, found: Found, sheet: Sheet, reader: Reader | None, code: str) -> None:
        try:
            self._check(found, sheet, reader)
            if reader is not None:
                reader(found, sheet)
            if sheet.holds_nothing:
                sheet.problem("holds_nothing", "not one file and no words")
        except Unreadable as error:
            sheet.problem(error.code, error.detail)
        except MemoryError:
            self.memory_failed = True
            sheet.problem("parser_memory", f"limit {self.limits.memory_bytes} bytes")
        except Exception as error:  # a parser's fault on hostile bytes: named, and the rest goes on
            sheet.problem(code, f"{type(error).__name__} in the parser")

    def _check(self, found: Found, sheet: Sheet, reader: Reader | None) -> None:
        """What is refused before any parser sees it."""
        if not found.size:
            raise Unreadable("empty_file", "0 bytes")
        if found.depth + (sheet.media_type in kinds.ARCHIVES) > self.limits.max_archive_depth:
            raise Unreadable("archive_depth", f"more than {self.limits.max_archive_depth} archives within each other")
        if found.level > self.limits.max_nesting:
            raise Unreadable("mail_nesting", f"more than {self.limits.max_nesting} containers around it")
        if sheet.media_type in kinds.PICTURE_FORMATS_REFUSED:
            raise Unreadable("format_not_allowed", sheet.media_type)
        if reader is None:
            raise Unreadable("unreadable_type", sheet.media_type)

    def spend(self, count: int) -> None:
        """Take `count` bytes off what the submission may unpack to."""
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise Unreadable("archive_bytes", f"more than {self.limits.max_archive_bytes} bytes unpacked")

    def afford(self, text: str, sheet: Sheet) -> str:
        """`text` as far as the submission's budget of characters goes; what is cut is said."""
        if len(text) > self.text_left:
            sheet.problem("text_size", f"more than {self.limits.max_text} characters of text in one submission")
            text = text[: self.text_left]
        self.text_left -= len(text)
        return text


def _part(sheet: Sheet) -> Part:
    found = sheet.found
    return Part(
        found.path, found.sha256, found.size, sheet.media_type, sheet.role, tuple(sheet.pages), sheet.dicom,
        tuple(sheet.links), sheet.width, sheet.height,
    )  # fmt: skip


_HYPHENS = re.compile("[\u0002\ufffe]")  # PDFium's marks for a hyphen at a line end
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ufeff]")


def clean(text: str) -> str:
    """Text as it may be kept: composed (NFC), one newline character, no control characters or lone surrogates."""
    text = _HYPHENS.sub("-", text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n"))
    text = _CONTROLS.sub("", text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unicodedata.normalize("NFC", text).strip()


_NAME_DIRT = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def safe_name(name: str) -> tuple[str, bool]:
    """A name as staff may see it, and whether it was unsafe as a path on disk: it is never used as one."""
    cleaned = _NAME_DIRT.sub("", name.replace("\\", "/"))
    steps = [step.strip()[:120] for step in cleaned.split("/")]
    kept = [step for step in steps if step not in ("", ".", "..") and not re.fullmatch("[A-Za-z]:", step)][-12:]
    unsafe = cleaned != name or cleaned.startswith("/") or ".." in steps or any(re.match("[A-Za-z]:", step) for step in steps)
    return "/".join(kept) or "unnamed", unsafe
