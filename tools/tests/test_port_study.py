"""The study of networks run in Swift: what it keeps, what it runs again, and what it counts."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from weighbridge_lab import small_networks
from weighbridge_lab.port_study import __main__ as command
from weighbridge_lab.port_study import study
from weighbridge_lab.port_study.drawn import drawn
from weighbridge_lab.port_study.outcome import Outcome, Results

# Stands in for the command: a verdict that passes, but for another size.
BINARY = """#!/usr/bin/env python3
import json, sys
if "--network" in sys.argv and "other" in sys.argv[sys.argv.index("--reference") + 1]:
    import numpy
    with numpy.load(sys.argv[sys.argv.index("--reference") + 1]) as file:
        if file["inputs/0"].shape[0] == 1:
            sys.exit(print("weighbridge: error: another size\\nmore", file=sys.stderr) or 3)
layer = {"status": "ok", "noise_ratio": 1.5, "limit": 6}
print(json.dumps({
    "verdict": "pass", "layers": [layer] * 3, "outputs": [layer], "production": {"outputs": []},
    "seconds": {"bind": 0.5, "forward": 1}, "uncovered": [], "first_divergence": None}))
"""


@pytest.fixture
def binary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    def make(library: str, name: str, batch: int) -> Any:
        net, images = small_networks.made(name, 4)
        return net, images[:batch]

    monkeypatch.setattr(study, "make", make)
    monkeypatch.setattr(command, "LIBRARIES", {"small": ["resnet", "missing"]})
    monkeypatch.setattr(command, "load", lambda library: None)
    path = tmp_path / "weighbridge"
    path.write_text(BINARY)
    path.chmod(0o755)
    return path


def test_networks_are_counted_and_kept(binary: Path, tmp_path: Path) -> None:
    page, kept = tmp_path / "ported.md", tmp_path / "known.json"
    arguments = ["--binary", str(binary), "--results", str(kept), "--markdown", str(page)]
    assert command.main(arguments) == 0
    text = page.read_text()
    assert "**1 of 1** networks pass, each of 4 recorded results compared: 1 of 1 of small" in text
    assert "With another batch 1 of 1 compute what PyTorch does" in text
    assert "With another size 0 of 1 compute what PyTorch does, 1 are refused" in text
    assert "| `resnet` | small | pass | 3 | 0.25 | pass | refused |" in text
    assert "| `missing` | small | not made |" in text
    entries = json.loads(kept.read_text())
    assert [entry["name"] for entry in entries] == ["resnet", "missing"]
    # What is known is not run again, unless it is asked for.
    binary.unlink()
    assert command.main(arguments) == 0
    assert "**1 of 1**" in page.read_text()
    command.main([*arguments, "--again", "pass"])
    assert Results(kept).status("small", "resnet") == "refused"


def test_there_is_an_end(binary: Path, tmp_path: Path) -> None:
    assert command.main(["--binary", str(binary), "--minutes", "1e-9"]) == command.UNFINISHED


def test_a_network_that_never_ends_is_given_up(
    binary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study.Run, "__call__", lambda self: time.sleep(60))
    outcome = study.Study(study.Judge(binary, 0.05)).run("small", "resnet")
    assert (outcome.status, outcome.reason) == ("refused", "took more than 0 s")


def test_a_process_that_dies_is_an_outcome(binary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study.Run, "__call__", lambda self: os._exit(9))
    outcome = study.Study(study.Judge(binary, 10)).run("small", "resnet")
    assert "its process ended" in outcome.reason


def test_results_of_another_version_are_read(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_text(json.dumps([{"library": "a", "name": "b", "status": "pass", "new": 1}]))
    assert Results(path).ordered({"a": ["c", "b"]}) == [Outcome("a", "b", "pass")]


@pytest.mark.parametrize(("size", "expected"), [(224, 160), (256, 192), (64, 48), (32, 24)])
def test_smaller_images_are_of_whole_patches(size: int, expected: int) -> None:
    assert study.smaller(torch.zeros(1, 3, size, size)).shape == (1, 3, expected, expected)


def test_networks_are_drawn_beside_the_list() -> None:
    pytest.importorskip("timm")
    assert drawn(20, 3) == drawn(20, 3) and len(set(drawn(20, 3))) == 20
    assert "resnet18" not in drawn(10_000, 3)
