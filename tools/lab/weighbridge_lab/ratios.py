"""Noise ratios of many validations: the tables of `tools/live`."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import figures

# What no module's noise ratio may exceed at a row's default configuration and size.
NOISE_RATIO_LIMIT = 3.0


@dataclass
class Tally:
    """What all runs together found.

    Attributes:
        ratios: for each row, the noise ratio of every module and output with a name that says
            where it is from.
    """

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    ratios: dict[str, list[tuple[float, str]]] = field(default_factory=dict)


def ratios(report: dict) -> list[tuple[float, str]]:
    """The noise ratio of every module's call and output that was judged by noise, and its name."""
    found = []
    for entry in [*report.get("layers", []), *report.get("outputs", [])]:
        value = entry.get("noise_ratio")
        if value is None or entry.get("basis") == "elementwise":
            continue
        call = f"#{entry['call']}" if entry.get("call") else ""
        found.append((float(value), f"{entry.get('path')}{call}"))
    return found


def worst_share(report: Mapping[str, Any]) -> float:
    """The largest share of its own limit that any result takes, a program's run included."""
    judged = [*report["layers"], *report["outputs"], *report["production"]["outputs"]]
    shares = [
        float(entry["noise_ratio"]) / float(entry["limit"])
        for entry in judged
        if entry.get("noise_ratio") is not None and entry.get("limit")
    ]
    return max(shares, default=0)


def noise_rows(tally: Tally, seeds: int) -> list[list[str]]:
    """For each row: the modules' calls and outputs of one run, the median ratio, the largest."""
    found = []
    for id, entries in tally.ratios.items():
        values = [value for value, _ in entries]
        if values:
            largest, where = max(entries)
            middle = f"{statistics.median(values):.3f}"
            found.append([f"`{id}`", str(len(values) // seeds), middle, f"{largest:.3f}", where])
    return found


def print_table(tally: Tally, seeds: int) -> None:
    """Noise ratios by row: how far Swift's error is from the noise PyTorch has itself."""
    print(f"\n{'row':30} {'modules':>8} {'median':>8} {'max':>8}")
    for id, count, middle, largest, _ in noise_rows(tally, seeds):
        print(f"{id.strip('`'):30} {count:>8} {middle:>8} {largest:>8}")


def above_limit(tally: Tally) -> list[str]:
    """What exceeds `NOISE_RATIO_LIMIT`, largest first."""
    found = [
        (value, f"{id}: noise ratio {value:.3f} of {where} is above {NOISE_RATIO_LIMIT:g}")
        for id, entries in tally.ratios.items()
        for value, where in entries
        if not value <= NOISE_RATIO_LIMIT
    ]
    return [text for _, text in sorted(found, reverse=True)]


def write_noise(
    path: Path, tally: Tally, seeds: range, command: str, whole: bool, holds: bool
) -> None:
    """The table as a Markdown file."""
    drawn = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    what = "its default configuration at its default size" if whole else "its cases"
    largest = max((value for e in tally.ratios.values() for value, _ in e), default=0.0)
    verdict = "every ratio" if holds else "**not** every ratio"
    figures.write(
        path,
        "# Noise ratios",
        figures.provenance(command, drawn),
        f"For each architecture in {what}, with random weights and inputs of its own from every "
        "seed: how far each module's output is from PyTorch's, over the rounding noise that "
        "float32 has there anyway. 1 is as good as PyTorch itself.",
        figures.table(
            ["architecture", "modules and outputs", "median", "largest", "where"],
            noise_rows(tally, len(seeds)),
        ),
        f"The largest of all is {largest:.3f}: {verdict} is at most {NOISE_RATIO_LIMIT:g}.",
    )
