"""Signers with certificates made on the spot, and PDFs that they sign digitally (pyHanko)."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import cache
from typing import Any

from asn1crypto import keys
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.stamp import TextStampStyle
from pyhanko_certvalidator.registry import SimpleCertificateStore

BEGAN, ENDS = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
Key = ec.EllipticCurvePrivateKey
Points = tuple[float, float, float, float]


def _certificate(name: str, key: Key, issuer: str, by: Key, authority: bool) -> x509.Certificate:
    named, issued = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, issuer))
    usage = x509.KeyUsage(not authority, not authority, False, False, False, authority, authority, False, False)
    built = x509.CertificateBuilder().subject_name(named).issuer_name(issued).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).not_valid_before(BEGAN).not_valid_after(ENDS)
    built = built.add_extension(x509.BasicConstraints(authority, None), critical=True).add_extension(usage, critical=True)
    built = built.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    built = built.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return built.sign(by, hashes.SHA256())


@cache
def _authority() -> tuple[Key, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    return key, _certificate("Synthetic Authority", key, "Synthetic Authority", key, True)


def authority() -> bytes:
    """The authority's certificate (PEM), for the operator's folder."""
    return _authority()[1].public_bytes(serialization.Encoding.PEM)


@cache
def signer(vouched: bool = False) -> signers.SimpleSigner:
    """A synthetic person: `vouched` by the authority, else by nobody but themselves."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = "Synthetic Patient Alpha"
    issuer, by = ("Synthetic Authority", _authority()[0]) if vouched else (name, key)
    made = _certificate(name, key, issuer, by, False)
    private = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return signers.SimpleSigner(
        signing_cert=asn1.Certificate.load(made.public_bytes(serialization.Encoding.DER)),
        signing_key=keys.PrivateKeyInfo.load(private),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]  # the library's
    )


def sealed(pdf: bytes, box: Points | None, vouched: bool = False, page: int = 0, field: str = "Signature1") -> bytes:
    """`pdf` digitally signed; the field lies at `box` (points), None: nowhere to be seen."""
    corners = None if box is None else (round(box[0]), round(box[1]), round(box[2]), round(box[3]))
    spec = fields.SigFieldSpec(field, on_page=page, box=corners)
    style = TextStampStyle(stamp_text="Digitally signed by %(signer)s", background=None, border_width=0)
    made = signers.PdfSigner(
        signers.PdfSignatureMetadata(field_name=field), signer(vouched), stamp_style=style, new_field_spec=spec
    )
    return bytes(made.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf))).getvalue())


def changed_later(pdf: bytes) -> bytes:
    """Something appended to the file after it was signed, as editors do: the signed bytes stay."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    stream: Any = generic.StreamObject(stream_data=b"BT ET")
    page = writer.root["/Pages"]["/Kids"][0]
    page["/Contents"] = generic.ArrayObject([page.raw_get("/Contents"), writer.add_object(stream)])
    writer.update_container(page)
    out = io.BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]  # the library's
    return out.getvalue()


def forged(pdf: bytes) -> bytes:
    """One byte of the signed file changed in place."""
    at = pdf.index(b"/Creator") + 12
    return pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :]
