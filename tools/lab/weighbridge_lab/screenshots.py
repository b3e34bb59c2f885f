"""Looks at the HTML reports in a real browser, and keeps pictures of them.

Run as `tools/screenshots`. Makes reports of networks that pass and that fail, opens each at phone and
desktop width, light and dark, and writes the pictures. It fails when a page says anything on its
console, asks for anything but itself, is wider than the window, or is too large.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from weighbridge_recorder import ToolError, export, record

from .browser import find_browser, open_browser
from .initialise import random_model
from .registry import InputOptions, row

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "fixtures"

# Width and height of the windows, in CSS pixels.
WINDOWS = {"phone": (390, 844), "desktop": (1440, 900)}
# No report is larger, that of a network of three hundred layers included.
BYTE_LIMIT = 3_000_000


@dataclass(frozen=True)
class Report:
    """A report to make: its name, the command's arguments, and the exit status that it has."""

    name: str
    arguments: list[str]
    status: int


def changed(source: Path, name: str, change: Callable[[np.ndarray], np.ndarray], to: Path) -> Path:
    """A checkpoint with one tensor changed."""
    with np.load(source) as file:
        tensors = dict(file)
    tensors[name] = change(tensors[name])
    np.savez(to, **tensors)
    return to


def small_reports(folder: Path) -> list[Report]:
    """Reports of the fixtures: passing, failing in every way, and of two references."""
    stn, vit = FIXTURES / "stn.npz", FIXTURES / "vit_digits.npz"
    stn_reference = FIXTURES / "stn_reference.npz"
    vit_reference = FIXTURES / "vit_digits_reference.npz"
    norm = "transformer.layers.1.0.fn.norm.weight"
    scaled = changed(vit, norm, lambda w: w * np.float32(1.02), folder / "scaled.npz")
    flipped = changed(stn, "conv2.weight", lambda w: w[:, :, ::-1].copy(), folder / "flipped.npz")
    broken = changed(stn, "fc1.weight", lambda w: np.where(w > 0.1, np.nan, w), folder / "nan.npz")
    other = changed(
        vit_reference,
        "activations/transformer.layers.0.1",
        lambda x: x * np.float32(1.001),
        folder / "other.npz",
    )

    def validate(weights: Path, reference: Path, *more: str) -> list[str]:
        return ["validate", "--weights", str(weights), "--reference", str(reference), *more]

    return [
        Report("pass", validate(vit, vit_reference), 0),
        Report("fail-configuration", validate(stn, stn_reference, "--config", "align_corners=true"), 1),
        Report("fail-layer", validate(scaled, vit_reference), 1),
        Report("fail-layout", validate(flipped, stn_reference), 1),
        Report("fail-nan", validate(broken, stn_reference), 1),
        Report("fail-names", validate(stn, vit_reference, "--model", "vit"), 2),
        Report("references", ["diff", str(other), str(vit_reference)], 1),
    ]


def large_reports(folder: Path) -> list[Report]:
    """Reports of a fresh SE-ResNet-50: as it is, and with two kernels transposed."""
    chosen = row("se_resnet50")
    config = chosen.config({})
    model = random_model("se_resnet50", config, 7, None)
    inputs = chosen.inputs(config, 1, torch.Generator().manual_seed(7), InputOptions())
    reference, weights = folder / "se_resnet50_reference.npz", folder / "se_resnet50.npz"
    record(
        model, inputs, reference, model_id="se_resnet50", config=chosen.metadata_config(config)
    )
    state = model.state_dict()
    export(state, weights)
    for name in ("layer2.1.conv2.weight", "layer4.0.conv2.weight"):
        state[name] = state[name].transpose(2, 3).contiguous()
    export(state, folder / "transposed.npz")

    def validate(weights: Path) -> list[str]:
        return ["validate", "--weights", str(weights), "--reference", str(reference)]

    return [
        Report("se_resnet50-pass", validate(weights), 0),
        Report("se_resnet50-fail", validate(folder / "transposed.npz"), 1),
    ]


def make(report: Report, binary: Path, folder: Path) -> Path:
    """Runs the command; gives the report's path."""
    path = folder / f"{report.name}.html"
    done = subprocess.run(
        [str(binary), *report.arguments, "--html", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != report.status or not path.is_file():
        raise ToolError(
            f"{report.name}: exit {done.returncode} where {report.status} was due, "
            f"and {'a' if path.is_file() else 'no'} report: {(done.stdout + done.stderr)[:400]}"
        )
    return path


def faults(path: Path, page_width: int, complaints: list[str], window: int) -> list[str]:
    """Everything that is wrong with a page."""
    found = list(complaints)
    if page_width > window:
        found.append(f"is {page_width} pixels wide in a window of {window}")
    if path.stat().st_size > BYTE_LIMIT:
        found.append(f"is {path.stat().st_size} bytes large, more than {BYTE_LIMIT}")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/screenshots", description=__doc__)
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/release/weighbridge")
    parser.add_argument("--output", type=Path, default=ROOT / ".build/screenshots")
    parser.add_argument("--quick", action="store_true", help="without the full-size network")
    return parser


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    failed = 0
    try:
        browser_path = find_browser()
        if browser_path is None:
            raise ToolError(
                "no Chromium: apt-get install --no-install-recommends chromium, or name one "
                "as CHROMIUM=/path"
            )
        if not options.binary.is_file():
            raise ToolError(f"{options.binary} does not exist: build it, or give --binary")
        options.output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="weighbridge-reports-") as name:
            folder = Path(name)
            reports = small_reports(folder)
            if not options.quick:
                reports += large_reports(folder)
            pages = [make(report, options.binary.resolve(), options.output) for report in reports]
        with open_browser(browser_path) as browser:
            for path in pages:
                for window, (width, height) in WINDOWS.items():
                    for dark in (False, True):
                        scheme = "dark" if dark else "light"
                        page = browser.photograph(path, width, height, dark)
                        picture = options.output / f"{path.stem}-{window}-{scheme}.png"
                        picture.write_bytes(page.png)
                        for fault in faults(path, page.width, page.complaints, width):
                            print(f"failed: {picture.stem}: {fault}")
                            failed += 1
                print(f"{path.stem}: {path.stat().st_size / 1000:.0f} kB", flush=True)
    except (ToolError, OSError) as error:
        print(f"screenshots: {error}", file=sys.stderr)
        return 1
    print(f"{4 * len(pages)} pictures in {options.output}, {failed} faults")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
