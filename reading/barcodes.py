"""Barcodes on a page: our own outgoing faxes carry the case reference as one, and come back with an answer (R23)."""

from __future__ import annotations

import re

from reading.bitmap import Grey

MOST = 8  # on one page
LONGEST = 64
_OURS = re.compile(r"S[O0]MRR|UC\s*SAN\s*DIEGO", re.IGNORECASE)


def barcodes(pixels: Grey, text: str) -> tuple[str, ...]:
    """What Code 128 barcodes say, whichever way the page lies; only looked for on pages whose words speak of us."""
    if not _OURS.search(text):
        return ()
    import zxingcpp

    found = zxingcpp.read_barcodes(pixels, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.Code128))
    return tuple(dict.fromkeys(code.text for code in found if code.valid and 0 < len(code.text) <= LONGEST))[:MOST]
