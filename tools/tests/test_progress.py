"""Progress on a terminal, and silence elsewhere."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from weighbridge_recorder import progress, record


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _record(folder: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    record(net, torch.randn(2, 3), folder / "reference.npz", network=True)


def test_what_is_slow_says_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "PATIENCE", 0)
    monkeypatch.setattr(progress, "INTERVAL", 0)
    _record(tmp_path)
    lines = terminal.getvalue().split("\r\033[K")
    for wanted in ("float32, 0", "float32 once more, 2", "float64, 1", "writing, 2"):
        assert f"recording: {wanted}" in lines
    assert lines[-1] == "", "the line is taken away in the end"


def test_what_is_quick_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "PATIENCE", 1e9)
    _record(tmp_path)
    assert terminal.getvalue() == ""


def test_a_pipe_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    monkeypatch.setattr(progress, "PATIENCE", 0)
    _record(tmp_path)
    assert pipe.getvalue() == ""
