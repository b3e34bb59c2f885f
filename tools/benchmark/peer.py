"""The other side of a benchmark: a process that repeats one job whenever it is told to.

Both sides stay alive and take turns, so that both see the same machine, warm caches and noise.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


class SwiftPeer:
    """`weighbridge-bench`, told over its standard input how often to repeat its job."""

    def __init__(self, binary: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [str(binary), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, count: int) -> list[float]:
        """Seconds of each of `count` repetitions."""
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"weighbridge-bench ended with status {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()


def take_turns(
    sides: dict[str, Callable[[int], list[float]]], rounds: int, count: int
) -> dict[str, list[float]]:
    """Medians of `rounds` blocks of `count` repetitions for each side, blocks taking turns."""
    medians: dict[str, list[float]] = {name: [] for name in sides}
    for name, run in sides.items():
        run(max(2, count // 2))
    for _ in range(rounds):
        for name, run in sides.items():
            medians[name].append(median(run(count)))
    return medians


def median(values: list[float]) -> float:
    """The middle value; of an even count the lower middle."""
    return sorted(values)[(len(values) - 1) // 2]
