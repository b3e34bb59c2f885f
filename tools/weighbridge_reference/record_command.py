"""The command that records references. Run as `tools/record`."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .errors import ToolError
from .export import export_state_dict
from .initialise import random_model
from .nesting import mapped
from .recording import record
from .registry import InputOptions, parse_config, row
from .sampling import DEFAULT_LIMIT
from .storage import read_arrays, read_checkpoint


@dataclass
class Subject:
    """What is run: a model and its arguments; None: they come from a file."""

    model: nn.Module
    inputs: Any = None
    kwargs: dict[str, Any] = field(default_factory=dict)


def _from_factory(spec: str) -> Subject:
    """`file.py:factory`; it returns a module, or a module and its inputs, or also its kwargs."""
    file, separator, name = spec.rpartition(":")
    if not separator or not Path(file).is_file():
        raise ToolError(f"--module is written file.py:factory, and {file or spec} must be a file")
    loader = importlib.util.spec_from_file_location("weighbridge_user_module", file)
    if loader is None or loader.loader is None:
        raise ToolError(f"{file} is no Python file")
    namespace = importlib.util.module_from_spec(loader)
    sys.path.insert(0, str(Path(file).resolve().parent))
    loader.loader.exec_module(namespace)
    factory = getattr(namespace, name, None)
    if factory is None:
        raise ToolError(f"{file} has no {name}")
    made = factory()
    parts = list(made) if isinstance(made, tuple) else [made]
    if not isinstance(parts[0], nn.Module) or len(parts) > 3:
        raise ToolError(f"{name} must return a module, it and inputs, or these and kwargs")
    subject = Subject(*parts)
    if isinstance(subject.inputs, dict) and len(parts) == 2:
        subject.inputs, subject.kwargs = [], subject.inputs
    return subject


def _read_inputs(path: Path) -> list[Tensor]:
    arrays = read_arrays(path)
    count = sum(name.startswith("inputs/") for name in arrays)
    if count == 0:
        raise ToolError(f"{path} has no entry inputs/0")
    for index in range(count):
        if f"inputs/{index}" not in arrays:
            raise ToolError(f"{path} has {count} inputs, but no entry inputs/{index}")
    return [torch.from_numpy(np.array(arrays[f"inputs/{index}"])) for index in range(count)]


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    return int(height), int(width)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/record",
        description="Runs a PyTorch model and writes what each of its modules returned.",
    )
    parser.add_argument("--model", metavar="ID", help="a built-in architecture")
    parser.add_argument("--config", metavar="KEY=VALUE", action="append", default=[])
    parser.add_argument(
        "--module", metavar="FILE.py:FACTORY",
        help="any PyTorch model: a function that returns it, or it and its inputs (a tensor, a "
        "list, a dictionary by name), or it, a list and a dictionary",
    )
    parser.add_argument("--weights", type=Path, help="load this checkpoint (.pth, .npz, .h5 ...)")
    parser.add_argument("--inputs", type=Path, help="take inputs/0 ... of this file")
    parser.add_argument("--seed", type=int, default=0, help="of random weights and inputs")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--size", type=_size, metavar="HxW", help="of random inputs")
    parser.add_argument("--extra", action="store_true", help="feed the optional last input too")
    parser.add_argument("--select", metavar="PATTERN", action="append", help="modules to record")
    parser.add_argument("--half", action="store_true", help="run the model in float16")
    parser.add_argument("--no-noise", action="store_true", help="leave out the float64 run")
    parser.add_argument(
        "--sample", type=int, nargs="?", const=DEFAULT_LIMIT, metavar="LIMIT",
        help="keep so many elements of each large activation, and sums of the others "
        f"(without a number: {DEFAULT_LIMIT})",
    )
    parser.add_argument("--sample-seed", type=int, default=0, help="chooses which elements")
    parser.add_argument("--save-weights", type=Path, metavar="FILE", help="also write a checkpoint")
    parser.add_argument("--output", type=Path, required=True, help=".npz, .h5 or .safetensors")
    return parser


def _built_in(options: argparse.Namespace) -> tuple[Subject, dict]:
    chosen = row(options.model)
    whole = parse_config(options.model, options.config)
    model = random_model(options.model, whole, options.seed, options.size)
    generator = torch.Generator().manual_seed(options.seed + 1)
    shape = InputOptions(size=options.size, extra=options.extra)
    inputs = chosen.inputs(whole, options.batch, generator, shape)
    return Subject(model, inputs), chosen.metadata_config(whole)


def _halved(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor


def _command(options: argparse.Namespace) -> str:
    if (options.model is None) == (options.module is None):
        raise ToolError("give either --model or --module")
    config = None
    if options.model is not None:
        subject, config = _built_in(options)
    else:
        torch.manual_seed(options.seed)
        subject = _from_factory(options.module)
    if options.weights is not None:
        found = read_checkpoint(options.weights)
        for note in found.notes:
            print(f"record: {options.weights}: {note}", file=sys.stderr)
        subject.model.load_state_dict(found.state)
    if options.inputs is not None:
        subject.inputs, subject.kwargs = _read_inputs(options.inputs), {}
    if subject.inputs is None:
        raise ToolError("the factory returned no inputs: give --inputs")
    if options.half:
        subject.model = subject.model.half()
        subject.inputs = mapped(subject.inputs, _halved)
        subject.kwargs = mapped(subject.kwargs, _halved)
    if options.save_weights is not None:
        export_state_dict(subject.model.state_dict(), options.save_weights)
    recording = record(
        subject.model,
        subject.inputs,
        options.output,
        kwargs=subject.kwargs,
        model_id=options.model,
        config=config,
        seed=options.seed,
        noise=not options.no_noise,
        select=options.select,
        sample=options.sample,
        sample_seed=options.sample_seed,
    )
    for name in recording.left_out:
        print(f"record: left out, no real dense tensor: {name}", file=sys.stderr)
    size = options.output.stat().st_size / 1e6
    return (
        f"{options.output}: {len(recording.outputs)} outputs, "
        f"{len(recording.activations)} activations, {size:.1f} MB"
    )


def _say(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"record: {message}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _say
            print(_command(options))
    except (ToolError, OSError, RuntimeError) as error:
        print(f"record: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
