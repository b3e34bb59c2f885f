"""MLX loads what `weighbridge convert --layout mlx` writes by its own rules, and its layers compute the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from weighbridge_lab.live import ROOT

BINARY = ROOT / ".build/release/weighbridge"
pytestmark = pytest.mark.skipif(not BINARY.is_file(), reason="the command is not built")

# A process of its own: the folder of MLX has no place among this one's modules.
NET = """
import sys
import mlx.core as mx
import mlx.nn as nn
import numpy

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5)
        self.fc1, self.fc2 = nn.Linear(320, 50), nn.Linear(50, 10)
        self.localization = [nn.Conv2d(1, 8, 7), None, None, nn.Conv2d(8, 10, 5)]
        self.fc_loc = [nn.Linear(90, 32), None, nn.Linear(32, 6)]

net = Net()
net.load_weights(sys.argv[1], strict=True)
reference = numpy.load(sys.argv[2])

def check(name, got):
    recorded = reference[f"activations/{name}"]
    assert numpy.allclose(got, recorded, rtol=1e-5, atol=1e-5), name

def image(name):
    return mx.array(reference[name]).transpose(0, 2, 3, 1)

def channels_first(array):
    return numpy.array(array.transpose(0, 3, 1, 2))

check("localization.0", channels_first(net.localization[0](image("inputs/0"))))
check("localization.3", channels_first(net.localization[3](image("activations/localization.2"))))
features = reference["activations/localization"].reshape(-1, 90)
check("fc_loc.0", numpy.array(net.fc_loc[0](mx.array(features))))
print("the same")
"""


@pytest.fixture(scope="module")
def site() -> str:
    return subprocess.run(
        [ROOT / "tools/python-env", "--site", "mlx", ROOT / "tools/lab/mlx-requirements.txt"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()


@pytest.mark.parametrize("name", ["net.safetensors", "net.npz"])
def test_kernels_and_matrices(tmp_path: Path, site: str, name: str) -> None:
    done = subprocess.run(
        [BINARY, "convert", ROOT / "fixtures/stn.npz", tmp_path / name, "--model", "stn", "--layout", "mlx"],
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    run = subprocess.run(
        [sys.executable, "-c", NET, tmp_path / name, ROOT / "fixtures/stn_reference.npz"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": site},
    )
    assert run.stdout == "the same\n", run.stderr
