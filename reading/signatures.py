"""Digital signatures of a PDF: does each still cover the file as it is, and does a trusted authority vouch for its signer?

ISO 32000-2, 12.8, checked by pyHanko without any fetching: no revocation lists are asked for, and trust is what the
operator put into `<forms>/trust/` (certificates, PEM or DER); without it no signer is trusted, and all signatures that
hold are merely `intact`.  The signer's certificate is judged at the time that the signature claims, so that a file
always gives the same reading.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pikepdf

if TYPE_CHECKING:
    from asn1crypto.x509 import Certificate

TRUST = "trust"  # the folder of certificates beside the registered forms
SIGNED = b"/ByteRange"
MOST = 20  # signatures of a file that are looked at
LARGEST = 64 << 20  # bytes of a file whose signatures are checked
HIDDEN = 2 | 32  # annotation flags: never shown (ISO 32000-2, 12.5.3)
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Seal:
    """One digital signature and where its field lies."""

    state: str  # trusted | intact | changed (after signing) | unread (can not be checked)
    page: int  # from 1, 0: nowhere to be seen
    box: Box  # left, top, right, bottom in fractions of the page


def seals(pdf: bytes, anchors: Sequence[Certificate] = ()) -> tuple[Seal, ...]:
    """Every signature of the file; none costs nothing but a search."""
    if SIGNED not in pdf:
        return ()
    places = _places(pdf)
    if len(pdf) > LARGEST:
        return tuple(Seal("unread", *place) for place in places.values())
    try:
        return tuple(_checked(pdf, places, anchors))
    except MemoryError:
        raise
    except Exception:  # the library's own faults over hostile bytes: what can not be checked is no signature
        return tuple(Seal("unread", *place) for place in places.values()) or (Seal("unread", 0, (0.0, 0.0, 0.0, 0.0)),)


def load_anchors(forms: Path | None) -> tuple[Certificate, ...]:
    """The certificates in `<forms>/trust/`; raises ValueError when one is none."""
    folder = forms / TRUST if forms else None
    if folder is None or not folder.is_dir():
        return ()
    from asn1crypto import pem, x509

    found: list[Certificate] = []
    for path in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")):
        raw = path.read_bytes()
        ders = [der for _, _, der in pem.unarmor(raw, multiple=True)] if pem.detect(raw) else [raw]
        for der in ders:
            found.append(x509.Certificate.load(der, strict=True))
            _ = found[-1].subject.native  # parsed lazily: a broken one fails here and not over a sender's file
    return tuple(found)


def _checked(pdf: bytes, places: dict[tuple[int, ...], tuple[int, Box]], anchors: Sequence[Certificate]) -> Iterator[Seal]:
    from pyhanko.pdf_utils.reader import PdfFileReader

    reader = PdfFileReader(io.BytesIO(pdf), strict=False)
    for count, embedded in enumerate(reader.embedded_regular_signatures):
        if count >= MOST:
            return
        where = places.get(tuple(int(n) for n in embedded.byte_range), (0, (0.0, 0.0, 0.0, 0.0)))
        try:
            yield Seal(_state(embedded, anchors), *where)
        except MemoryError:
            raise
        except Exception:  # as above, over one signature
            yield Seal("unread", *where)


def _quiet() -> None:
    """The libraries' loggers would write signers' names to the worker's error stream."""
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("pyhanko"):
            logging.getLogger(name).disabled = True


def _state(embedded: Any, anchors: Sequence[Certificate]) -> str:
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.settings import KeyUsageConstraints
    from pyhanko_certvalidator import ValidationContext

    _quiet()
    claimed = embedded.self_reported_timestamp or embedded.signer_cert["tbs_certificate"]["validity"]["not_before"].native
    moment = claimed if claimed.tzinfo else claimed.replace(tzinfo=UTC)
    context = ValidationContext(
        trust_roots=list(anchors), allow_fetching=False, revocation_mode="soft-fail", moment=min(moment, _LATEST)
    )
    usage = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False)
    status = validate_pdf_signature(embedded, signer_validation_context=context, key_usage_settings=usage)
    if not (status.intact and status.valid and _untouched(embedded, status)):
        return "changed"
    return "trusted" if status.trusted else "intact"


_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def _untouched(embedded: Any, status: Any) -> bool:
    """Does the signature cover the file, but for what other signatures and their proofs added later?"""
    from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    if status.coverage is SignatureCoverageLevel.ENTIRE_FILE:
        return True
    difference = status.diff_result
    if status.coverage is not SignatureCoverageLevel.ENTIRE_REVISION or not isinstance(difference, DiffResult):
        return False
    signing = {name for name, _, _ in _signature_fields(embedded.reader)}
    return (
        bool(status.docmdp_ok)
        and difference.modification_level <= ModificationLevel.FORM_FILLING
        and set(difference.changed_form_fields) <= signing
    )


def _signature_fields(reader: Any) -> Iterator[tuple[str, Any, Any]]:
    from pyhanko.sign.fields import enumerate_sig_fields

    yield from enumerate_sig_fields(reader)


def _places(pdf: bytes) -> dict[tuple[int, ...], tuple[int, Box]]:
    """Where each signature's field is shown, by the bytes that it covers; hidden, turned and empty ones are nowhere."""
    found: dict[tuple[int, ...], tuple[int, Box]] = {}
    try:
        with pikepdf.open(io.BytesIO(pdf)) as document:
            for number, page in enumerate(document.pages, 1):
                for widget in page.get("/Annots", ()):
                    value = widget.get("/V", widget.get("/Parent", widget).get("/V"))
                    if not isinstance(value, pikepdf.Dictionary) or "/ByteRange" not in value:
                        continue
                    covered = tuple(int(n) for n in value.ByteRange)
                    box = _box(page, widget)
                    if box is not None:
                        found[covered] = number, box
    except (pikepdf.PdfError, ValueError, TypeError, AttributeError, KeyError):
        return found
    return found


def _box(page: pikepdf.Page, widget: pikepdf.Object) -> Box | None:
    if int(page.get("/Rotate", 0)) % 360 or int(widget.get("/F", 0)) & HIDDEN:
        return None
    left, bottom, right, top = (float(side) for side in page.cropbox)
    x0, y0, x1, y1 = (float(side) for side in widget.Rect)
    wide, tall = right - left, top - bottom
    if abs(x1 - x0) < 1 or abs(y1 - y0) < 1 or wide <= 0 or tall <= 0:
        return None
    xs, ys = sorted((x0, x1)), sorted((y0, y1))
    return (xs[0] - left) / wide, (top - ys[1]) / tall, (xs[1] - left) / wide, (top - ys[0]) / tall
