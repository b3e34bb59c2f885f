"""The browser's pictures, and what counts as a fault. Skipped where there is no browser."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from weighbridge_lab.browser import find_browser, open_browser
from weighbridge_lab.screenshots import BYTE_LIMIT, faults, main

browser = pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")

PAGE = """<!doctype html><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><style>body{{margin:0}}div{{width:{width}px;height:2000px}}
@media(prefers-color-scheme:dark){{body{{background:#000}}}}</style><div></div>{more}"""


def page(folder: Path, width: int = 100, more: str = "") -> Path:
    path = folder / "page.html"
    path.write_text(PAGE.format(width=width, more=more))
    return path


def png_size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


@browser
def test_pictures_show_the_whole_page(tmp_path: Path) -> None:
    with open_browser(find_browser() or "") as opened:
        light = opened.photograph(page(tmp_path), 390, 844, dark=False)
        dark = opened.photograph(page(tmp_path), 390, 844, dark=True)
    assert png_size(light.png) == (390, 2000)
    assert light.png != dark.png
    assert (light.width, light.complaints) == (390, [])


@browser
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("<script>console.error('odd')</script>", "odd"),
        ("<script>throw new Error('broken')</script>", "exception"),
        ("<img src='https://example.invalid/x.png'>", "asks for https://example.invalid/x.png"),
    ],
)
def test_complaints_are_heard(tmp_path: Path, more: str, words: str) -> None:
    with open_browser(find_browser() or "") as opened:
        found = opened.photograph(page(tmp_path, more=more), 390, 844, dark=False)
    assert any(words in complaint for complaint in found.complaints)


@browser
def test_what_is_wider_than_the_window_is_a_fault(tmp_path: Path) -> None:
    path = page(tmp_path, width=700)
    with open_browser(find_browser() or "") as opened:
        found = opened.photograph(path, 390, 844, dark=False)
    assert faults(path, found.width, found.complaints, 390) == ["is 700 pixels wide in a window of 390"]


def test_what_is_too_large_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "large.html"
    path.write_bytes(b" " * (BYTE_LIMIT + 1))
    assert len(faults(path, 100, [], 390)) == 1


def test_no_browser_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    assert main([]) == 1
    assert "apt-get install --no-install-recommends chromium" in capsys.readouterr().err
