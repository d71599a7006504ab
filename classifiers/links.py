"""Links behind which images are promised: a cloud folder, a file transfer, a PACS viewer (R13).  Never fetched."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_SHARING = re.compile(
    r"(?:^|\.)(?:dropbox\.com|(?:drive|docs|photos)\.google\.com|1drv\.ms|onedrive\.live\.com|sharepoint\.com|box\.com|wetransfer\.com|we\.tl"
    r"|mega\.nz|icloud\.com|disk\.yandex\.\w+|yadi\.sk|cloud\.mail\.ru|pan\.baidu\.com|mediafire\.com|transfernow\.net|swisstransfer\.com"
    r"|filemail\.com|hightail\.com|pcloud\.com|sync\.com|sendspace\.com|gofile\.io|fromsmash\.com)$",
    re.IGNORECASE,
)
_VIEWING = re.compile(
    r"(?<![a-z])(?:dicom|pacs|wado|viewer|visor|visualizador|radiolog\w*|radyoloji|imaging|imagen(?:es|s)?|imagerie|immagini|bildgebung)(?![a-z])",
    re.IGNORECASE,
)


def promised(links: Iterable[str]) -> list[str]:
    """The hosts of those links that look like shared files or a viewer of images, each once."""
    hosts: dict[str, None] = {}
    for link in links:
        try:
            place = urlsplit(link)
        except ValueError:
            continue
        host = (place.hostname or "").rstrip(".")
        if _SHARING.search(host) or _VIEWING.search(f"{host}{place.path}"):
            hosts[host[:100]] = None
    return list(hosts)
