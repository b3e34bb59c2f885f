"""Records what every module of a PyTorch model returned, for Weighbridge to compare with.

The API is `record`; `tools/record` is the command.
"""

from __future__ import annotations

import argparse
import copy
import fnmatch
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .errors import ToolError
from .export import export_state_dict
from .initialise import random_model
from .registry import InputOptions, parse_config, row
from .storage import numpy_of, open_writer, read_arrays, read_state_dict


@dataclass
class Recording:
    """What one run of a model returned.

    Attributes:
        activations: entry name without its prefix (`layer1.0.relu#1`, `locator/0`) -> values, in
            the order in which the modules finished.
        outputs: the model's own outputs in order.
        output_names: their names, when the model returned a dictionary.
        noise: entry name (`outputs/0` for outputs) -> float64 [rms, max] of the distance between
            the recorded run and the same run in float64.
        aliases: further names of modules that are registered twice -> the name recorded.
    """

    activations: dict[str, np.ndarray] = field(default_factory=dict)
    outputs: list[np.ndarray] = field(default_factory=list)
    output_names: list[str] | None = None
    noise: dict[str, np.ndarray] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)


def record(
    model: nn.Module,
    inputs: Sequence[Tensor],
    path: str | Path,
    *,
    kwargs: Mapping[str, Tensor] | None = None,
    model_id: str | None = None,
    config: Mapping[str, Any] | None = None,
    seed: int | None = None,
    noise: bool = True,
    select: Sequence[str] | None = None,
) -> Recording:
    """Runs `model` in eval mode and writes the reference file `path` (.npz, .h5, .safetensors).

    Args:
        inputs: positional arguments in call order, stored as `inputs/0`, `inputs/1` ...
        kwargs: tensors passed by name, stored after the positional ones in this order.
        model_id, config, seed: stored in the metadata where given.
        noise: also run a copy in float64 and store how far each result was from it.
        select: record only modules whose path matches one of these patterns (`layer1.*`).
    """
    kwargs = dict(kwargs or {})
    recording = run(model, inputs, kwargs, noise=noise, select=select)
    metadata: dict[str, Any] = {"framework": f"torch {torch.__version__}"}
    optional = {
        "model": model_id,
        "config": None if config is None else dict(config),
        "seed": seed,
        "input_names": list(kwargs) or None,
        "output_names": recording.output_names,
        "aliases": recording.aliases or None,
        "select": None if select is None else list(select),
    }
    metadata.update({key: value for key, value in optional.items() if value is not None})
    with open_writer(Path(path)) as writer:
        writer.add_metadata(metadata)
        for index, tensor in enumerate([*inputs, *kwargs.values()]):
            writer.add(f"inputs/{index}", numpy_of(tensor))
        for index, array in enumerate(recording.outputs):
            writer.add(f"outputs/{index}", array)
        for name, array in recording.activations.items():
            writer.add(f"activations/{name}", array)
        for name, array in recording.noise.items():
            writer.add(f"noise/{name}", array)
    return recording


def run(
    model: nn.Module,
    inputs: Sequence[Tensor],
    kwargs: Mapping[str, Tensor] | None = None,
    *,
    noise: bool = True,
    select: Sequence[str] | None = None,
) -> Recording:
    """Like `record`, without a file. The model's train or eval mode is put back afterwards."""
    kwargs = dict(kwargs or {})
    recording = Recording(aliases=_aliases(model))

    def keep(name: str, tensor: Tensor) -> None:
        # A copy now: an in-place module further on may overwrite this very memory.
        recording.activations[name] = numpy_of(tensor).copy()

    with _eval_mode(model):
        returned = _hooked_forward(model, inputs, kwargs, select, keep)
        results = _flatten(returned)
        recording.outputs = [numpy_of(tensor).copy() for _, tensor in results]
        if isinstance(returned, Mapping):
            recording.output_names = [suffix.removeprefix("/") for suffix, _ in results]
        if noise:
            _measure_noise(recording, model, inputs, kwargs, select)
    return recording


def _measure_noise(
    recording: Recording,
    model: nn.Module,
    inputs: Sequence[Tensor],
    kwargs: Mapping[str, Tensor],
    select: Sequence[str] | None,
) -> None:
    """Fills `recording.noise` from a run of a float64 copy; keeps no float64 activation."""

    def compare(name: str, tensor: Tensor, recorded: np.ndarray | None) -> None:
        if recorded is None or not tensor.is_floating_point() or recorded.size == 0:
            return
        if recorded.shape != tuple(tensor.shape):
            raise ToolError(f"{name}: the float64 run returned another shape than the recorded one")
        distance = tensor.detach().numpy() - recorded.astype(np.float64)
        rms = np.sqrt(np.mean(np.square(distance)))
        recording.noise[name] = np.array([rms, np.abs(distance).max()])

    def hook(name: str, tensor: Tensor) -> None:
        compare(name, tensor, recording.activations.get(name))

    twin = copy.deepcopy(model).double()
    wide_kwargs = {name: _widened(tensor) for name, tensor in kwargs.items()}
    returned = _hooked_forward(twin, [_widened(x) for x in inputs], wide_kwargs, select, hook)
    for index, (_, tensor) in enumerate(_flatten(returned)):
        compare(f"outputs/{index}", tensor, recording.outputs[index])


def _widened(value: Any) -> Any:
    return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value


@torch.no_grad()
def _hooked_forward(
    model: nn.Module,
    inputs: Sequence[Tensor],
    kwargs: Mapping[str, Tensor],
    select: Sequence[str] | None,
    visit: Any,
) -> Any:
    """One forward; `visit(name, tensor)` sees each tensor that a module below the root returned."""
    calls: dict[str, int] = {}
    handles = []
    for path, module in model.named_modules():
        if path == "" or not _selected(path, select):
            continue

        def hook(_: nn.Module, __: Any, returned: Any, path: str = path) -> None:
            call = calls.get(path, 0)
            calls[path] = call + 1
            entry = path if call == 0 else f"{path}#{call}"
            for suffix, tensor in _flatten(returned):
                visit(entry + suffix, tensor)

        handles.append(module.register_forward_hook(hook))
    try:
        return model(*inputs, **kwargs)
    finally:
        for handle in handles:
            handle.remove()


def _selected(path: str, select: Sequence[str] | None) -> bool:
    return select is None or any(fnmatch.fnmatchcase(path, pattern) for pattern in select)


def _flatten(returned: Any) -> list[tuple[str, Tensor]]:
    """The tensors of a result with the suffix that names each: "" alone, `/0`, `/key`, `/0/1`.

    A tuple or list with a single tensor in it, like attention's (output, None), is that tensor.
    """
    if isinstance(returned, Tensor):
        return [("", returned)]
    if isinstance(returned, Mapping):
        items = [(str(key), value) for key, value in returned.items()]
    elif isinstance(returned, (tuple, list)):
        items = [(str(index), value) for index, value in enumerate(returned)]
    else:
        return []
    found = [
        (f"/{key}{suffix}", tensor) for key, value in items for suffix, tensor in _flatten(value)
    ]
    if len(found) == 1 and not isinstance(returned, Mapping):
        return [("", found[0][1])]
    return found


def _aliases(model: nn.Module) -> dict[str, str]:
    """Names of modules registered more than once, each with the first name, which is recorded."""
    first: dict[int, str] = {}
    aliases = {}
    for name, module in model.named_modules(remove_duplicate=False):
        known = first.setdefault(id(module), name)
        if known != name:
            aliases[name] = known
    return aliases


@contextmanager
def _eval_mode(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _from_factory(spec: str) -> tuple[nn.Module, list[Tensor] | None]:
    """`file.py:factory`; the factory returns a module, or a module and its inputs."""
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
    if isinstance(made, nn.Module):
        return made, None
    model, inputs = made
    return model, list(inputs)


def _read_inputs(path: Path) -> list[Tensor]:
    arrays = read_arrays(path)
    names = sorted((n for n in arrays if n.startswith("inputs/")), key=lambda n: int(n[7:]))
    if not names:
        raise ToolError(f"{path} has no entry inputs/0")
    return [torch.from_numpy(np.array(arrays[name])) for name in names]


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
        help="any PyTorch model: a function that returns it, or it and its inputs",
    )
    parser.add_argument("--weights", type=Path, help="load this checkpoint (.pth, .npz, .h5 ...)")
    parser.add_argument("--inputs", type=Path, help="take inputs/0 ... of this .npz or .h5")
    parser.add_argument("--seed", type=int, default=0, help="of random weights and inputs")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--size", type=_size, metavar="HxW", help="of random inputs")
    parser.add_argument("--extra", action="store_true", help="feed the optional last input too")
    parser.add_argument("--select", metavar="PATTERN", action="append", help="modules to record")
    parser.add_argument("--half", action="store_true", help="run the model in float16")
    parser.add_argument("--no-noise", action="store_true", help="leave out the float64 run")
    parser.add_argument("--save-weights", type=Path, metavar="FILE", help="also write a checkpoint")
    parser.add_argument("--output", type=Path, required=True, help=".npz, .h5 or .safetensors")
    return parser


def _command(options: argparse.Namespace) -> str:
    if (options.model is None) == (options.module is None):
        raise ToolError("give either --model or --module")
    config = None
    if options.model is not None:
        chosen = row(options.model)
        whole = parse_config(options.model, options.config)
        config = chosen.metadata_config(whole)
        model = random_model(options.model, whole, options.seed, options.size)
        generator = torch.Generator().manual_seed(options.seed + 1)
        shape = InputOptions(size=options.size, extra=options.extra)
        inputs: list[Tensor] | None = chosen.inputs(whole, options.batch, generator, shape)
    else:
        torch.manual_seed(options.seed)
        model, inputs = _from_factory(options.module)
    if options.weights is not None:
        model.load_state_dict(read_state_dict(options.weights))
    if options.inputs is not None:
        inputs = _read_inputs(options.inputs)
    if inputs is None:
        raise ToolError("the factory returned no inputs: give --inputs")
    if options.half:
        model = model.half()
        inputs = [x.half() if x.is_floating_point() else x for x in inputs]
    if options.save_weights is not None:
        export_state_dict(model.state_dict(), options.save_weights)
    recording = record(
        model,
        inputs,
        options.output,
        model_id=options.model,
        config=config,
        seed=options.seed,
        noise=not options.no_noise,
        select=options.select,
    )
    return (
        f"{options.output}: {len(inputs)} inputs, {len(recording.outputs)} outputs, "
        f"{len(recording.activations)} activations"
    )


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        print(_command(options))
    except (ToolError, OSError, RuntimeError) as error:
        print(f"record: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
