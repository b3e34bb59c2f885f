"""What a model is made of, by PyTorch's names: wrappers are looked through, modes are put back."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from .errors import ToolError

# By module and class: DistributedDataParallel and torch._dynamo are not imported for this.
_WRAPPERS = {"DataParallel": "module", "DistributedDataParallel": "module"}
_WRAPPERS |= {"OptimizedModule": "_orig_mod"}


def is_wrapper(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torch.") and type(module).__name__ in _WRAPPERS


def unwrapped(model: nn.Module) -> nn.Module:
    """The network inside of DataParallel and torch.compile, whose own names the weights have."""
    while is_wrapper(model):
        model = getattr(model, _WRAPPERS[type(model).__name__])
    return model


# What looks like a network and runs as a whole, so that nobody sees what its modules return.
_COMPILED = "runs as a whole, and nobody sees what its modules return: record the network that it was {}"


def checked(model: object) -> nn.Module:
    """The network, or what to hand over instead of what is none."""
    if isinstance(model, type) and issubclass(model, nn.Module):
        raise ToolError(f"{model.__name__} is a class and no network: hand over {model.__name__}(...)")
    if isinstance(model, torch.export.ExportedProgram):
        raise ToolError(f"an exported program {_COMPILED.format('exported from')}")
    if isinstance(model, Mapping):
        raise ToolError(
            "this is a state dict and no network: build the network, load_state_dict it, and hand "
            "the network over"
        )
    if not isinstance(model, nn.Module):
        raise ToolError(f"the model must be a torch.nn.Module, not a {type(model).__name__}")
    model = unwrapped(model)
    if is_closed(model):
        raise ToolError(f"a ScriptModule {_COMPILED.format('scripted or traced from')}")
    # What an exported program's module() makes refuses to be put into eval mode, by methods of its own.
    if isinstance(model, torch.fx.GraphModule) and "eval" in vars(model):
        raise ToolError(f"an exported program {_COMPILED.format('exported from')}")
    return model


def is_closed(module: nn.Module) -> bool:
    """Whether it is compiled: it takes no hooks, and runs what is in it unseen."""
    return isinstance(module, torch.jit.ScriptModule)


def closed(model: nn.Module) -> Iterator[str]:
    """The compiled parts of a network, without their own."""
    for name, module in model.named_modules():
        if is_closed(module) and not is_closed(model.get_submodule(name.rpartition(".")[0])):
            yield name


def module_path(model: nn.Module, name: str) -> str:
    """A module's path without what wrappers within the model put into it."""
    kept, module = [], model
    for part in name.split(".") if name else []:
        if not is_wrapper(module):
            kept.append(part)
        module = getattr(module, part)
    return ".".join(kept)


def aliases(model: nn.Module) -> dict[str, str]:
    """Names of modules registered more than once, each with the first name, which is recorded."""
    first: dict[int, str] = {}
    found = {}
    for name, module in model.named_modules(remove_duplicate=False):
        known = first.setdefault(id(module), name)
        if known != name:
            found[name] = known
    return found


def selected(path: str, select: Sequence[str] | None) -> bool:
    return select is None or any(fnmatch.fnmatchcase(path, pattern) for pattern in select)


def refuse_idle_patterns(model: nn.Module, select: Sequence[str] | None) -> None:
    """A pattern that no module matches is a mistake."""
    if isinstance(select, str):
        raise ToolError(f"select is a list of patterns: ['{select}']")
    paths = [path for path, _ in model.named_modules() if path]
    for pattern in select or []:
        if not any(fnmatch.fnmatchcase(path, pattern) for path in paths):
            some = ", ".join(paths[:6]) + " ..." * (len(paths) > 6)
            raise ToolError(f"no module matches '{pattern}'; the modules are {some or 'none'}")


def autocast() -> str | None:
    """The dtype of autocast on the CPU, or on an accelerator, where it is on."""
    for device in ("cpu", "cuda"):
        if torch.is_autocast_enabled(device):
            return str(torch.get_autocast_dtype(device)).removeprefix("torch.")
    return None


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
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
def without_fast_path(model: nn.Module) -> Iterator[bool]:
    """Switches the fused path of such modules off, and gives whether that changes anything."""
    mha = getattr(torch.backends, "mha", None)
    was_on = (
        mha is not None
        and mha.get_fastpath_enabled()
        and any(isinstance(module, _FUSED) for module in model.modules())
    )
    if mha is not None and was_on:
        mha.set_fastpath_enabled(False)
    try:
        yield was_on
    finally:
        if mha is not None and was_on:
            mha.set_fastpath_enabled(True)
