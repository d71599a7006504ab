"""Pages with known text: as a PDF with a text layer, and as a fax (204 × 196 dots an inch, one bit, skew, specks, lost lines)."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

from PIL import Image

from fixtures.degrade import fax
from fixtures.paper import Sheet
from fixtures.render import fax_pdf, pages

PARAGRAPHS = ("HISTORY", "TECHNIQUE", "COMPARISON", "FINDINGS", "CHEST", "ABDOMEN", "SPINE", "LABORATORY", "MEDICATION", "COURSE")
SENTENCES = (
    "A nodule of {n} mm in the right upper lobe is unchanged since {day} and shows no cavitation.",
    "There is no evidence of a fracture, and the vertebral bodies are of normal height and alignment.",
    "The liver measures {n} mm in the midclavicular line and its margins are smooth and regular.",
    "Contiguous images of {n} mm were acquired after {m} ml of intravenous contrast medium.",
    "The patient was seen on {day} with pain for {m} weeks and a loss of weight of {n} kg.",
    "Haemoglobin was {n}.{m} g/dl and creatinine 0.{n} mg/dl on the day of admission.",
    "Both kidneys are of normal size; a simple cyst of {m} mm is seen at the lower pole.",
    "Treatment with {m} mg daily was begun on {day} and has been well tolerated so far.",
    "No enlarged lymph nodes are found in the mediastinum, the axillae or the retroperitoneum.",
    "The family asks for a second opinion about surgery; earlier reports are enclosed with this letter.",
    "A biopsy was discussed and is planned after the interval scan in {m} weeks.",
    "Impression: stable disease by size criteria, no new lesion since {day}.",
)
THREE_A_PARAGRAPH = 3


@dataclass(frozen=True, slots=True)
class Known:
    """A PDF, the text that stands on each of its pages, and the pictures that the pages of a fax consist of."""

    pdf: bytes
    texts: tuple[str, ...]
    pictures: tuple[Image.Image, ...] = ()


def text_packet(first: int, count: int) -> Known:
    """`count` pages of about 2,800 characters; no two numbers give the same page."""
    sheet = Sheet(font="Times", size=10.5)
    texts = []
    for number in range(first, first + count):
        if number > first:
            sheet.turn()
        texts.append(_write(sheet, number))
    return Known(sheet.done(), tuple(texts))


def _write(sheet: Sheet, number: int) -> str:
    chance = random.Random(number)  # noqa: S311 - the same pages in every run, no secret
    lines = [
        f"SYNTHETIC RECORD {number}, made for measuring only",
        "Patient: SYNTHETIC PATIENT ALPHA",
        "Date of birth: 1961-04-23",
    ]
    for heading in PARAGRAPHS:
        body = [
            sentence.format(
                n=chance.randint(10, 98), m=chance.randint(2, 9), day=f"2026-0{chance.randint(1, 9)}-{chance.randint(10, 28)}"
            )
            for sentence in chance.sample(SENTENCES, THREE_A_PARAGRAPH)
        ]
        lines.append(f"{heading}: {' '.join(body)}")
    for line in lines:
        sheet.write(line, after=6)
    return " ".join(lines)


def fax_packet(first: int, count: int) -> Known:
    """The same as a fax server's PDF: one Group 4 picture a page."""
    known = text_packet(first, count)
    sent = tuple(fax(sheet, seed) for seed, sheet in enumerate(pages(known.pdf), first))
    return Known(fax_pdf(sent), known.texts, sent)


def digest_of(pdf: bytes) -> str:
    """SHA-256 as the readers want it."""
    return hashlib.sha256(pdf).hexdigest()
