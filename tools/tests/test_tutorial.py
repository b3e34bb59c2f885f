"""The tutorial's network, recorded, run and ported anew: the pages show what the command does today."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from weighbridge_lab.live import ROOT

PAGES = ROOT / "Sources/Weighbridge/Weighbridge.docc/Resources/porting"
BINARY = ROOT / ".build/release/weighbridge"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tutorial's Python has run."""
    folder = tmp_path_factory.mktemp("tutorial")
    for name in ("mine.py", "record.py"):
        shutil.copy(PAGES / name, folder / name)
    path = os.pathsep.join([str(ROOT / "tools/recorder"), str(folder)])
    subprocess.run(
        [sys.executable, "record.py"], cwd=folder, check=True, capture_output=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    return folder


def shown(page: str) -> tuple[list[str], list[str]]:
    """The command of a page, and what it prints."""
    command, *lines = (PAGES / page).read_text().splitlines()
    return command.removeprefix("$ weighbridge ").split(), lines


def run(folder: Path, arguments: list[str]) -> list[str]:
    done = subprocess.run(
        [BINARY, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return (done.stdout + done.stderr).splitlines()


def test_the_recorded_network_passes_as_shown(folder: Path) -> None:
    arguments, lines = shown("validate.sh")
    said = run(folder, arguments)
    # Figures are this processor's.
    assert said[0].split(" · ")[:2] == lines[0].split(" · ")[:2]
    assert said[0].split(" · ")[3:] == lines[0].split(" · ")[3:]
    assert [line.split("  ")[0] for line in said[3:7]] == [line.split("  ")[0] for line in lines[3:7]]


def test_the_package_is_the_one_shown(folder: Path) -> None:
    arguments, lines = shown("port.sh")
    assert run(folder, [*arguments, "--force"]) == lines
    for page, place in (
        ("Mine.swift", "Sources/NetSwift"), ("ParityTests.swift", "Tests/NetSwiftTests"),
    ):
        assert (folder / "NetSwift" / place / page).read_text() == (PAGES / page).read_text()
