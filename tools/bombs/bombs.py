"""Runs the command on hostile files and measures time and memory. See tools/hostile."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import archives
import hdf5
import others
import pickles

SECONDS = 1.0
MEGABYTES = 200
# A file that does not end is ended.
LONGEST = 20
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "formats" / "hostile"
# 0: what is sound is read. 3: refused. Anything else is wrong, signals above all.
STATUSES = {0, 3}


@dataclass
class Measured:
    """One run of the command."""

    status: int
    seconds: float
    megabytes: float
    lines: list[str]

    def complaint(self) -> str | None:
        if self.status not in STATUSES:
            return f"ended with {self.status}"
        if self.seconds > SECONDS:
            return f"took {self.seconds:.1f} s"
        if self.megabytes > MEGABYTES:
            return f"took {self.megabytes:.0f} MB"
        if self.status and len(self.lines) != 1:
            return f"said {len(self.lines)} lines"
        if max(map(len, self.lines), default=0) > 1000:
            return f"said a line of {max(map(len, self.lines))} characters"
        return None


def run(command: list[str]) -> Measured:
    """Runs a command to its end, measured by a process that is small itself."""
    measure = [sys.executable, "-I", "-S", str(Path(__file__).with_name("measure.py")), str(LONGEST)]
    found = subprocess.run([*measure, *command], stdout=subprocess.PIPE, check=True)
    return Measured(**json.loads(found.stdout))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tools/hostile")
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--verbose", action="store_true", help="every run, not only what is wrong")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        files = sorted(path for path in FIXTURES.rglob("*") if path.is_file())
        for part in (archives, pickles, others, hdf5):
            files += part.make(folder)
        output = Path(temporary) / "output.npz"
        wrong, worst = 0, Measured(0, 0, 0, [])
        for path in files:
            for command in (
                ["inspect", str(path)],
                ["inspect", str(path), "--stats"],
                ["convert", str(path), str(output), "--model", "none"],
            ):
                found = run([str(options.binary), *command])
                complaint = found.complaint()
                wrong += complaint is not None
                worst.seconds = max(worst.seconds, found.seconds)
                worst.megabytes = max(worst.megabytes, found.megabytes)
                if complaint or options.verbose:
                    print(
                        f"{path.name} {command[0]}{' --stats' * (len(command) == 3)}: "
                        f"{complaint or found.status} ({found.seconds:.2f} s, "
                        f"{found.megabytes:.0f} MB) {found.lines[:1]}"
                    )
    print(
        f"{len(files)} hostile files, {3 * len(files)} runs: {wrong} wrong; at most "
        f"{worst.seconds:.2f} s and {worst.megabytes:.0f} MB"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
