"""A line on a terminal while a recording takes its time."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TextIO

# Before this nobody waits; afterwards the line is written so often at most.
PATIENCE, INTERVAL = 1.0, 0.1


class Progress:
    """Writes `recording: float64, layer3.1.conv2` over itself, once a recording is slow."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.started = self.written = time.monotonic()
        self.stage = ""
        self.is_shown = False

    def say(self, detail: str) -> None:
        now = time.monotonic()
        if now - self.started < PATIENCE or now - self.written < INTERVAL:
            return
        self.written = now
        self.is_shown = True
        text = f"recording: {self.stage}, {detail}"[:78]
        self.stream.write(f"\r\033[K{text}")
        self.stream.flush()

    def clear(self) -> None:
        if self.is_shown:
            self.stream.write("\r\033[K")
            self.stream.flush()


_current: ContextVar[Progress | None] = ContextVar("progress", default=None)


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Shows progress on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    progress = Progress(sys.stderr)
    token = _current.set(progress)
    try:
        yield
    finally:
        _current.reset(token)
        progress.clear()


def stage(name: str) -> None:
    """What is being done now."""
    if progress := _current.get():
        progress.stage = name


def at(detail: str) -> None:
    """What it has come to: a module's path, an entry's name."""
    if progress := _current.get():
        progress.say(detail)
