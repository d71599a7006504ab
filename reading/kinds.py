"""What a file is, by its bytes (its name only helps where bytes can not tell): a media type.

Own checks come first because they are cheap and catch what libmagic misses (DICOM without preamble, mail,
TNEF, whole zip directories); libmagic answers for the rest.
"""

from __future__ import annotations

import functools
import io
import re
import zipfile
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from reading import compound

HEAD_BYTES = 64 << 10

PDF = "application/pdf"
DICOM = "application/dicom"
DICOMDIR = "application/dicom-dir"  # our own name: the directory file of a DICOM medium (PS3.10)
MAIL = "message/rfc822"
ZIP = "application/zip"
TAR = "application/x-tar"
TNEF = "application/ms-tnef"
OLE = "application/x-ole-storage"
MSG = "application/vnd.ms-outlook"
DOC = "application/msword"
XLS = "application/vnd.ms-excel"
PPT = "application/vnd.ms-powerpoint"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
XPS = "application/oxps"
IWORK = "application/x-iwork"  # our own name: Apple's Pages, Numbers and Keynote
SHORTCUT = "application/x-shortcut"  # our own name: a file that only points to a web address (.url, .webloc)
CMS = "application/pkcs7-mime"  # signed (S/MIME)
CMS_LOCKED = "application/pkcs7-enveloped"  # our own name
PGP_LOCKED = "application/x-pgp-message"  # our own name
SIGNATURES = {"application/pgp-signature", "application/pgp-keys", "application/pgp-encrypted"}  # the last only says "Version: 1"
UDF = "application/x-udf-image"  # our own name: a disc image without the older file system beside it
RTF = "text/rtf"
HTML = "text/html"
TEXT = "text/plain"
PROGRAM = "application/x-executable"
UNKNOWN = "application/octet-stream"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"

IMAGES = {"image/jpeg", "image/png", "image/tiff", "image/heic", "image/webp", "image/gif", "image/bmp"}
OFFICE = {WORD, SHEET, SLIDES, ODT, ODS}
COMPRESSED = {"application/gzip", "application/x-bzip2", "application/x-xz", "application/x-lzma"}
COMPRESSED_RARELY = {"application/x-compress", "application/zstd", "application/x-lz4", "application/x-lzip"}
OTHER_ARCHIVES = {
    "application/x-lzh-compressed",
    "application/x-cpio",
    "application/x-7z-compressed",
    "application/vnd.rar",
    "application/x-iso9660-image",
    "application/vnd.ms-cab-compressed",
}
ARCHIVES = {ZIP, TAR} | COMPRESSED | COMPRESSED_RARELY | OTHER_ARCHIVES
PICTURE_FORMATS_REFUSED = ("image/vnd.adobe.photoshop", "image/fits", "application/postscript", "image/x-eps", "image/svg+xml")

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"GIF8", "image/gif"),
    (b"x\x9f>\x22", TNEF),
    (b"{\\rtf", RTF),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"MSCF", "application/vnd.ms-cab-compressed"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"SIMPLE  =", "image/fits"),
    (b"%!PS", "application/postscript"),
    (b"\xc5\xd0\xd3\xc6", "image/x-eps"),
    *((start, XLS) for start in (b"\x09\0\x04\0", b"\x09\2\6\0", b"\x09\4\6\0", b"\x09\x08\x08\0", b"\x09\x08\x10\0")),
    (b"MZ", PROGRAM),
    (b"\x7fELF", PROGRAM),
    (b"\xca\xfe\xba\xbe", PROGRAM),
    (b"\xcf\xfa\xed\xfe", PROGRAM),
)
_CMS_TYPES = (
    (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", CMS),
    (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03", CMS_LOCKED),
    (b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17", CMS_LOCKED),
)
_PGP_TYPES = (
    (b"-----BEGIN PGP MESSAGE-----", PGP_LOCKED),
    (b"-----BEGIN PGP SIGNATURE-----", "application/pgp-signature"),
    (b"-----BEGIN PGP PUBLIC KEY BLOCK-----", "application/pgp-keys"),
)
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif")
_TEXT = re.compile(rb"[\t\n\f\r\x20-\x7e\x80-\xff]{4,}")  # no control characters, in whatever encoding
_FIELD = re.compile(rb"[!-9;-~]{1,80}:[ \t\r\n]")
_KNOWN_FIELDS = re.compile(
    rb"^(?:from|to|subject|date|received|return-path|message-id|mime-version|delivered-to|content-type|dkim-signature|"
    rb"x-[!-9;-~]+|authentication-results|reply-to|sender):",
    re.IGNORECASE | re.MULTILINE,
)
_PROGRAM_NAMES = re.compile(
    r"\.(?:exe|dll|com|bat|cmd|msi|scr|ocx|sys|cpl|inf|ini|jar|class|vbs|ps1|sh|js|css|lnk|url|webloc|reg|cfg|drv|so|dylib|app|apk|"
    r"manifest|cat|chm|hlp|ico|icns|swf|map)$"
    r"|(?:^|/)(?:autorun[^/]*|thumbs\.db|desktop\.ini|\.ds_store|\._[^/]*)$|(?:^|/)__macosx/",
    re.IGNORECASE,
)
_OPEN_PACKAGES = (("xl/workbook.bin", XLSB), ("word/", WORD), ("xl/", SHEET), ("ppt/", SLIDES), ("Documents/1/", XPS))
_SHORTCUT = re.compile(r"\.(?:url|webloc|website)$", re.IGNORECASE)
_ADDRESS = re.compile(rb"https?://", re.IGNORECASE)
_EXTENSIONS = {
    PDF: "pdf", DICOM: "dcm", DICOMDIR: "dcm", MAIL: "eml", ZIP: "zip", TAR: "tar", RTF: "rtf", HTML: "html", TEXT: "txt",
    "image/jpeg": "jpg", "image/png": "png", "image/tiff": "tif", "image/heic": "heic", "image/gif": "gif", "image/webp": "webp",
    "image/bmp": "bmp", WORD: "docx", SHEET: "xlsx", SLIDES: "pptx", ODT: "odt", ODS: "ods", "application/gzip": "gz",
    "application/x-7z-compressed": "7z", "application/vnd.rar": "rar",
    "application/x-iso9660-image": "iso", TNEF: "dat", MSG: "msg", DOC: "doc",
    XLS: "xls", PPT: "ppt",
}  # fmt: skip


def extension(media_type: str) -> str:
    """A neutral file ending for a type, `bin` when there is none."""
    return _EXTENSIONS.get(media_type, "bin")


def looks_like_program(name: str) -> bool:
    """Names of programs and of what viewers and file managers leave on a disc."""
    return bool(_PROGRAM_NAMES.search(name))


def media_type(file: BinaryIO, name: str = "", *, top: bool = False) -> str:
    """The type of a seekable file; `top` allows a bare mail, which elsewhere must say that it is one."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if _SHORTCUT.search(name) and _ADDRESS.search(head[:4096]):
        return SHORTCUT
    if _is_mail(head) and (top or name.lower().endswith(".eml")):
        kind = MAIL
    else:
        kind = _by_own_checks(head, file, name) or _by_libmagic(head, name)
    file.seek(0)
    return kind


def _by_own_checks(head: bytes, file: BinaryIO, name: str) -> str | None:
    if head[128:132] == b"DICM":
        return DICOMDIR if PurePosixPath(name).name.upper() == "DICOMDIR" or b"1.2.840.10008.1.3.10" in head[:1024] else DICOM
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zip_kind(file)
    if head.startswith(compound.MAGIC):
        return _compound_kind(file)
    if head[4:8] == b"ftyp":
        return "image/heic" if head[8:12] in _HEIC_BRANDS else "video/mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[257:262] == b"ustar":
        return TAR
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "image/bmp"
    found = next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)
    if found:
        return found
    if head[:1] == b"\x30":
        found = next((kind for oid, kind in _CMS_TYPES if oid in head[:32]), None)
    elif head[:15] == b"-----BEGIN PGP ":
        found = next((kind for line, kind in _PGP_TYPES if head.startswith(line)), None)
    if found:
        return found
    if b"%PDF-" in head[:1024]:  # after what begins at the first byte: an archive's first member may be a PDF
        return PDF
    if _bare_dicom(head):
        return DICOM
    file.seek(0x8001)
    return {b"CD001": "application/x-iso9660-image", b"BEA01": UDF}.get(file.read(5))


def _zip_kind(file: BinaryIO) -> str:
    """A zip's kind by its whole directory: office documents are zips with certain names."""
    try:
        file.seek(0)
        names = set(zipfile.ZipFile(file).namelist())
    except Exception:  # a broken zip is still a zip; reading it says what is wrong
        return ZIP
    if any(re.fullmatch(r"(?:Index/Document\.iwa|index\.apxl|index\.xml\.gz|Index\.zip)", name) for name in names):
        return IWORK
    if "[Content_Types].xml" in names:
        return next(
            (kind for entry, kind in _OPEN_PACKAGES if any(n.startswith(entry) for n in names)),
            ZIP,
        )
    if {"mimetype", "content.xml"} <= names:
        file.seek(0)
        return ODS if b"opendocument.spreadsheet" in file.read(200) else ODT
    if "META-INF/MANIFEST.MF" in names and any(name.endswith((".class", ".dex")) for name in names):
        return PROGRAM
    return ZIP


def _compound_kind(file: BinaryIO) -> str:
    """A compound file's kind by the names at its top."""
    file.seek(0)
    names = compound.names(file.read())
    if "__properties_version1.0" in names:
        return MSG
    if names & {"EncryptedPackage"}:
        return OLE  # locked, whatever else it pretends to hold
    known = (("WordDocument", DOC), ("Workbook", XLS), ("Book", XLS), ("PowerPoint Document", PPT))
    return next((kind for name, kind in known if name in names), OLE)


def _bare_dicom(head: bytes) -> bool:
    """DICOM without preamble: starts with a small element of group 0002 or 0008, explicit or implicit VR (PS3.5)."""
    if len(head) < 16 or head[:2] not in (b"\x02\0", b"\x08\0") or head[3] != 0:
        return False
    if head[4:6].isalpha() and head[4:6].isupper():
        return int.from_bytes(head[6:8], "little") < 256 and head[2] < 0x80
    return int.from_bytes(head[4:8], "little") < 256 and head[2] in (0, 1, 5, 8, 0x12, 0x13, 0x14, 0x16, 0x18)


def _is_mail(head: bytes) -> bool:
    """Two known header fields or more before the first empty line, and a field (or mbox's "From ") at the start."""
    fields = re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0]
    if not (_FIELD.match(fields) or fields.startswith((b"From ", b">From "))):
        return False
    return len({name.lower() for name in _KNOWN_FIELDS.findall(fields)}) >= 2


@functools.cache
def _libmagic() -> Any:
    import magic  # loads an 8 MB data base: only when our own checks do not know

    return magic.Magic(mime=True)


def _by_libmagic(head: bytes, name: str) -> str:
    if not head:
        return "inode/x-empty"
    kind = str(_libmagic().from_buffer(head))
    if kind.startswith("text/") or kind in ("application/json", "application/javascript", "application/csv", "message/news"):
        sample = head[:4096].lower()
        if (
            kind in (HTML, "text/xml")
            or b"<html" in sample
            or b"<!doctype html" in sample
            or name.lower().endswith((".htm", ".html"))
        ):
            return HTML
        return kind if kind in ("text/calendar", "text/vcard", "text/csv") else TEXT
    if kind in ("application/x-dosexec", "application/x-sharedlib", "application/x-pie-executable", "application/x-mach-binary"):
        return PROGRAM
    # libmagic takes reports that begin "IN: …" for plotter commands and the like: what people can read is text
    return TEXT if _TEXT.fullmatch(head) else kind


def sniff(raw: bytes, name: str = "", *, top: bool = False) -> str:
    """`media_type` of bytes in memory."""
    return media_type(io.BytesIO(raw), name, top=top)
