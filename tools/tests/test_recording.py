"""The recorder: copies at hook time, call indices, tuples and dictionaries, noise, files."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from weighbridge_lab.record_command import main
from weighbridge_recorder import ToolError, record, run
from weighbridge_recorder.storage import read_arrays, read_metadata, read_state_dict


class Shared(nn.Module):
    """One in-place relu called twice, and registered under a second name."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.relu = nn.ReLU(inplace=True)
        self.also = self.relu

    def forward(self, x: Tensor) -> Tensor:
        return self.also(-self.relu(self.fc(x)) + 0.1)


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, None]]:
        return x + 1, (x * 2, None)


class Several(nn.Module):
    """Tuples, attention's (tensor, None), and a dictionary at the root."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair()
        self.attention = nn.MultiheadAttention(4, 2)

    def forward(self, x: Tensor, *, shift: Tensor) -> dict[str, Tensor]:
        one, (two, _) = self.pair(x)
        self.pair(two)
        attended, _ = self.attention(one, one + shift, two, need_weights=False)
        return {"attended": attended, "positive": two > 0}


def test_an_in_place_module_does_not_change_what_was_recorded() -> None:
    torch.manual_seed(0)
    model, x = Shared(), torch.randn(5, 4)
    recording = run(model, [x])
    with torch.no_grad():
        before = model.fc(x).numpy()
    assert (before < 0).any()
    np.testing.assert_array_equal(recording.activations["fc"], before)
    np.testing.assert_array_equal(recording.activations["relu"], np.maximum(before, 0))


def test_calls_of_a_shared_module_are_numbered_under_its_first_name() -> None:
    recording = run(Shared(), [torch.randn(2, 4)])
    assert list(recording.activations) == ["fc", "relu", "relu#1"]
    assert recording.aliases == {"also": "relu"}
    np.testing.assert_array_equal(recording.activations["relu#1"], recording.outputs[0])


def test_tuples_dictionaries_and_keyword_inputs(tmp_path: Path) -> None:
    x, shift = torch.randn(3, 2, 4), torch.tensor(0.5)
    path = tmp_path / "several.npz"
    recording = record(Several(), [x], path, kwargs={"shift": shift})
    assert list(recording.activations) == ["pair/0", "pair/1", "pair#1/0", "pair#1/1", "attention"]
    np.testing.assert_array_equal(recording.activations["pair#1/1"], (4 * x).numpy())
    assert "outputs/0" in recording.noise and "outputs/1" not in recording.noise
    metadata = read_metadata(path)
    assert metadata["output_names"] == ["attended", "positive"]
    assert metadata["input_names"] == ["shift"]
    np.testing.assert_array_equal(read_arrays(path)["inputs/1"], np.float32(0.5))


def test_noise_is_the_distance_from_the_float64_run() -> None:
    torch.manual_seed(1)
    model, x = nn.Sequential(nn.Linear(64, 32), nn.Tanh()), torch.randn(7, 64)
    recording = run(model, [x])
    weight, bias = (p.detach().double() for p in (model[0].weight, model[0].bias))
    exact = (x.double() @ weight.t() + bias).numpy()
    distance = recording.activations["0"].astype(np.float64) - exact
    rms, largest = recording.noise["0"]
    # The order of the float64 sums is PyTorch's own; the float32 error dwarfs that difference.
    assert rms == pytest.approx(np.sqrt(np.mean(distance**2)), rel=1e-6)
    assert largest == pytest.approx(np.abs(distance).max(), rel=1e-6)
    assert 0 < rms < largest < 1e-5
    assert recording.noise["outputs/0"].dtype == np.float64
    assert model[0].weight.dtype == torch.float32


def test_half_precision_and_integer_inputs() -> None:
    class Lookup(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(10, 4)

        def forward(self, index: Tensor) -> Tensor:
            return self.table(index)

    recording = run(Lookup().half(), [torch.tensor([1, 2])])
    assert recording.activations["table"].dtype == np.float16
    assert recording.noise["table"][1] == 0


def test_only_selected_modules() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    recording = run(model, [torch.ones(1, 2)], select=["1.*"])
    assert list(recording.activations) == ["1.0", "1.1"]
    assert list(recording.noise) == ["1.0", "1.1", "outputs/0"]


def test_modes_are_put_back() -> None:
    model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(3)).train()
    model[1].eval()
    x = torch.randn(4, 3)
    recording = run(model, [x])
    np.testing.assert_array_equal(recording.activations["0"], x.numpy())
    assert model.training and model[0].training and not model[1].training


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".safetensors"])
def test_files_hold_the_entries_of_the_interface(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"reference{suffix}"
    x = torch.randn(2, 4)
    recording = record(
        Shared(), [x], path, model_id="shared", config={"a": 1}, seed=7, noise=True
    )
    if suffix == ".safetensors":
        names = set(read_state_dict(path))
    else:
        arrays = read_arrays(path)
        metadata = read_metadata(path)
        assert metadata["model"] == "shared" and metadata["config"] == {"a": 1}
        assert metadata["framework"].startswith("torch 2.") and metadata["seed"] == 7
        np.testing.assert_array_equal(arrays["inputs/0"], x.numpy())
        np.testing.assert_array_equal(arrays["activations/fc"], recording.activations["fc"])
        names = set(arrays) - {"metadata"}
    activations = {"fc", "relu", "relu#1"}
    assert names == {
        "inputs/0", "outputs/0", "noise/outputs/0",
        *(f"activations/{name}" for name in activations),
        *(f"noise/{name}" for name in activations),
    }
    assert list(tmp_path.iterdir()) == [path]


def test_hdf5_keeps_the_dots_of_module_paths(tmp_path: Path) -> None:
    path = tmp_path / "reference.h5"
    record(nn.Sequential(nn.Sequential(nn.ReLU())), [torch.ones(1)], path)
    with h5py.File(path) as file:
        assert set(file["activations"]) == {"0", "0.0"}


def test_a_failed_run_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        record(nn.Linear(2, 2), [torch.ones(1, 3)], tmp_path / "reference.npz")
    with pytest.raises(ToolError, match="extension"):
        record(nn.Linear(2, 2), [torch.ones(1, 2)], tmp_path / "reference.txt")
    assert not list(tmp_path.iterdir())


def test_command_on_a_row_round_trips_through_its_weights(tmp_path: Path) -> None:
    first, second = tmp_path / "first.npz", tmp_path / "second.h5"
    weights = tmp_path / "weights.h5"
    row = ["--model", "se_layer", "--config", "channel=32", "--batch", "3"]
    assert main([*row, "--save-weights", str(weights), "--output", str(first)]) == 0
    again = ["--weights", str(weights), "--inputs", str(first), "--output", str(second)]
    assert main([*row, "--seed", "5", *again]) == 0
    one, two = read_arrays(first), read_arrays(second)
    np.testing.assert_array_equal(one["outputs/0"], two["outputs/0"])
    assert read_metadata(first)["config"] == {"channel": 32, "reduction": 16}


def test_command_on_a_users_module(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text(
        "import torch\n"
        "def make():\n"
        "    return torch.nn.Sequential(torch.nn.Linear(2, 1)), [torch.ones(1, 2)]\n"
    )
    output = tmp_path / "mine.npz"
    assert main(["--module", f"{source}:make", "--output", str(output)]) == 0
    assert "activations/0" in read_arrays(output)


def test_command_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    output = str(tmp_path / "x.npz")
    assert main(["--model", "nothing", "--output", output]) == 1
    assert main(["--model", "stn", "--module", "x.py:f", "--output", output]) == 1
    assert main(["--module", "absent.py:f", "--output", output]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 and all(line.startswith("record: ") for line in lines)


class Boxes(nn.Module):
    """Takes a list and an option, returns a dataclass with a nested tuple."""

    @dataclass
    class Result:
        logits: Tensor
        boxes: tuple[Tensor, Tensor]
        loss: None = None

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, maps: list[Tensor], *, scale: float, shift: dict[str, Tensor]) -> Result:
        logits = self.fc(maps[0] + maps[1]) * scale + shift["b"]
        maps[0].zero_()
        return self.Result(logits, (logits + 1, logits > 0))


def test_nested_arguments_options_and_dataclasses(tmp_path: Path) -> None:
    path = tmp_path / "boxes.npz"
    maps = [torch.ones(1, 3), torch.full((1, 3), 2.0)]
    shift = {"b": torch.tensor([0.5, 1.0])}
    recording = record(Boxes(), [maps], path, kwargs={"scale": 2.0, "shift": shift})
    arrays, metadata = read_arrays(path), read_metadata(path)
    # The model overwrites its argument; the reference has what it was given.
    np.testing.assert_array_equal(arrays["inputs/0"], np.ones((1, 3), np.float32))
    np.testing.assert_array_equal(arrays["inputs/2"], [0.5, 1.0])
    assert metadata["input_names"] == ["shift/b"]
    assert metadata["output_names"] == ["logits", "boxes/0", "boxes/1"]
    assert recording.outputs[2].dtype == bool and "outputs/1" in recording.noise


def test_a_tensor_alone_is_the_only_argument(tmp_path: Path) -> None:
    x = torch.randn(2, 4)
    record(Shared(), x, tmp_path / "a.npz", noise=False)
    np.testing.assert_array_equal(read_arrays(tmp_path / "a.npz")["inputs/0"], x.numpy())


@pytest.mark.parametrize(
    ("inputs", "says"),
    [({"x": torch.ones(1)}, "kwargs"), (np.ones(3), "list of arguments"), ([], "no tensor"),
     ([np.ones(3)], "from_numpy"), ([3], "no tensor")],
)
def test_arguments_that_cannot_be(tmp_path: Path, inputs: Any, says: str) -> None:
    with pytest.raises(ToolError, match=says):
        record(nn.ReLU(), inputs, tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())


def test_patterns_that_match_nothing_are_a_mistake() -> None:
    with pytest.raises(ToolError, match=r"no module matches 'layer9.\*'; the modules are fc, relu"):
        run(Shared(), torch.ones(1, 4), select=["fc", "layer9.*"])
    with pytest.raises(ToolError, match="list of patterns"):
        run(Shared(), torch.ones(1, 4), select="fc")


def test_a_model_that_cannot_run_in_float64_is_recorded_without_noise(tmp_path: Path) -> None:
    class Casts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x.float())

    path = tmp_path / "casts.npz"
    with pytest.warns(UserWarning, match="no noise was recorded: the float64 run failed"):
        recording = record(Casts(), torch.ones(1, 2), path)
    assert "fc" in recording.activations and not recording.noise
    assert "float64" in read_metadata(path)["noise_missing"]


def test_complex_activations_are_left_out_and_named() -> None:
    class Spectrum(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.fft.rfft(x)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.spectrum = Spectrum()
            self.relu = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.relu(self.spectrum(x).abs())

    recording = run(Net(), torch.randn(1, 8))
    assert recording.left_out == ["spectrum"] and list(recording.activations) == ["relu"]
    with pytest.raises(ToolError, match="output 0 is complex"):
        run(Spectrum(), torch.randn(1, 8))


def test_infinities_that_float32_and_float64_share_are_no_noise() -> None:
    class Masks(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.masked_fill(x > 0, float("-inf"))

    recording = run(nn.Sequential(nn.Linear(4, 4), Masks()), torch.randn(5, 4))
    assert np.isinf(recording.activations["1"]).any()
    assert np.isfinite(recording.noise["1"]).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_models_have_their_own_noise(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).to(dtype)
    recording = run(model, torch.randn(1, 3, 5, 5).to(dtype))
    kept = {torch.float16: np.float16, torch.bfloat16: np.float32}[dtype]
    assert recording.activations["0"].dtype == kept
    assert 1e-5 < recording.noise["0"][0] < 1e-1


def test_recording_an_npz_needs_neither_h5py_nor_safetensors(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "sys.modules['h5py'] = sys.modules['safetensors'] = None\n"
        "import torch\n"
        "from weighbridge_recorder import ToolError, record\n"
        "record(torch.nn.ReLU(), torch.ones(2), sys.argv[1] + '/a.npz')\n"
        "for name in ('a.h5', 'a.safetensors'):\n"
        "    try:\n"
        "        record(torch.nn.ReLU(), torch.ones(2), sys.argv[1] + '/' + name)\n"
        "    except ToolError as error:\n"
        "        print(error)\n"
    )
    tools = Path(__file__).resolve().parents[1] / "recorder"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=tools, capture_output=True, text=True,
        check=True,
    )
    assert "pip install h5py" in done.stdout and "pip install safetensors" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_the_command_takes_arguments_by_name(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def forward(self, x, y=None):\n"
        "        return x if y is None else x + y\n"
        "def named():\n"
        "    return Net(), {'x': torch.ones(2), 'y': torch.ones(2)}\n"
        "def both():\n"
        "    return Net(), [torch.ones(2)], {'y': torch.ones(2)}\n"
        "def alone():\n"
        "    return Net(), torch.ones(2)\n"
        "def wrong():\n"
        "    return 3\n"
    )
    output = tmp_path / "mine.npz"
    for name, expected in (("named", 2), ("both", 2), ("alone", 1)):
        assert main(["--module", f"{source}:{name}", "--half", "--output", str(output)]) == 0
        np.testing.assert_array_equal(read_arrays(output)["outputs/0"], [expected, expected])
    assert main(["--module", f"{source}:wrong", "--output", str(output)]) == 1
