"""Pickles that promise more than their file could hold are refused in one line."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest
from weighbridge_lab.live import ROOT

BINARY = ROOT / ".build/release/weighbridge"
pytestmark = pytest.mark.skipif(not BINARY.is_file(), reason="the command is not built")


@pytest.mark.parametrize("opcodes", [b"}", b"}0", b"("])
def test_a_bomb_of_objects_is_refused(tmp_path: Path, opcodes: bytes) -> None:
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", b"\x80\x02" + opcodes * (1 << 24) + b".")
        archive.writestr("bomb/version", b"3")
    done = subprocess.run([BINARY, "inspect", path], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "compressed to" in done.stderr and "bomb/data.pkl" in done.stderr
    assert len(done.stderr.splitlines()) <= 2
