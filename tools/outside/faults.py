"""Mistakes in the weights file. Each takes a state dict as NumPy arrays and its arguments, and
changes it in place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Weights = dict[str, np.ndarray]


def swap_modules(weights: Weights, first: str, second: str) -> None:
    names = [n for n in weights if n.startswith(first + ".")]
    for name in names:
        other = second + name[len(first):]
        weights[name], weights[other] = weights[other], weights[name]


def swap_tensors(weights: Weights, first: str, second: str) -> None:
    weights[first], weights[second] = weights[second], weights[first]


def reset_statistics(weights: Weights, norm: str) -> None:
    weights[f"{norm}.running_mean"] = np.zeros_like(weights[f"{norm}.running_mean"])
    weights[f"{norm}.running_var"] = np.ones_like(weights[f"{norm}.running_var"])


def root_of_variance(weights: Weights, norm: str) -> None:
    weights[f"{norm}.running_var"] = np.sqrt(weights[f"{norm}.running_var"])


def other_epoch(weights: Weights, name: str) -> None:
    """The same weights some steps on: each moved by about a tenth of their spread."""
    old = weights[name]
    step = np.random.default_rng(11).standard_normal(old.shape).astype(np.float32)
    weights[name] = old + 0.1 * old.std() * step


def through_half(weights: Weights) -> None:
    for name, array in weights.items():
        if array.dtype == np.float32:
            weights[name] = array.astype(np.float16).astype(np.float32)


def permute(weights: Weights, name: str, axes: list[int]) -> None:
    weights[name] = np.ascontiguousarray(weights[name].transpose(axes))


def reorder(weights: Weights, name: str, axes: list[int]) -> None:
    """The values in another order of the axes, under the old shape."""
    old = weights[name]
    weights[name] = np.ascontiguousarray(old.transpose(axes)).reshape(old.shape)


def flip(weights: Weights, name: str, axes: list[int]) -> None:
    weights[name] = np.ascontiguousarray(np.flip(weights[name], axes))


def add(weights: Weights, name: str, value: float) -> None:
    weights[name] = weights[name] + np.float32(value)


def zero(weights: Weights, name: str) -> None:
    weights[name] = np.zeros_like(weights[name])


def fuse_by_head(weights: Weights, linear: str, heads: int) -> None:
    for name in (f"{linear}.weight", f"{linear}.bias"):
        old = weights[name]
        parts = old.reshape(3, heads, -1, *old.shape[1:])
        weights[name] = np.ascontiguousarray(parts.swapaxes(0, 1)).reshape(old.shape)


def columns_channels_last(weights: Weights, name: str, shape: list[int]) -> None:
    old = weights[name]
    images = old.reshape(-1, *shape).transpose(0, 2, 3, 1)
    weights[name] = np.ascontiguousarray(images).reshape(old.shape)


FAULTS: dict[str, Callable[..., None]] = {
    f.__name__: f
    for f in (
        swap_modules, swap_tensors, reset_statistics, root_of_variance, other_epoch, through_half,
        permute, reorder, flip, add, zero, fuse_by_head, columns_channels_last)
}
