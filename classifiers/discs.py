"""What a disc promises: the studies that its DICOMDIR lists, and a disc that brings a viewer but no images (R13)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from classifiers.series import has_no_pictures
from records.model import Part, Role

DIRECTORY = "application/dicom-dir"
_VIEWER = re.compile(
    r"autorun\.|dicomdir|dicom|viewer|visor|visualiz|pacs|efilm|radiant|osirix|weasis|syngo|centricity|onis", re.IGNORECASE
)


@dataclass(slots=True)
class Listed:
    """One study as a DICOMDIR lists it: image files by their place on the disc, folded."""

    uid: str
    day: str
    description: str
    images: list[str] = field(default_factory=list)


def _folded(path: str) -> str:
    """A place on a disc however its file system writes it: ISO 9660 adds `;1` and a dot, and ignores case."""
    return re.sub(r"\.?;\d+$", "", path).rstrip(".").casefold()


def listed_in(directory: Part) -> list[Listed]:
    """The studies of a DICOMDIR's text page, as the reader writes it."""
    studies: list[Listed] = []
    picture = True
    for line in "\n".join(page.text for page in directory.pages).split("\n")[1:]:
        if line.startswith("study:"):
            uid, _, rest = line.removeprefix("study:").strip().partition(" ")
            day, _, description = rest.partition(" ")
            studies.append(Listed(uid, day.strip("-"), description.strip()))
        elif line.startswith("series:"):
            picture = not has_no_pictures(line.removeprefix("series:").strip())
        elif line and picture:
            if not studies:
                studies.append(Listed("", "", ""))
            studies[-1].images.append(_folded(line))
    return studies


def absent(directory: Part, studies: Sequence[Listed], paths: Iterable[str]) -> dict[str, int]:
    """How many images of each listed study are not among `paths`.

    Files are looked for below the directory's folder; when none is there (they came loose, or in a second archive),
    wherever their places end alike, or at last by their bare names.
    """
    folded = {_folded(path) for path in paths}
    listed = [image for study in studies for image in study.images]
    top = _folded(directory.path).rpartition("/")[0]
    depth = max((image.count("/") + 1 for image in listed), default=1)
    ways = (
        {path.removeprefix(top).lstrip("/") for path in folded if path.startswith(top)},
        {"/".join(path.split("/")[-n:]) for path in folded for n in range(1, depth + 1)},
        {path.rpartition("/")[2] for path in folded},
    )
    for here, bare in zip(ways, (False, False, True), strict=True):
        if any((image.rpartition("/")[2] if bare else image) in here for image in listed):
            return {s.uid: sum((i.rpartition("/")[2] if bare else i) not in here for i in s.images) for s in studies}
    return {s.uid: len(s.images) for s in studies}


def viewer_only(parts: Sequence[Part], unread: Iterable[str]) -> Part | None:
    """The program of a disc (or archive) that brings a viewer and no DICOM object, read or unread."""
    held = {part.path for part in parts if part.dicom or part.media_type == DIRECTORY} | set(unread)
    for part in parts:
        top, inside, _ = part.path.partition("/")
        if inside and part.role is Role.PROGRAM and _VIEWER.search(part.path) and not any(p.startswith(top + "/") for p in held):
            return part
    return None
