"""Drives a headless Chromium through its debugging pipe: no library, no port, no network."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weighbridge_recorder import ToolError

# The browser reads its descriptor 3 and writes 4, whatever numbers the pipes have here.
START = """import fcntl, os, sys
read, write = (fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])"""
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_browser() -> str | None:
    """The browser to use: `$CHROMIUM`, else the first that is installed."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    return next((path for path in map(shutil.which, NAMES) if path), None)


@dataclass
class Page:
    """What a page looked like and said.

    Attributes:
        png: the whole page, from top to bottom.
        complaints: errors on the console, exceptions, and requests for anything but the file.
        width: how wide the content is, in CSS pixels.
        height: how high.
    """

    png: bytes
    complaints: list[str] = field(default_factory=list)
    width: int = 0
    height: int = 0


class Browser:
    """A running browser; `open_browser` starts and ends one."""

    def __init__(self, read: int, write: int, seconds: float) -> None:
        self._read, self._write, self._seconds = read, write, seconds
        self._buffer = b""
        self._number = 0
        self._events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Sends one command and gives its result; events that come meanwhile are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            reply = self._next()
            if reply.get("id") == self._number:
                if "error" in reply:
                    raise ToolError(f"the browser refuses {method}: {reply['error']}")
                return reply["result"]
            self._events.append(reply)

    def wait(self, event: str) -> None:
        """Waits for an event that has not come yet."""
        while not any(found.get("method") == event for found in self._events):
            self._events.append(self._next())

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + self._seconds
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            piece = os.read(self._read, 1 << 20) if ready else b""
            if not piece:
                raise ToolError("the browser has ended" if ready else "the browser does not answer")
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def photograph(self, path: Path, width: int, height: int, dark: bool) -> Page:
        """Opens a file in a window of this size and takes a picture of the whole page."""
        self._events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable", session)
        scheme = "dark" if dark else "light"
        self.call(
            "Emulation.setEmulatedMedia",
            session,
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", session, **size)
        url = path.resolve().as_uri()
        self._events = []
        self.call("Page.navigate", session, url=url)
        self.wait("Page.loadEventFired")
        box = self.call(
            "Runtime.evaluate",
            session,
            expression="[document.documentElement.scrollWidth,document.documentElement.scrollHeight]",
            returnByValue=True,
        )["result"]["value"]
        clip = {"x": 0, "y": 0, "width": width, "height": min(box[1], 12000), "scale": 1}
        shot = self.call(
            "Page.captureScreenshot", session, format="png", clip=clip, captureBeyondViewport=True
        )
        complaints = [text for event in self._events if (text := _complaint(event, url))]
        self.call("Target.closeTarget", targetId=target)
        return Page(base64.b64decode(shot["data"]), complaints, box[0], box[1])


def _complaint(event: dict[str, Any], url: str) -> str | None:
    """What an event says against the page."""
    parameters = event.get("params", {})
    match event.get("method"):
        case "Runtime.exceptionThrown":
            return f"exception: {parameters['exceptionDetails'].get('text')}"
        case "Runtime.consoleAPICalled" if parameters.get("type") in ("error", "warning"):
            return f"console: {parameters.get('args')}"
        case "Log.entryAdded" if parameters["entry"]["level"] in ("error", "warning"):
            return f"{parameters['entry']['source']}: {parameters['entry']['text']}"
        case "Network.requestWillBeSent":
            wanted = parameters["request"]["url"]
            if wanted != url and not wanted.startswith("data:"):
                return f"asks for {wanted}"
    return None


@contextmanager
def open_browser(path: str, seconds: float = 120) -> Iterator[Browser]:
    """Starts a headless browser with a profile of its own, and ends it.

    Args:
        seconds: how long to wait for an answer, before the browser counts as stuck.
    """
    (from_us, to_browser), (from_browser, to_us) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(
        prefix="weighbridge-browser-", ignore_cleanup_errors=True
    ) as profile:
        command = [
            *(sys.executable, "-c", START, str(from_us), str(to_us)),
            path,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--hide-scrollbars",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
        ]
        try:
            process = subprocess.Popen(
                command,
                pass_fds=(from_us, to_us),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(from_us)
            os.close(to_us)
        browser = Browser(from_browser, to_browser, seconds)
        try:
            yield browser
            browser.call("Browser.close")
        finally:
            os.close(to_browser)
            os.close(from_browser)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
