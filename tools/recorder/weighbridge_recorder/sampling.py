"""Large activations as a seeded subset of their elements, and sums of all of them.

A sampled activation takes the place of `activations/NAME` (NAME is a path with `#CALL` and `/ITEM`
as they would be there) by two entries and a member of the metadata:

- `samples/NAME`: the elements at the sampled indices, in the activation's own dtype.
- `sums/NAME`: float64 sums of all elements over every axis but the leading ones; `sum_axes` says
  how many lead. Its shape is that of the leading axes.
- `metadata.sampling`: {"algorithm": ALGORITHM, "version": VERSION, "seed": S, "limit": L,
  "entries": {NAME: {"shape": the whole shape, "check": the indices' check value}}}.

Noise stays `noise/NAME`, [rms, max] over the whole activation.

The indices, of n = L out of `count` elements of the flattened (row-major) activation: the range is
cut into n strata, the first `count mod n` of them one longer than the others, and one element is
drawn from each; with all arithmetic in unsigned 64 bits:

    h       = FNV-1a (64 bits) of NAME's UTF-8 bytes
    draw(i) = mix((S xor h) + (i + 1) * 0x9E3779B97F4A7C15)          i = 0 ... n - 1
    mix(z)  : z = (z xor z >> 30) * 0xBF58476D1CE4E5B9
              z = (z xor z >> 27) * 0x94D049BB133111EB
              z xor z >> 31
    start(i)  = i * (count div n) + min(i, count mod n)
    length(i) = count div n + (1 if i < count mod n else 0)
    index(i)  = start(i) + draw(i) mod length(i)

(draw is the SplitMix64 generator.) The check value, sixteen hexadecimal digits, is

    sum over i of mix(index(i) + (i + 1) * 0x9E3779B97F4A7C15)

so that values that were taken at other indices than the metadata tells are noticed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

ALGORITHM = "stratified-splitmix64"
VERSION = 1
DEFAULT_LIMIT = 8192
MINIMUM_LIMIT = 16

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _fnv1a(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def _steps(count: int) -> np.ndarray:
    """(i + 1) * the golden ratio's fraction, modulo 2^64."""
    return np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN


def indices(seed: int, name: str, count: int, limit: int) -> np.ndarray:
    """The sampled indices of an activation with `count` elements, ascending, as int64."""
    taken = min(limit, count)
    draws = _mix(np.uint64((seed & 0xFFFFFFFFFFFFFFFF) ^ _fnv1a(name)) + _steps(taken))
    size, longer = divmod(count, taken)
    i = np.arange(taken, dtype=np.uint64)
    starts = i * np.uint64(size) + np.minimum(i, np.uint64(longer))
    lengths = np.uint64(size) + (i < longer).astype(np.uint64)
    return (starts + draws % lengths).astype(np.int64)


def check_value(found: np.ndarray) -> str:
    """What tells one sequence of indices from another."""
    mixed = _mix(found.astype(np.uint64) + _steps(len(found)))
    return f"{int(np.add.reduce(mixed, dtype=np.uint64)):016x}"


def sum_axes(shape: tuple[int, ...], limit: int) -> int:
    """How many leading axes keep their sums apart: at most two (sample and channel), never all, and
    as few as leave at most limit / 2 sums."""
    return max(
        k for k in range(min(2, len(shape) - 1) + 1) if k == 0 or prod(shape[:k]) <= limit // 2
    )


@dataclass
class Sampling:
    """Decides what is sampled, and collects what the metadata must say about it."""

    seed: int = 0
    limit: int = DEFAULT_LIMIT
    entries: dict[str, dict] = field(default_factory=dict)

    def takes(self, array: np.ndarray) -> bool:
        """Whether an activation is large enough, and of numbers that can be summed."""
        return array.dtype.kind == "f" and array.size > 2 * self.limit

    def take(self, name: str, array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The samples and the sums of one activation, which is noted."""
        found = indices(self.seed, name, array.size, self.limit)
        self.entries[name] = {"shape": list(array.shape), "check": check_value(found)}
        leading = sum_axes(array.shape, self.limit)
        rest = tuple(range(leading, array.ndim))
        return array.reshape(-1)[found], np.asarray(array.sum(axis=rest, dtype=np.float64))

    def metadata(self) -> dict:
        return {
            "algorithm": ALGORITHM,
            "version": VERSION,
            "seed": self.seed,
            "limit": self.limit,
            "entries": self.entries,
        }
