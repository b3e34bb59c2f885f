"""Builds programs that use the package in every form that is deployed, and measures them.

Run as `tools/deploy`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from weighbridge_recorder import ToolError, export

from . import figures
from .initialise import random_model
from .live import ROOT
from .registry import row

PACKAGE = ROOT / "tools/deployment"
PROGRAMS = ("native-only", "reads-everything")
RUNS = 15


@dataclass(frozen=True)
class Form:
    """One way of building."""

    name: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def scratch(self) -> Path:
        return ROOT / ".build/deployment" / self.name.replace(" ", "-").replace(",", "")

    def build(self) -> None:
        subprocess.run(
            ["swift", "build", "-c", "release", "--package-path", PACKAGE, "--scratch-path",
             self.scratch, *self.arguments],
            check=True, stdout=sys.stderr, env={**os.environ, **dict(self.environment)},
        )

    def program(self, name: str) -> Path:
        return self.scratch / "release" / name


WITHOUT = (("WITHOUT_ONEDNN", "1"),)
FORMS = [
    Form("as it comes"),
    Form("static Swift", ("--static-swift-stdlib",)),
    Form("static Swift, no oneDNN", ("--static-swift-stdlib",), WITHOUT),
]


def libraries(program: Path) -> dict[str, Path]:
    """The shared libraries that a program loads, its loader included, by name."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    found = {}
    for line in listed.splitlines():
        words = line.split()
        path = words[2] if "=>" in words and len(words) > 2 else words[0]
        if path.startswith("/"):
            found[Path(path).name] = Path(path).resolve()
    return found


def stripped(program: Path, folder: Path) -> int:
    """The size of a program without symbols."""
    copy = folder / program.name
    subprocess.run(["strip", "-o", copy, program], check=True)
    return copy.stat().st_size


def seconds(command: list[str | Path]) -> float:
    """The median time of a process."""
    times = []
    for _ in range(RUNS):
        started = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.monotonic() - started)
    return statistics.median(times)


def native_file(folder: Path) -> Path:
    """A native file of se_resnet50 with random weights."""
    config = row("se_resnet50").config({"num_classes": 1000})
    export(random_model("se_resnet50", config, 1, None).state_dict(), folder / "net.npz")
    target = folder / "net.safetensors"
    subprocess.run(
        [ROOT / ".build/release/weighbridge", "convert", folder / "net.npz", target, "--model",
         "se_resnet50"],
        check=True, capture_output=True,
    )
    return target


def is_system(name: str) -> bool:
    """Whether every Linux has it."""
    return name.startswith(("libc.", "libm.", "ld-linux", "libpthread", "libdl", "librt"))


def measured(form: Form, native: Path, folder: Path) -> list[list[object]]:
    """A row for each program."""
    rows: list[list[object]] = []
    for name in PROGRAMS:
        program = form.program(name)
        found = libraries(program)
        own = {key: path for key, path in found.items() if not is_system(key)}
        foundation = [key for key in found if "Foundation" in key or "icu" in key.lower()]
        start = seconds([program])
        first = seconds([program, native])
        rows.append([
            f"{name}, {form.name}", f"{stripped(program, folder) / 1e6:.1f}",
            len(own), f"{sum(path.stat().st_size for path in own.values()) / 1e6:.1f}",
            "yes" if foundation else "no", f"{start * 1000:.0f}", f"{first * 1000:.0f}",
        ])
    return rows


def image(target: Path, program: Path, files: list[Path]) -> str:
    """Lays down a root folder that holds a program, its libraries and files, and runs it there."""
    if target.exists() and any(target.iterdir()):
        raise ToolError(f"{target} is not empty")
    for name, path in libraries(program).items():
        place = target / ("lib64" if name.startswith("ld-linux") else "lib") / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    subprocess.run(["strip", "-o", target / program.name, program], check=True)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    for file in files:
        shutil.copy(file, target / file.name)
    # As in a container, /proc is there: Swift reads its arguments from it.
    (target / "proc").mkdir()
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c",
         'mount -t proc proc "$1/proc" && exec env -i LD_LIBRARY_PATH=/lib "$0" "$@"',
         shutil.which("chroot") or "/usr/sbin/chroot", target, f"/{program.name}",
         *(f"/{file.name}" for file in files)],
        capture_output=True, text=True, check=False,
    )
    if done.returncode:
        raise ToolError(
            f"{program.name} ends with {done.returncode} in {target}: {done.stdout}{done.stderr}"
        )
    added = sum(file.stat().st_size for file in files)
    return (
        f"{target}: {size / 1e6:.0f} MB and {added / 1e6:.0f} MB of files; "
        f"/{program.name} there prints {done.stdout.strip()}"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tools/deploy", description=__doc__.split("\n")[0])
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    parser.add_argument(
        "--image", type=Path, metavar="FOLDER",
        help="lay down a root folder with a program and its libraries, and run it there by chroot",
    )
    parser.add_argument(
        "--program", type=Path, metavar="BINARY",
        help="with --image: a program of your own instead of native-only",
    )
    parser.add_argument(
        "files", type=Path, nargs="*", metavar="FILE",
        help="with --program: what lies beside it, and is given to it",
    )
    options = parser.parse_args(arguments)
    if options.program and not options.image:
        parser.error("--program is for --image")
    torch.set_num_threads(1)
    columns = [
        "program", "MB", "libraries", "MB of them", "Foundation", "starts in ms", "first answer ms",
    ]
    try:
        if options.program:
            print(image(options.image, options.program.resolve(), options.files))
            return 0
        with tempfile.TemporaryDirectory(prefix="weighbridge-deploy-") as temporary:
            folder = Path(temporary)
            native = native_file(folder)
            forms = FORMS[1:2] if options.image else FORMS
            rows: list[list[object]] = []
            for form in forms:
                form.build()
                if not options.image:
                    rows += measured(form, native, folder)
            if options.image:
                said = image(options.image, FORMS[1].program("native-only"), [native])
                if not said.endswith("[1, 1000]"):
                    raise ToolError(f"native-only returns something else: {said}")
                print(said)
                return 0
    except (ToolError, OSError, subprocess.CalledProcessError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    print(figures.table(columns, rows))
    if options.markdown:
        figures.write(
            options.markdown,
            "# What a program weighs",
            figures.provenance(f"tools/deploy --markdown {options.markdown}"),
            "`native-only` loads native files and runs models, `reads-everything` reads checkpoints "
            "of every format; both in release, stripped. Libraries are those that not every Linux "
            f"has. Times are medians of {RUNS} processes: doing nothing, and for `native-only` "
            "loading se_resnet50 (113 MB) and running it once on [1, 3, 224, 224], for "
            "`reads-everything` listing that file.",
            figures.table(columns, rows),
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
