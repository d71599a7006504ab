"""Pages with a text layer, read and identified, against PDFium's own time for the bare text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pypdfium2

from benchmarks import pages
from benchmarks.clock import in_turns, times_faster
from benchmarks.figures import RATIO, Figure
from classifiers.identify import identify
from config.rules import Identifying
from config.settings import ReadingSettings
from reading.reader import in_file
from reading.sandbox import WorkerPool
from records.model import Reading

PACKET, PACKETS, ROUNDS = 20, 10, 7
QUICK_PACKETS, QUICK_ROUNDS = 2, 3


def measure(folder: Path, quick: bool, forms: Path) -> Iterator[Figure]:
    """Packets of 20 pages; we open, judge and identify each, PDFium in this process takes out the text."""
    rules = Identifying()
    packets = [pages.text_packet(1000 + PACKET * number, PACKET) for number in range(QUICK_PACKETS if quick else PACKETS)]
    files = [(folder / f"text-{number}.pdf", pages.digest_of(packet.pdf)) for number, packet in enumerate(packets)]
    for (path, _), packet in zip(files, packets, strict=True):
        path.write_bytes(packet.pdf)
    count = PACKET * len(packets)
    with WorkerPool(ReadingSettings(), forms) as pool:
        pool.warm()
        readings: list[Reading] = []

        def read(_: int) -> None:
            readings[:] = [pool.read(in_file(path), digest) for path, digest in files]

        def identified(_: int) -> None:
            for reading in readings:
                identify(reading, rules)

        def both(_: int) -> None:
            for path, digest in files:
                identify(pool.read(in_file(path), digest), rules)

        def bare(_: int) -> None:
            for path, _digest in files:
                bare_text(path)

        read(0)
        identified(0)  # lexica load, files come into the page cache
        rivals = {"bare": bare, "ours": both, "read": read, "identify": identified}
        spent = in_turns(rivals, QUICK_ROUNDS if quick else ROUNDS)
    ms = {name: 1000 * seconds.seconds / count for name, seconds in spent.items()}
    name = f"{count} text pages"
    dearer = 1 / times_faster(spent["ours"], spent["bare"])
    yield Figure(name, "ours by PDFium's bare text", dearer, RATIO, most=3, note="read and identified; packets of 20 pages")
    yield Figure(name, "identify alone, a page", ms["identify"], "ms", most=10)
    yield Figure(name, "read alone, a page", ms["read"], "ms", note=f"{ms['read'] / ms['bare']:.2f} × PDFium's bare text")
    yield Figure(name, "PDFium's bare text, a page", ms["bare"], "ms")
    yield Figure(name, "PDFium's bare text, a page, CPU", 1000 * spent["bare"].cpu_seconds / count, "ms")
    yield Figure(name, "read and identified, a page, CPU", 1000 * spent["ours"].cpu_seconds / count, "ms")


def bare_text(path: Path) -> list[str]:
    """As pypdfium2's own example does."""
    document = pypdfium2.PdfDocument(path)
    try:
        found = []
        for page in document:
            text_page = page.get_textpage()
            found.append(str(text_page.get_text_range()))
            text_page.close()
            page.close()
        return found
    finally:
        document.close()
