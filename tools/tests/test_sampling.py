"""Sampled references: the indices as they are defined, the entries, the size of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from weighbridge_lab.record_command import main
from weighbridge_lab.registry import row
from weighbridge_recorder import ToolError, record, sampling
from weighbridge_recorder.storage import read_arrays, read_metadata

MASK = 2**64 - 1


def mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def defined(seed: int, name: str, count: int, limit: int) -> list[int]:
    """The definition, one number at a time."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    n = min(limit, count)
    found = []
    for i in range(n):
        draw = mix((((seed & MASK) ^ h) + (i + 1) * 0x9E3779B97F4A7C15) & MASK)
        length = count // n + (1 if i < count % n else 0)
        found.append(i * (count // n) + min(i, count % n) + draw % length)
    return found


def test_the_generator_is_splitmix64() -> None:
    # The first output for the seed 1234567, and the hash of "a", as their authors publish them.
    assert mix((1234567 + 0x9E3779B97F4A7C15) & MASK) == 6457827717110365317
    assert sampling._fnv1a("a") == 0xAF63DC4C8601EC8C


@pytest.mark.parametrize(
    ("seed", "name", "count", "limit"),
    [(7, "layer1.0.relu#1", 1000, 10), (0, "fc", 1003, 17), (-1, "naïve/0", 10**12 + 7, 16),
     (3, "small", 5, 16)],
)
def test_indices_follow_their_definition(seed: int, name: str, count: int, limit: int) -> None:
    found = sampling.indices(seed, name, count, limit)
    expected = defined(seed, name, count, limit)
    assert found.tolist() == expected and sorted(set(expected)) == expected
    mixed = (mix((x + (i + 1) * 0x9E3779B97F4A7C15) & MASK) for i, x in enumerate(expected))
    assert sampling.check_value(found) == f"{sum(mixed) & MASK:016x}"


def test_values_that_the_swift_tests_have_too() -> None:
    found = sampling.indices(7, "layer1.0.relu#1", 1000, 10)
    assert found.tolist() == [89, 197, 288, 348, 459, 543, 639, 700, 886, 904]
    assert sampling.check_value(found) == "f9e29e578b0a83e7"


@pytest.mark.parametrize(
    ("shape", "leading"),
    [((2, 3, 50, 50), 2), ((100, 90, 9), 1), ((9000, 9), 0), ((40, 900), 1), ((99999,), 0)],
)
def test_sums_keep_sample_and_channel_apart_where_they_are_few(shape: tuple, leading: int) -> None:
    assert sampling.sum_axes(shape, 8192) == leading


def network() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".safetensors"])
def test_large_activations_are_sampled_and_summed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sampled{suffix}"
    recording = record(network(), torch.randn(2, 2, 9, 11), path, sample=64, sample_seed=5)
    arrays, metadata = read_arrays(path), read_metadata(path)
    whole = recording.activations["0"]
    assert whole.shape == (2, 4, 9, 11)
    assert "activations/0" not in arrays and "activations/2" in arrays
    taken = defined(5, "0", whole.size, 64)
    np.testing.assert_array_equal(arrays["samples/0"], whole.reshape(-1)[taken])
    sums = whole.astype(np.float64).sum(axis=(2, 3))
    np.testing.assert_allclose(arrays["sums/0"], sums, rtol=1e-12)
    assert arrays["noise/0"].shape == (2,)
    told = metadata["sampling"]
    assert (told["algorithm"], told["version"]) == ("stratified-splitmix64", 1)
    assert (told["seed"], told["limit"], set(told["entries"])) == (5, 64, {"0", "1"})
    assert told["entries"]["0"]["shape"] == [2, 4, 9, 11]
    assert told["entries"]["0"]["check"] == sampling.check_value(np.array(taken))


def test_without_large_activations_nothing_is_sampled(tmp_path: Path) -> None:
    path = tmp_path / "whole.npz"
    record(network(), torch.randn(1, 2, 3, 3), path, sample=True)
    assert "activations/0" in read_arrays(path) and "sampling" not in read_metadata(path)
    with pytest.raises(ToolError, match="too few"):
        record(network(), torch.randn(1, 2, 3, 3), path, sample=3)


def test_the_command_samples(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "net.npz"
    row_ = ["--model", "se_bottleneck", "--output", str(path)]
    assert main([*row_, "--sample", "100", "--sample-seed", "9"]) == 0
    assert read_metadata(path)["sampling"]["limit"] == 100
    assert main([*row_, "--sample"]) == 0
    assert read_metadata(path)["sampling"]["limit"] == sampling.DEFAULT_LIMIT
    assert capsys.readouterr().out.count("activations, ") == 2


def test_a_reference_of_the_deepest_network_stays_under_50_megabytes(tmp_path: Path) -> None:
    """Without weights that mean anything, and without noise: neither changes the size much."""
    torch.manual_seed(0)
    chosen = row("se_resnet152")
    model = chosen.build(chosen.config()).eval()
    path = tmp_path / "large.npz"
    recording = record(model, torch.randn(1, 3, 224, 224), path, noise=False, sample=True)
    assert path.stat().st_size + 1000 * len(recording.activations) < 50e6
    assert sum(array.nbytes for array in recording.activations.values()) > 250e6
