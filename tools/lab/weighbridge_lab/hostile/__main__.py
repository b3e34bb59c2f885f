"""Runs the command on hostile files and measures time and memory. See tools/hostile."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import archives, hdf5, others, pickles

SECONDS = 1.0
MEGABYTES = 200
# A file that does not end is ended.
LONGEST = 20
FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "formats" / "hostile"
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
    """Runs a command to its end, and measures it alone."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        while True:
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            if time.monotonic() - began > LONGEST:
                process.kill()
            time.sleep(0.002)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        lines = [line for line in said.read().decode("utf-8", "replace").splitlines() if line]
    # What it waited for is the machine's matter: the processor's time counts where it is less.
    spent = usage.ru_utime + usage.ru_stime
    taken = seconds if process.returncode < 0 else min(seconds, spent)
    return Measured(process.returncode, taken, usage.ru_maxrss / 1024, lines)


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
