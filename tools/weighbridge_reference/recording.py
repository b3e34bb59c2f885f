"""Records what every module of a PyTorch model returned, for Weighbridge to compare with.

The API is `record`; `tools/record` is the command.
"""

from __future__ import annotations

import copy
import fnmatch
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .errors import ToolError
from .excitation import idle
from .nesting import flatten, has_names, mapped, storable
from .sampling import DEFAULT_LIMIT, MINIMUM_LIMIT, Sampling
from .storage import ArrayWriter, numpy_of, open_writer


@dataclass(repr=False)
class Recording:
    """What one run of a model returned.

    Attributes:
        activations: entry name without its prefix (`layer1.0.relu#1`, `locator/0`) -> values, in
            the order in which the modules finished.
        outputs: the model's own outputs in order.
        output_names: their names, when the model returned a dictionary or a dataclass.
        noise: entry name (`outputs/0` for outputs) -> float64 [rms, max] of the distance between
            the recorded run and the same run in float64.
        noise_missing: why there is none, though it was asked for.
        aliases: further names of modules that are registered twice -> the name recorded.
        left_out: entries whose tensors a reference cannot hold (complex, sparse, quantized).
        fast_path_off: whether PyTorch's fused path of encoder layers, which skips the modules inside
            and returns nested tensors for padding masks, was switched off for the recording.
        dtypes: file entry (`activations/conv1`) -> its dtype, where it is stored wider.
        autocast: the dtype of autocast, where it was on.
        not_repeatable: entry names (`outputs/0` for outputs) that a second run did not repeat bit
            for bit. They have no noise: chance is not rounding.
        classes: module path -> fully qualified class; the root's path is "".
    """

    activations: dict[str, np.ndarray] = field(default_factory=dict)
    outputs: list[np.ndarray] = field(default_factory=list)
    output_names: list[str] | None = None
    noise: dict[str, np.ndarray] = field(default_factory=dict)
    noise_missing: str | None = None
    aliases: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    fast_path_off: bool = False
    dtypes: dict[str, str] = field(default_factory=dict)
    autocast: str | None = None
    not_repeatable: list[str] = field(default_factory=list)
    classes: dict[str, str] = field(default_factory=dict)

    def note_dtype(self, entry: str, tensor: Tensor, stored: np.ndarray) -> None:
        """Notes a tensor's dtype where it is stored wider."""
        name = str(tensor.dtype).removeprefix("torch.")
        if name != str(stored.dtype):
            self.dtypes[entry] = name

    def summary(self) -> str:
        """`1 output, 12 activations`, and what a reader should know."""
        parts = [
            f"{count} {noun}{'s' * (count != 1)}"
            for count, noun in ((len(self.outputs), "output"), (len(self.activations), "activation"))
        ]
        if self.noise_missing is not None:
            parts.append("no noise")
        if self.not_repeatable:
            parts.append(f"{len(self.not_repeatable)} not repeatable")
        if self.fast_path_off:
            parts.append("fast path of encoder layers off")
        return ", ".join(parts)

    def __repr__(self) -> str:
        """Short: at the prompt, `record(...)` shows what it returns."""
        return f"Recording({self.summary()})"


def record(
    model: nn.Module,
    inputs: Tensor | Sequence[Any],
    path: str | Path,
    *,
    kwargs: Mapping[str, Any] | None = None,
    model_id: str | None = None,
    config: Mapping[str, Any] | None = None,
    seed: int | None = None,
    noise: bool = True,
    select: Sequence[str] | None = None,
    sample: int | bool | None = None,
    sample_seed: int = 0,
) -> Recording:
    """Runs `model` in eval mode and writes the reference file `path` (.npz, .h5, .safetensors).

    Args:
        inputs: the positional arguments in call order, or the only one. Their tensors, those in
            tuples, lists and dictionaries too, are stored as `inputs/0`, `inputs/1` ...
        kwargs: arguments passed by name; their tensors are stored after the positional ones.
        model_id, config, seed: stored in the metadata where given.
        noise: also run a copy in float64 and store how far each result was from it.
        select: record only modules whose path matches one of these shell patterns (`layer1.*`).
        sample: keep at most this many elements of a large activation, and sums of the others
            (`weighbridge_reference.sampling`); True: the usual number.
        sample_seed: chooses which elements.
    """
    arguments, kwargs = _arguments(inputs, kwargs)
    sampling = _sampling(sample, sample_seed)
    recording = run(model, arguments, kwargs, noise=noise, select=select)
    # After the run: an error is the first thing said.
    for text in idle([tensor for _, tensor in flatten([arguments, list(kwargs.values())])]):
        warnings.warn(f"{text}; record random or real data", stacklevel=2)
    by_name = {name: [suffix for suffix, _ in flatten(value)] for name, value in kwargs.items()}
    metadata: dict[str, Any] = {"framework": f"torch {torch.__version__}"}
    optional = {
        "model": model_id,
        "config": None if config is None else dict(config),
        "seed": seed,
        "input_names": [n + suffix for n, found in by_name.items() for suffix in found] or None,
        "output_names": recording.output_names,
        "aliases": recording.aliases or None,
        "select": None if select is None else list(select),
        "left_out": recording.left_out or None,
        "noise_missing": recording.noise_missing,
        "dtypes": recording.dtypes or None,
        "autocast": recording.autocast,
        "not_repeatable": recording.not_repeatable or None,
        "classes": recording.classes or None,
        "fast_path": "off" if recording.fast_path_off else None,
    }
    metadata.update({key: value for key, value in optional.items() if value is not None})
    with open_writer(Path(path)) as writer:
        for index, (_, tensor) in enumerate(flatten([arguments, list(kwargs.values())])):
            writer.add(f"inputs/{index}", numpy_of(tensor))
        for index, array in enumerate(recording.outputs):
            writer.add(f"outputs/{index}", array)
        for name, array in recording.activations.items():
            _write_activation(writer, name, array, sampling)
        for name, array in recording.noise.items():
            writer.add(f"noise/{name}", array)
        if sampling is not None and sampling.entries:
            metadata["sampling"] = sampling.metadata()
        writer.add_metadata(metadata)
    return recording


def _write_activation(
    writer: ArrayWriter, name: str, array: np.ndarray, sampling: Sampling | None
) -> None:
    if sampling is None or not sampling.takes(array):
        writer.add(f"activations/{name}", array)
        return
    samples, sums = sampling.take(name, array)
    writer.add(f"samples/{name}", samples)
    writer.add(f"sums/{name}", sums)


def _arguments(inputs: Any, kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    """The arguments as a list and a dictionary; a tensor alone is the only argument."""
    if isinstance(inputs, Tensor):
        inputs = [inputs]
    if not isinstance(inputs, (list, tuple)):
        raise ToolError(
            f"inputs must be a tensor or a list of arguments, not a {type(inputs).__name__}; "
            "arguments by name go to kwargs"
        )
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise ToolError(f"kwargs must be a dictionary, not a {type(kwargs).__name__}")
    for value in [*inputs, *(kwargs or {}).values()]:
        if isinstance(value, np.ndarray):
            raise ToolError("an argument is a NumPy array: hand over torch.from_numpy(it)")
    kwargs = dict(kwargs or {})
    if not flatten([list(inputs), list(kwargs.values())]):
        raise ToolError("there is no tensor among the inputs")
    return list(inputs), kwargs


def _sampling(sample: int | bool | None, seed: int) -> Sampling | None:
    if sample is None or sample is False:
        return None
    limit = DEFAULT_LIMIT if sample is True else sample
    if limit < MINIMUM_LIMIT:
        raise ToolError(f"{limit} elements of an activation are too few: at least {MINIMUM_LIMIT}")
    return Sampling(seed, limit)


def run(
    model: nn.Module,
    inputs: Tensor | Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    noise: bool = True,
    select: Sequence[str] | None = None,
) -> Recording:
    """Like `record`, without a file. The model's train or eval mode is put back afterwards."""
    arguments, kwargs = _arguments(inputs, kwargs)
    model = _unwrapped(model)
    _refuse_idle_patterns(model, select)
    recording = Recording(aliases=_aliases(model), autocast=_autocast())
    recording.classes = {
        _path(model, name): f"{type(module).__module__}.{type(module).__qualname__}"
        for name, module in model.named_modules()
        if not _is_wrapper(module)
    }

    def keep(name: str, tensor: Tensor) -> None:
        array = storable(tensor)
        if array is None:
            recording.left_out.append(name)
        else:
            recording.note_dtype(f"activations/{name}", tensor, array)
            # A copy now: an in-place module further on may overwrite this very memory.
            recording.activations[name] = array.copy()

    with _eval_mode(model), _without_fast_path(model) as was_on:
        recording.fast_path_off = was_on
        # The run may change its inputs in place; what is stored is what it was given.
        given = mapped([arguments, kwargs], lambda x: x.clone())
        returned = _hooked_forward(model, *given, select, keep)
        results = flatten(returned)
        if not results:
            raise ToolError(f"the model returned a {type(returned).__name__} without any tensor")
        for index, (_, tensor) in enumerate(results):
            array = storable(tensor)
            if array is None:
                raise ToolError(f"output {index} is complex, sparse or quantized: return its parts")
            recording.note_dtype(f"outputs/{index}", results[index][1], array)
            recording.outputs.append(array.copy())
        _repeat(recording, model, arguments, kwargs, select)
        if has_names(returned):
            recording.output_names = [suffix.removeprefix("/") for suffix, _ in results]
        if noise:
            _measure_noise(recording, model, arguments, kwargs, select)
            for name in recording.not_repeatable:
                recording.noise.pop(name, None)
    return recording


def _repeat(
    recording: Recording,
    model: nn.Module,
    inputs: Sequence[Any],
    kwargs: Mapping[str, Any],
    select: Sequence[str] | None,
) -> None:
    """Runs the model once more and notes what does not come out the same, bit for bit."""
    seen: set[str] = set()

    def compare(name: str, tensor: Tensor, recorded: np.ndarray | None) -> None:
        seen.add(name)
        array = storable(tensor)
        if array is None and recorded is None:
            return
        if (
            array is None
            or recorded is None
            or array.shape != recorded.shape
            or array.dtype != recorded.dtype
            or array.tobytes() != recorded.tobytes()
        ):
            recording.not_repeatable.append(name)

    given = mapped([inputs, dict(kwargs)], lambda x: x.clone())
    returned = _hooked_forward(
        model, *given, select, lambda name, x: compare(name, x, recording.activations.get(name))
    )
    for index, (_, tensor) in enumerate(flatten(returned)):
        recorded = recording.outputs[index] if index < len(recording.outputs) else None
        compare(f"outputs/{index}", tensor, recorded)
    missing = [name for name in recording.activations if name not in seen]
    missing += [name for i in range(len(recording.outputs)) if (name := f"outputs/{i}") not in seen]
    recording.not_repeatable += missing


def _autocast() -> str | None:
    """The dtype of autocast on the CPU, or on an accelerator, where it is on."""
    for device in ("cpu", "cuda"):
        if torch.is_autocast_enabled(device):
            return str(torch.get_autocast_dtype(device)).removeprefix("torch.")
    return None


# By module and class: DistributedDataParallel and torch._dynamo are not imported for this.
_WRAPPERS = {"DataParallel": "module", "DistributedDataParallel": "module"}
_WRAPPERS |= {"OptimizedModule": "_orig_mod"}


def _is_wrapper(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torch.") and type(module).__name__ in _WRAPPERS


def _unwrapped(model: nn.Module) -> nn.Module:
    """The network inside of DataParallel and torch.compile, whose own names the weights have."""
    while _is_wrapper(model):
        model = getattr(model, _WRAPPERS[type(model).__name__])
    return model


def _path(model: nn.Module, name: str) -> str:
    """A module's path without what wrappers within the model put into it."""
    kept, module = [], model
    for part in name.split(".") if name else []:
        if not _is_wrapper(module):
            kept.append(part)
        module = getattr(module, part)
    return ".".join(kept)


def _measure_noise(
    recording: Recording,
    model: nn.Module,
    inputs: Sequence[Any],
    kwargs: Mapping[str, Any],
    select: Sequence[str] | None,
) -> None:
    """Fills `recording.noise` from a run of a float64 copy; keeps no float64 activation.

    A model that cannot run in float64 (it casts to float32 itself) is recorded without noise.
    """

    def compare(name: str, tensor: Tensor, recorded: np.ndarray | None) -> None:
        if recorded is None or not tensor.is_floating_point() or recorded.size == 0:
            return
        if recorded.shape != tuple(tensor.shape):
            raise ToolError(f"{name}: the float64 run returned another shape than the recorded one")
        with np.errstate(invalid="ignore", over="ignore"):
            distance = tensor.detach().cpu().numpy() - recorded.astype(np.float64)
            # What is recorded as infinite or NaN has to be just that: it has no noise, whatever
            # float64, which overflows later, has there.
            distance[~np.isfinite(recorded)] = 0
            rms = np.sqrt(np.mean(np.square(distance)))
        recording.noise[name] = np.array([rms, np.abs(distance).max()])

    def hook(name: str, tensor: Tensor) -> None:
        compare(name, tensor, recording.activations.get(name))

    try:
        twin = copy.deepcopy(model).cpu().double()
        wide = mapped([inputs, dict(kwargs)], _widened)
        returned = _hooked_forward(twin, *wide, select, hook)
        for index, (_, tensor) in enumerate(flatten(returned)):
            compare(f"outputs/{index}", tensor, recording.outputs[index])
    except (RuntimeError, TypeError, NotImplementedError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        recording.noise.clear()
        recording.noise_missing = f"the float64 run failed: {first}"
        warnings.warn(f"no noise was recorded: {recording.noise_missing}", stacklevel=3)


def _widened(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu().clone()
    return tensor.double() if tensor.is_floating_point() else tensor


@torch.no_grad()
def _hooked_forward(
    model: nn.Module,
    inputs: Sequence[Any],
    kwargs: Mapping[str, Any],
    select: Sequence[str] | None,
    visit: Any,
) -> Any:
    """One forward; `visit(name, tensor)` sees each tensor that a module below the root returned."""
    calls: dict[str, int] = {}
    handles = []
    for path, module in model.named_modules():
        path = _path(model, path)
        if path == "" or _is_wrapper(module) or not _selected(path, select):
            continue

        def hook(_: nn.Module, __: Any, returned: Any, path: str = path) -> None:
            call = calls.get(path, 0)
            calls[path] = call + 1
            entry = path if call == 0 else f"{path}#{call}"
            for suffix, tensor in flatten(returned):
                visit(entry + suffix, tensor)

        handles.append(module.register_forward_hook(hook))
    try:
        # Compiled parts run as they are written: hooks see every module, and no compiler is needed.
        with torch.compiler.set_stance("force_eager"):
            return model(*inputs, **kwargs)
    finally:
        for handle in handles:
            handle.remove()


def _selected(path: str, select: Sequence[str] | None) -> bool:
    return select is None or any(fnmatch.fnmatchcase(path, pattern) for pattern in select)


def _refuse_idle_patterns(model: nn.Module, select: Sequence[str] | None) -> None:
    """A pattern that no module matches is a mistake."""
    if isinstance(select, str):
        raise ToolError(f"select is a list of patterns: ['{select}']")
    paths = [path for path, _ in model.named_modules() if path]
    for pattern in select or []:
        if not any(fnmatch.fnmatchcase(path, pattern) for path in paths):
            some = ", ".join(paths[:6]) + " ..." * (len(paths) > 6)
            raise ToolError(f"no module matches '{pattern}'; the modules are {some or 'none'}")


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


# Modules that PyTorch may run as one fused operator, without calling the modules inside.
_FUSED = (nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.MultiheadAttention)


@contextmanager
def _without_fast_path(model: nn.Module) -> Iterator[bool]:
    """Switches the fused path of such modules off, and gives whether that changes anything."""
    mha = getattr(torch.backends, "mha", None)
    was_on = (
        mha is not None
        and mha.get_fastpath_enabled()
        and any(isinstance(module, _FUSED) for module in model.modules())
    )
    if was_on:
        mha.set_fastpath_enabled(False)
    try:
        yield was_on
    finally:
        if was_on:
            mha.set_fastpath_enabled(True)
