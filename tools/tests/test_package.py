"""The recorder as a package: installed by itself, reached without anything else of this repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RECORDER = Path(__file__).resolve().parents[1] / "recorder"

SCRIPT = """
import sys
import torch
from weighbridge_recorder import Recording, export, record

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())
export(net, sys.argv[1] + "/net.npz")
recording: Recording = record(net, [torch.randn(1, 3, 5, 5)], sys.argv[1] + "/reference.npz", network=True)
print(recording.summary())
print(sys.modules["weighbridge_recorder"].__file__)
optional = {"h5py", "safetensors", "sklearn", "yaml", "weighbridge_lab"}
print(sorted(optional & {name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip installed a copy of the package: building leaves files in its source."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(
        RECORDER, folder / "source", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", folder / "site", folder / "source"], check=True)
    return folder / "site"


def test_a_network_is_recorded_from_the_installed_package(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path], cwd=tmp_path, capture_output=True, text=True,
        env={"PYTHONPATH": str(installed)}, check=True,
    )
    summary, file, optional = done.stdout.splitlines()
    assert summary == "1 output, 2 activations"
    assert Path(file).is_relative_to(installed)
    assert optional == "[]"
    assert {path.name for path in tmp_path.iterdir()} == {"net.npz", "reference.npz"}


def test_the_package_is_typed_and_needs_torch_and_numpy(installed: Path) -> None:
    assert (installed / "weighbridge_recorder/py.typed").is_file()
    (metadata,) = installed.glob("weighbridge_recorder-*.dist-info/METADATA")
    lines = metadata.read_text().splitlines()
    needs = [line.partition(": ")[2] for line in lines if line.startswith("Requires-Dist: ")]
    assert sorted(need.split(">")[0] for need in needs if "extra ==" not in need) == [
        "numpy",
        "torch",
    ]
    assert [line for line in lines if line.startswith("Provides-Extra: ")] == [
        "Provides-Extra: hdf5",
        "Provides-Extra: safetensors",
    ]


def test_its_commands_say_what_they_do(installed: Path, tmp_path: Path) -> None:
    for name in ("weighbridge-record", "weighbridge-export"):
        done = subprocess.run(
            [sys.executable, installed / "bin" / name, "--help"], capture_output=True, text=True,
            env={"PYTHONPATH": str(installed)}, check=True, cwd=tmp_path,
        )
        assert done.stdout.startswith(f"usage: {name} ")
