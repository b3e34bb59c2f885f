"""Reading and converting files, each beside what else does it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from engines import repeated
from made_files import vit_base_arrays, write, write_many, write_sparse
from peer import SwiftPeer, median, take_turns
from tables import Table, milliseconds, ratio

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BENCH = ROOT / ".build/release/weighbridge-bench"
COMMAND = ROOT / ".build/release/weighbridge"


@dataclass(frozen=True)
class Sizes:
    """How large the files are."""

    blocks: int = 12
    tensors: int = 1_000_000
    gigabytes: int = 10


def touch(array: np.ndarray) -> int:
    """Reads every byte of an array."""
    flat = array.reshape(-1).view(np.uint32)
    return int(np.bitwise_xor.reduce(flat)) if flat.size else 0


def read_npz(path: Path) -> None:
    """What a Python user does: numpy.load, every array read and touched."""
    with np.load(path) as file:
        for name in file.files:
            touch(file[name])


def read_hdf5(path: Path) -> None:
    """The same with h5py."""
    with h5py.File(path) as file:
        for name in file:
            touch(file[name][()])


@contextmanager
def made(arrays: dict[str, np.ndarray]) -> Iterator[tuple[Path, list[Path], str]]:
    """A folder with a file of each format that is not compressed, and the size of the arrays in words."""
    with tempfile.TemporaryDirectory(prefix="weighbridge-bench-") as temporary:
        folder = Path(temporary)
        stored = [
            write(folder / name, arrays)
            for name in ("stored.npz", "contiguous.h5", "saved.pth", "saved.safetensors")
        ]
        yield folder, stored, f"{sum(array.nbytes for array in arrays.values()) / 1e6:.0f} MB"


def bench_files(rounds: int, sizes: Sizes) -> list[Table]:
    """Every table about reading files."""
    arrays = vit_base_arrays(sizes.blocks)
    with made(arrays) as (folder, stored, size):
        tables = [
            bench_stored(rounds, stored, size),
            bench_compressed(rounds, folder, arrays, size),
        ]
        del arrays
        tables.append(bench_listing(max(1, rounds // 2), folder, sizes.tensors))
        tables.append(bench_sparse(rounds, folder, sizes.gigabytes))
    return tables


def bench_stored(rounds: int, paths: list[Path], size: str) -> Table:
    """Opening what is not compressed, and touching every byte."""
    table = Table(
        f"Opening {size} that are not compressed and touching every byte",
        ["file", "memory map ms", "Weighbridge ms", "Weighbridge / memory map"],
        "Beside a plain memory map of the same file, whose bytes are touched by the same loop. Goal: "
        "at most 1.2 times.")
    for path in paths:
        plain, ours = SwiftPeer(BENCH, "map", str(path)), SwiftPeer(BENCH, "read", str(path))
        times = take_turns({"map": plain.run, "ours": ours.run}, rounds, 5)
        plain.close()
        ours.close()
        table.add(
            path.name, milliseconds(median(times["map"])), milliseconds(median(times["ours"])),
            ratio(times["ours"], times["map"]))
    return table


def bench_compressed(
    rounds: int, folder: Path, arrays: dict[str, np.ndarray], size: str
) -> Table:
    """Reading what is compressed, beside the usual libraries."""
    table = Table(
        f"Opening {size} that are compressed and touching every byte",
        ["file", "peer", "peer ms", "Weighbridge ms", "peer / Weighbridge"],
        "Goal: at least 4 times as fast.")
    cases = [
        (write(folder / "deflated.npz", arrays, deflated=True), "numpy.load", read_npz),
        (write(folder / "gzip-shuffle.h5", arrays, compression="gzip", shuffle=True), "h5py",
         read_hdf5),
    ]
    for path, peer, job in cases:
        swift = SwiftPeer(BENCH, "read", str(path))
        sides = {"peer": repeated(lambda job=job, path=path: job(path)), "swift": swift.run}
        times = take_turns(sides, rounds, 1)
        swift.close()
        table.add(
            path.name, peer, milliseconds(median(times["peer"])),
            milliseconds(median(times["swift"])), ratio(times["peer"], times["swift"]))
        path.unlink()
    return table


def measured(*command: str | Path) -> dict:
    """What a whole process takes; ends this one where it fails."""
    words = [sys.executable, "-I", "-S", str(HERE / "measured.py"), *map(str, command)]
    found = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    if found["status"]:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{found['text']}")
    return found


def in_turns(rounds: int, jobs: dict[str, Callable[[], dict]]) -> dict[str, list[dict]]:
    """What each job takes, jobs taking turns, after one round that does not count."""
    found: dict[str, list[dict]] = {name: [] for name in jobs}
    for turn in range(rounds + 1):
        for name, job in jobs.items():
            taken = job()
            if turn:
                found[name].append(taken)
    return found


def seconds(taken: list[dict]) -> list[float]:
    """The durations of runs."""
    return [run["seconds"] for run in taken]


def bench_converting(rounds: int, sizes: Sizes) -> Table:
    """`weighbridge convert` of each format to the next, beside `cp`."""
    with made(vit_base_arrays(sizes.blocks)) as (_, stored, size):
        return converting_in_turns(rounds, stored, size)


def converting_in_turns(rounds: int, paths: list[Path], size: str) -> Table:
    table = Table(
        f"Converting {size} as a whole process",
        ["from", "to", "cp ms", "cp and sync ms", "convert ms", "of that reading back ms",
         "convert / cp and sync", "convert / cp", "own memory MB"],
        "`convert --model none` beside `cp` of the source; convert flushes the file to the disk before "
        "it gets its name, as does `cp` with `sync` behind it, and reads it back and compares, whose "
        "time is measured as opening the new file and touching every byte. Own memory is without "
        "mapped pages of files. Goals: at most 1.5 times of `cp`, under 150 MB.")
    for path, target in zip(paths, [*paths[1:], paths[0]], strict=True):
        output = path.with_name(f"converted{target.suffix}")

        def copied(words: str, path: Path = path, output: Path = output) -> dict:
            return measured("sh", "-c", words, "sh", path, output)

        def converting(path: Path = path, output: Path = output) -> dict:
            return measured(COMMAND, "convert", path, output, "--model", "none")

        found = in_turns(rounds, {
            "cp": lambda: copied('exec cp --reflink=never "$1" "$2"'),
            "sync": lambda: copied('cp --reflink=never "$1" "$2" && exec sync "$2"'),
            "ours": converting,
        })
        back = SwiftPeer(BENCH, "read", str(output))
        again = median(back.run(5))
        back.close()
        output.unlink()
        cp, sync, ours = (seconds(found[name]) for name in ("cp", "sync", "ours"))
        table.add(
            path.name, target.suffix, milliseconds(median(cp)), milliseconds(median(sync)),
            milliseconds(median(ours)), milliseconds(again), ratio(ours, sync), ratio(ours, cp),
            f"{max(run['own'] for run in found['ours']):.0f}")
    return table


def bench_listing(rounds: int, folder: Path, count: int) -> Table:
    """`weighbridge inspect` of very many tensors, beside the format's own library."""
    table = Table(
        f"Listing {count:,} tensors",
        ["file", "library s", "inspect s", "inspect / library", "library MB", "inspect MB"],
        "Names, dtypes and shapes, printed; the library's time is without Python's own start and "
        "imports, in one run; inspect's is the whole process. Memory is the process's own. Goals: at most 2 times "
        "the library's time, under 600 MB.")
    for name in ("many.safetensors", "many.npz", "many.h5", "many.pth"):
        path = write_many(folder / name, count)
        ours = in_turns(
            rounds, {"ours": lambda path=path: measured(COMMAND, "inspect", path)})["ours"]
        # Minutes in some formats: once, after the file was read by ours.
        library = measured(sys.executable, HERE / "list_with_library.py", path)
        taken = median(seconds(ours))
        table.add(
            name, f"{library['seconds']:.2f}", f"{taken:.2f}", f"{taken / library['seconds']:.2f}×",
            f"{library['own']:.0f}", f"{max(run['own'] for run in ours):.0f}")
        path.unlink()
    return table


def bench_sparse(rounds: int, folder: Path, gigabytes: int) -> Table:
    """`weighbridge inspect` of one huge tensor."""
    table = Table(
        f"Listing a sparse file of {gigabytes} GB",
        ["file", "inspect ms", "own memory MB"], "The whole process. Goal: under 50 ms.")
    for name in ("sparse.safetensors", "sparse.h5", "sparse.npy"):
        path = write_sparse(folder / name, gigabytes)
        taken = in_turns(
            rounds, {"ours": lambda path=path: measured(COMMAND, "inspect", path)})["ours"]
        table.add(
            name, milliseconds(median(seconds(taken))), f"{max(run['own'] for run in taken):.0f}")
        path.unlink()
    return table
