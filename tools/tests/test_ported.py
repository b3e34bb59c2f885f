"""The study of ported networks: what it counts and what it writes."""

from __future__ import annotations

from pathlib import Path

from torch import nn
from weighbridge_lab.port_study.ported import Outcome, Study, markdown, python_lines


class Doubled(nn.Module):
    def forward(self, x):  # type: ignore[no-untyped-def]
        return x * 2


def test_targets_are_identifiers(tmp_path: Path) -> None:
    study = Study(Path("weighbridge"), tmp_path)
    assert study.target(Outcome("timm", "vit_tiny.a-b")) == "TimmVitTinyAB"


def test_python_counts_classes_once_and_leaves_pytorchs_out() -> None:
    assert python_lines(nn.Sequential(Doubled(), Doubled(), nn.ReLU())) == 3


def test_the_table_says_how_far_each_came(tmp_path: Path) -> None:
    outcomes = [
        Outcome("timm", "a", "pass", interpreted="pass", swift_lines=50, python_lines=100, compared=4,
                batch="pass"),
        Outcome("timm", "b", "ported", "1 stubs: x|y", swift_lines=10),
        Outcome("timm", "c"),
        Outcome("timm", "d", "pass", swift_lines=50, python_lines=100, batch="outputs/0 differs"),
    ]
    markdown(tmp_path / "ported.md", outcomes, "tools/port-study --port")
    text = (tmp_path / "ported.md").read_text()
    # What could not be recorded counts, too.
    assert "**2 of 4** pass: 2 of 4 of timm. With another batch 1 of 2 compute what the interpreter does." in text
    assert "Median 50 lines of Swift, 0.50 of the Python's." in text
    assert "x\\|y" in text
    assert "4/4" in text
    assert "| FAIL | other batch: outputs/0 differs |" in text
    assert "drawn at random" not in text
    markdown(tmp_path / "drawn.md", outcomes, "tools/port-study --port", drawn=True)
    assert "# Ported networks drawn at random" in (tmp_path / "drawn.md").read_text()
