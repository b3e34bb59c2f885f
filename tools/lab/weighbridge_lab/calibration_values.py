"""What the calibration study measures of each tensor, and the ratios that follow."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from weighbridge_recorder import Recording

UNIT = 2.0**-24
# What Limits.swift has, and the floors to compare with it.
K, K_LARGEST, C = 4.0, 8.0, 4.0
FLOORS = (1.0, 2.0, 4.0, 8.0)
QUANTILES = (0.5, 0.99, 0.999, 1.0)
# Of tensors, by their elements: of few, PyTorch's own error may by luck be far below the usual.
SIZE_CLASSES = ((1, 4), (4, 16), (16, 64), (64, 1024), (1024, 1 << 62))


@dataclass
class Values:
    """What was measured for each tensor of some runs.

    Attributes:
        columns: RMS of the error, of the noise, of the reference; the same of the largest elements;
            the number of elements; both ratios that the command judged by in the end.
    """

    columns: list[tuple[float, ...]] = field(default_factory=list)
    runs: int = 0
    rescued: int = 0
    alarms: list[str] = field(default_factory=list)

    def add(self, other: Values) -> None:
        """Adds what was measured elsewhere."""
        self.columns += other.columns
        self.runs += other.runs
        self.rescued += other.rescued
        self.alarms += other.alarms

    def array(self) -> np.ndarray:
        return np.array(self.columns, dtype=np.float64).reshape(-1, 9)


def ratios(values: np.ndarray, floor: float, largest: bool = False) -> np.ndarray:
    """error / (noise + floor u reference); 0 where there is no error at all."""
    error, noise, reference = values[:, 3:6].T if largest else values[:, :3].T
    scale = noise + floor * UNIT * reference
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(error == 0, 0.0, error / scale)


def measured(report: dict, recording: Recording) -> list[tuple]:
    """The columns of `Values` for each floating-point tensor of a report."""
    found = []
    for entry, part in [(e, "layers") for e in report["layers"]] + [
        (e, "outputs") for e in report["outputs"]
    ]:
        name = entry_name(entry, part, recording)
        noise = recording.noise.get(name)
        if noise is None or entry.get("rms") is None:
            continue
        array = (
            recording.outputs[entry["item"]] if part == "outputs" else recording.activations[name]
        )
        rms = (float(entry["rms"]), noise[0], float(entry["reference_rms"]))
        largest = (float(entry["max_abs"]), noise[1], float(np.abs(array).max()))
        judged = [float(entry.get(key) or 0) for key in ("noise_ratio", "max_ratio")]
        found.append((*rms, *largest, array.size, *judged))
    return found


def entry_name(entry: dict, part: str, recording: Recording) -> str:
    """The name that a reported tensor has in the recording."""
    if part == "outputs":
        return f"outputs/{entry['item']}"
    name = entry["path"] + (f"#{entry['call']}" if entry["call"] else "")
    return name if name in recording.activations else f"{name}/{entry['item'] or 0}"
