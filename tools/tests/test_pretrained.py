"""A network that others trained and packed, from its own file to an answer about a real picture."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from weighbridge_lab import pretrained
from weighbridge_lab.live import ROOT
from weighbridge_recorder import export

BINARY = ROOT / ".build/release/weighbridge"
pytestmark = pytest.mark.skipif(not BINARY.is_file(), reason="the command is not built")


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BINARY, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, torch.Tensor]]:
    site = subprocess.run(
        [ROOT / "tools/python-env", "--site", "pretrained", ROOT / "tools/lab/pretrained-requirements.txt"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()
    sys.path.append(site)
    folder = tmp_path_factory.mktemp("pretrained")
    yield folder, pretrained.make(folder)
    sys.path.remove(site)


def same(folder: Path) -> list[object]:
    weights = pretrained.weights()
    return ["--model", "recorded", "--weights", weights, "--reference", folder / "reference.npz"]


def test_its_own_file_is_proved_with_the_picture(made: tuple[Path, torch.Tensor]) -> None:
    folder, _ = made
    done = command("validate", *same(folder), "--image", pretrained.picture("coffee.png"), "--json", "-")
    report = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert report["verdict"] == "pass" and report["production"]["status"] == "ok"
    assert report["uncovered"] == report["unreferenced"] == []
    assert len(report["layers"]) == 199
    assert any("bit for bit" in note for note in report["notes"])


def test_it_says_what_pictures_show(made: tuple[Path, torch.Tensor]) -> None:
    folder, answer = made
    done = command(
        "run", *same(folder), "--classes", folder / "labels.txt", "--transform",
        pretrained.TRANSFORM, "--image", pretrained.picture("coffee.png"), "--image",
        pretrained.picture("chelsea.png"), "--top", 3,
    )
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^ +([\d.]+) %  (.*)$", done.stdout, re.M)
    share = 100 * answer.softmax(-1).max().item()
    assert found[0][1] == "espresso" and abs(float(found[0][0]) - share) <= 0.1
    assert {name for _, name in found[3:]} == {"Egyptian cat", "tiger cat", "tabby"}


def test_weights_that_are_a_little_off_are_found(made: tuple[Path, torch.Tensor]) -> None:
    folder, _ = made
    state = torch.load(pretrained.weights(), weights_only=True)
    state["_blocks.9._project_conv.weight"] *= 1.01
    export(state, folder / "off.npz")
    arguments = same(folder)
    arguments[3] = folder / "off.npz"
    done = command("validate", *arguments)
    assert done.returncode == 1
    # Its padding is a module of its own, so that the convolution is what joins.
    assert "first glue _blocks.9._project_conv" in done.stdout
