"""Is the image set whole?  What the series of one study lack, as far as their own headers tell (R13)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache, reduce
from itertools import pairwise
from math import gcd

from classifiers.sheets import sheet
from records.model import Dicom

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SECONDARY = f"{_STORAGE}7"  # PS3.4 B.5: secondary capture and its multi-frame kin
_NO_PIXELS = tuple(f"{_STORAGE}{n}." for n in (9, 11, 66, 67, 88, 104))  # waveforms, presentations, segmentations, reports
_BY_MACHINE = frozenset("40 50 59 65 67 68 69 70 71 72 73 74 75 76".split())  # noqa: SIM905 - a list of codes
_SCREEN = ("SCREEN SAVE", "SCREENSAVE", "SCREENSHOT", "SCREEN CAPTURE")
_SCOUT = frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM"})
ROUND = 100  # the distance at which machines begin another block of numbers
MOST_WORDS = 2000  # characters of `numbers_said`


def _of_storage(sop_class: str, family: str) -> bool:
    return sop_class == family or sop_class.startswith(family + ".")


def is_capture(dicom: Dicom) -> bool:
    """A photo, a scan or a screenshot wrapped as DICOM."""
    return _of_storage(dicom.sop_class, _SECONDARY) or any(word in _SCREEN for word in dicom.image_type)


@cache
def _codes(of: str) -> frozenset[str]:
    return frozenset(sheet("dicom.toml")["modality"][of])


def has_no_pictures(modality: str) -> bool:
    """Whether objects of a modality only speak about images, or are none of a patient's pictures at all."""
    return modality.upper() in _codes("no_pictures")


def modality_of(dicom: Dicom) -> str:
    """The header's modality; where it is left out, that of the storage class."""
    told = sheet("dicom.toml")["sop_class"]
    storage = dicom.sop_class.removeprefix(_STORAGE)
    return dicom.modality.upper() or next((code for code, classes in told.items() if storage in classes), "")


def is_image(dicom: Dicom) -> bool:
    """Whether a file belongs to a real image series."""
    modality = modality_of(dicom)
    return dicom.has_pixels and modality != "OT" and not has_no_pictures(modality) and not is_capture(dicom)


def lacks_pixels(dicom: Dicom) -> bool:
    """A header of an image whose picture is not there."""
    images = modality_of(dicom) in _codes("pictures") and not dicom.sop_class.startswith(_NO_PIXELS)
    return images and not dicom.has_pixels and not is_capture(dicom)


def is_support(dicom: Dicom) -> bool:
    """An object that only speaks about images: presentation states, key notes, segmentations, doses, wrapped papers."""
    return has_no_pictures(dicom.modality) or (not dicom.has_pixels and dicom.sop_class.startswith(_NO_PIXELS))


def is_measurement(dicom: Dicom) -> bool:
    """A structured report that a machine wrote, no physician (PS3.4 B.5): dose, detection aids, procedure logs, key notes."""
    return dicom.sop_class.removeprefix(f"{_STORAGE}88.") in _BY_MACHINE


def absent(numbers: Sequence[int]) -> int:
    """How many instance numbers a series leaves out.

    A regular step (1, 3, 5 …) is no gap, nor are blocks of one length at round distances (1-20, 101-120: echoes, phases).
    """
    unique = sorted(set(numbers))
    if len(unique) < 2:
        return 0
    step = reduce(gcd, (b - a for a, b in pairwise(unique)))
    blocks = [unique[0]], [1]
    for a, b in pairwise(unique):
        if b - a == step:
            blocks[1][-1] += 1
        else:
            blocks[0].append(b)
            blocks[1].append(1)
    starts, lengths = blocks
    if lengths[0] > 1 and len(set(lengths)) == 1 and all((b - a) % ROUND == 0 for a, b in pairwise(starts)):
        return 0
    return (unique[-1] - unique[0]) // step + 1 - len(unique)


def _numbers(files: Sequence[Dicom]) -> dict[str, list[int]]:
    """Instance numbers of each image series, by its identifier."""
    by_series: defaultdict[str, list[int]] = defaultdict(list)
    for d in files:
        if is_image(d) and d.instance_number is not None:
            by_series[d.series].append(d.instance_number)
    return dict(sorted(by_series.items()))


def _runs(numbers: Sequence[int]) -> str:
    """`1-40,42` for a set of numbers."""
    said: list[list[int]] = []
    for n in sorted(set(numbers)):
        if said and n == said[-1][1] + 1:
            said[-1][1] = n
        else:
            said.append([n, n])
    return ",".join(f"{a}-{b}" if b > a else str(a) for a, b in said)


def numbers_said(files: Sequence[Dicom]) -> str:
    """Which images of which series are here, so that a second mail can fill a gap: `1.2.3:1-40,42`; "" when too long."""
    said = " ".join(f"{uid}:{_runs(numbers)}" for uid, numbers in _numbers(files).items())
    return said if len(said) <= MOST_WORDS else ""


def only_scouts(files: Sequence[Dicom]) -> bool:
    """Whether all images merely show where was scanned."""
    images = [d for d in files if is_image(d)]
    return bool(images) and all(_SCOUT & set(d.image_type) for d in images)


def damaged(files: Sequence[Dicom], cut: int = 0) -> list[str]:
    """Files of the set that are here and no good; `cut` of them break off."""
    empty = sum(lacks_pixels(d) for d in files)
    told = [f"{cut} file(s) break off before their end"] if cut else []
    return told + ([f"{empty} file(s) without their picture"] if empty else [])


def wanting(files: Sequence[Dicom], listed: int = 0) -> list[str]:
    """What of an image set seems not to be here; `listed`: images that the disc's directory names.

    Never more than a doubt: numbers may leave out some by design (echoes, phases), or be missing altogether.
    """
    found = ["only scout images"] if only_scouts(files) else []
    here = len({d.sop_instance for d in files if is_image(d) or lacks_pixels(d)})
    if listed > here:
        found.append(f"the disc's directory lists {listed} images, {here} are here")
    for place, numbers in enumerate(_numbers(files).values(), 1):
        if missing := absent(numbers):
            shown = f"{len(set(numbers))} images, {missing} missing between {min(numbers)} and {max(numbers)}"
            found.append(f"series {place}: {shown}")
    return found
