"""A hint that something changed in a folder, so that a wait ends early; the timed rescan stays the truth."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import structlog
from watchdog.events import EVENT_TYPE_CLOSED, EVENT_TYPE_CREATED, EVENT_TYPE_MOVED, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserver

from records import events

log = structlog.get_logger(__name__)

SLICE = 0.5  # how soon a stop is seen
POLLED_EVERY = 2.0
LULL = 0.2  # a burst of changes is one hint


class Watch(FileSystemEventHandler):
    """Watches folders by inotify (`events`) or by listing them (`polling`, for network shares without inotify)."""

    def __init__(self, source: str, folders: Sequence[Path], how: Literal["events", "polling"], *, deep: bool = False) -> None:
        self._source = source
        self._folders = folders
        self._how = how
        self._deep = deep
        self._hint = threading.Event()
        self._observer: BaseObserver | None = None
        self._watched: list[tuple[int, int]] = []
        self._told = False

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called by the observer's thread.  A write in progress is no hint: its end is."""
        whole = event.event_type in (EVENT_TYPE_CREATED, EVENT_TYPE_MOVED, EVENT_TYPE_CLOSED)
        if whole or self._how == "polling":
            self._hint.set()

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Return after `seconds`, early on a hint or on `stop`."""
        self._follow()
        ends = time.monotonic() + seconds
        while not stop.is_set() and (left := ends - time.monotonic()) > 0:
            if self._hint.wait(min(SLICE, left)):
                stop.wait(min(LULL, left))
                break
        self._hint.clear()

    def close(self) -> None:
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            with contextlib.suppress(RuntimeError):  # never started
                observer.join(5)

    def _follow(self) -> None:
        """Watch, or watch again when the folders were replaced (a share mounted anew) or the observer died."""
        now = self._identities()
        if self._observer is not None and self._observer.is_alive() and now == self._watched:
            return
        self.close()
        self._watched = now
        if len(now) < len(self._folders):
            return  # not there (an unmounted share): looked for again at the next wait
        observer = PollingObserver(timeout=POLLED_EVERY) if self._how == "polling" else Observer()
        try:
            for folder in self._folders:
                observer.schedule(self, str(folder), recursive=self._deep)
            observer.start()
        except OSError:  # no inotify here, or no more watches to be had
            if not self._told:
                self._told = True
                log.warning(events.FOLDER_UNWATCHED, source=self._source)
        else:
            self._observer = observer
            self._hint.set()  # what came before the watch began was not noticed: look at once

    def _identities(self) -> list[tuple[int, int]]:
        found = []
        for folder in self._folders:
            with contextlib.suppress(OSError):
                seen = folder.stat()
                found.append((seen.st_dev, seen.st_ino))
        return found
