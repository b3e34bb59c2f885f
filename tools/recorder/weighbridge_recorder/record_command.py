"""The command that records references of any network. Run as `weighbridge-record`."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .errors import ToolError
from .exporting import export
from .nesting import mapped
from .recording import record
from .sampling import DEFAULT_LIMIT
from .storage import read_arrays, read_checkpoint, read_metadata


@dataclass
class Subject:
    """What is run: a model and its arguments; None: they come from a file.

    Attributes:
        model_id, config: stored in the metadata where given.
        remedy: what to do where weights do not fit.
    """

    model: nn.Module
    inputs: Any = None
    kwargs: dict[str, Any] = field(default_factory=dict)
    model_id: str | None = None
    config: dict[str, Any] | None = None
    remedy: str = "the factory must make the network that the weights are of"


def from_factory(spec: str) -> Subject:
    """`file.py:factory`; it returns a module, or a module and its inputs, or also its kwargs."""
    file, separator, name = spec.rpartition(":")
    if not separator or not Path(file).is_file():
        raise ToolError(f"--module is written file.py:factory, and {file or spec} must be a file")
    loader = importlib.util.spec_from_file_location("weighbridge_user_module", file)
    if loader is None or loader.loader is None:
        raise ToolError(f"{file} is no Python file")
    namespace = importlib.util.module_from_spec(loader)
    sys.path.insert(0, str(Path(file).resolve().parent))
    try:
        loader.loader.exec_module(namespace)
    except ModuleNotFoundError as error:
        raise ToolError(
            f"{file} needs the package {error.name}, which is not in {sys.prefix}: in an "
            "environment of your own that has it and torch, pip install tools/recorder and run "
            "weighbridge-record"
        ) from error
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


def _read_inputs(path: Path) -> tuple[list[Tensor], dict[str, Tensor]]:
    """The inputs of a file: positional ones, and those that its metadata names."""
    arrays = read_arrays(path)
    count = sum(name.startswith("inputs/") for name in arrays)
    if count == 0:
        raise ToolError(f"{path} has no entry inputs/0")
    for index in range(count):
        if f"inputs/{index}" not in arrays:
            raise ToolError(f"{path} has {count} inputs, but no entry inputs/{index}")
    inputs = [torch.from_numpy(np.array(arrays[f"inputs/{index}"])) for index in range(count)]
    names = (read_metadata(path) or {}).get("input_names") or []
    nested = [name for name in names if "/" in name]
    if nested:
        raise ToolError(
            f"{path}: the input {nested[0]} is a part of an argument: build the arguments in a "
            "--module factory"
        )
    split = count - len(names)
    return inputs[:split], dict(zip(names, inputs[split:], strict=True))


def parser() -> argparse.ArgumentParser:
    """The options of recording, whatever the model comes from."""
    parser = argparse.ArgumentParser(
        prog="weighbridge-record",
        description="Runs a PyTorch model and writes what each of its modules returned.",
    )
    parser.add_argument(
        "--module", metavar="FILE.py:FACTORY",
        help="any PyTorch model: a function that returns it, or it and its inputs (a tensor, a "
        "list, a dictionary by name), or it, a list and a dictionary",
    )
    parser.add_argument("--weights", type=Path, help="load this checkpoint (.pth, .npz, .h5 ...)")
    parser.add_argument(
        "--key", metavar="NAME",
        help="the member of --weights with the state dict, where there are several",
    )
    parser.add_argument("--inputs", type=Path, help="take inputs/0 ... of this file")
    parser.add_argument("--seed", type=int, default=0, help="of random weights and inputs")
    parser.add_argument(
        "--select", metavar="PATTERN", action="append",
        help="record only modules whose path matches this shell pattern, such as 'blocks.*' (a * "
        "goes over dots, too); repeatable",
    )
    parser.add_argument("--half", action="store_true", help="run the model in float16")
    parser.add_argument(
        "--network", action="store_true", help="also write the network itself (see NETWORK.md)"
    )
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


def _load(weights: Path, subject: Subject, key: str | None = None) -> None:
    found = read_checkpoint(weights, key)
    for note in found.notes:
        print(f"record: {weights}: {note}", file=sys.stderr)
    wanted = subject.model.state_dict()
    wrong = [f"{n} is missing" for n in wanted if n not in found.state]
    wrong += [f"{n} is unexpected" for n in found.state if n not in wanted]
    wrong += [
        f"{n} is {list(t.shape)}, not {list(wanted[n].shape)}"
        for n, t in found.state.items()
        if n in wanted and t.shape != wanted[n].shape
    ]
    if wrong:
        more = f", and {len(wrong) - 3} more" * (len(wrong) > 3)
        raise ToolError(
            f"{weights} does not fit the model: {', '.join(wrong[:3])}{more}. {subject.remedy}"
        )
    subject.model.load_state_dict(found.state)


def _halved(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor


def chosen(options: argparse.Namespace) -> Subject:
    """The model of `--module`, drawn with `--seed`."""
    if options.module is None:
        raise ToolError("give --module FILE.py:FACTORY")
    torch.manual_seed(options.seed)
    return from_factory(options.module)


def _recorded(options: argparse.Namespace, subject: Subject) -> str:
    """Loads, runs and writes; what is printed in the end."""
    if options.weights is not None:
        _load(options.weights, subject, options.key)
    if options.inputs is not None:
        subject.inputs, subject.kwargs = _read_inputs(options.inputs)
    if subject.inputs is None:
        raise ToolError("the factory returned no inputs: give --inputs")
    if options.half:
        subject.model = subject.model.half()
        subject.inputs = mapped(subject.inputs, _halved)
        subject.kwargs = mapped(subject.kwargs, _halved)
    if options.save_weights is not None:
        export(subject.model, options.save_weights)
    try:
        recording = record(
            subject.model,
            subject.inputs,
            options.output,
            kwargs=subject.kwargs,
            model_id=subject.model_id,
            config=subject.config,
            seed=options.seed,
            noise=not options.no_noise,
            select=options.select,
            sample=options.sample,
            sample_seed=options.sample_seed,
            network=options.network,
        )
    except TypeError as error:
        if "forward()" not in str(error):
            raise
        raise ToolError(f"the model does not take these inputs: {error}") from error
    for name in recording.left_out:
        print(f"record: left out, no real dense tensor: {name}", file=sys.stderr)
    return f"{options.output}: {recording.summary()}, {_bytes(options.output.stat().st_size)}"


def _bytes(count: int) -> str:
    for unit, size in (("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"


def _say(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"record: {message}", file=sys.stderr)


def carry_out(
    options: argparse.Namespace, choose: Callable[[argparse.Namespace], Subject]
) -> int:
    """Records what `choose` finds in the options; the exit status."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _say
            print(_recorded(options, choose(options)))
    except (ToolError, OSError, RuntimeError) as error:
        print(f"record: {error}", file=sys.stderr)
        return 1
    return 0


def main(arguments: list[str] | None = None) -> int:
    return carry_out(parser().parse_args(arguments), chosen)


if __name__ == "__main__":
    sys.exit(main())
