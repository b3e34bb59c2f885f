"""Runs of a model whose modules are watched: what each returned, whether again, and how exactly."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from . import progress
from .errors import ToolError
from .excitation import Excitation
from .modules import (
    aliases,
    autocast,
    checked,
    closed,
    eval_mode,
    is_closed,
    is_wrapper,
    module_path,
    refuse_idle_patterns,
    selected,
    without_fast_path,
)
from .nesting import flatten, has_names, mapped, storable


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
        little_excited: what dead rectifiers and decided softmaxes hide, one sentence a kind.
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
    little_excited: list[str] = field(default_factory=list)

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


def arguments_of(inputs: Any, kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
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


def run(
    model: nn.Module,
    inputs: Tensor | Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    noise: bool = True,
    select: Sequence[str] | None = None,
) -> Recording:
    """Like `record`, without a file. The model's train or eval mode is put back afterwards."""
    model = checked(model)
    arguments, kwargs = arguments_of(inputs, kwargs)
    if parts := list(closed(model)):
        some = ", ".join(parts[:4]) + " ..." * (len(parts) > 4)
        warnings.warn(
            f"compiled by torch.jit, and not recorded: {some}; put the modules there that they were "
            "made from",
            stacklevel=2,
        )
    refuse_idle_patterns(model, select)
    recording = Recording(aliases=aliases(model), autocast=autocast())
    recording.classes = {
        module_path(model, name): f"{type(module).__module__}.{type(module).__qualname__}"
        for name, module in model.named_modules()
        if not is_wrapper(module)
    }

    def keep(name: str, tensor: Tensor) -> None:
        array = storable(tensor)
        if array is None:
            recording.left_out.append(name)
        else:
            recording.note_dtype(f"activations/{name}", tensor, array)
            # A copy now: an in-place module further on may overwrite this very memory.
            recording.activations[name] = array.copy()

    with eval_mode(model), without_fast_path(model) as was_on:
        recording.fast_path_off = was_on
        progress.stage("float32")
        # The run may change its inputs in place; what is stored is what it was given.
        given, named = mapped([arguments, kwargs], lambda x: x.clone())
        returned = _hooked_forward(model, given, named, select, keep)
        results = flatten(returned)
        if not results:
            raise ToolError(f"the model returned a {type(returned).__name__} without any tensor")
        for index, (_, tensor) in enumerate(results):
            array = storable(tensor)
            if array is None:
                raise ToolError(f"output {index} is complex, sparse or quantized: return its parts")
            recording.note_dtype(f"outputs/{index}", results[index][1], array)
            recording.outputs.append(array.copy())
        children = sum(1 for _ in model.modules()) - 1
        if children and select is None and not recording.activations and not recording.left_out:
            warnings.warn(
                f"none of its {children} modules was called, and nothing but the outputs is recorded: a "
                "traced network runs operations alone, record the one that it was traced from",
                stacklevel=2,
            )
        progress.stage("float32 once more")
        _repeat(recording, model, arguments, kwargs, select)
        if has_names(returned):
            recording.output_names = [suffix.removeprefix("/") for suffix, _ in results]
        if noise:
            progress.stage("float64")
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

    given, named = mapped([inputs, dict(kwargs)], lambda x: x.clone())

    def repeated(name: str, tensor: Tensor) -> None:
        compare(name, tensor, recording.activations.get(name))

    excitation = Excitation()
    with excitation.watching(model):
        returned = _hooked_forward(model, given, named, select, repeated)
    recording.little_excited = list(excitation.sentences())
    for index, (_, tensor) in enumerate(flatten(returned)):
        recorded = recording.outputs[index] if index < len(recording.outputs) else None
        compare(f"outputs/{index}", tensor, recorded)
    missing = [name for name in recording.activations if name not in seen]
    missing += [name for i in range(len(recording.outputs)) if (name := f"outputs/{i}") not in seen]
    recording.not_repeatable += missing


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
        wide, named = mapped([inputs, dict(kwargs)], _widened)
        returned = _hooked_forward(twin, wide, named, select, hook)
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
        path = module_path(model, path)
        if path == "" or is_wrapper(module) or is_closed(module) or not selected(path, select):
            continue

        def hook(_: nn.Module, __: Any, returned: Any, path: str = path) -> None:
            call = calls.get(path, 0)
            calls[path] = call + 1
            progress.at(path)
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
