"""How PyTorch's many spellings of a call become one.

`x.flatten(1)`, `torch.flatten(x, start_dim=1)` and `nn.Flatten()(x)` are all written as `flatten` with
`input`, `start_dim` and `end_dim`: every argument by name, defaults filled in.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .vocabulary import ARGUMENTS, IGNORED, RANDOM, SWAPPED, SYNONYMS, VOCABULARY

CASTS = {
    "float": torch.float32, "double": torch.float64, "half": torch.float16, "long": torch.int64,
    "int": torch.int32, "short": torch.int16, "bool": torch.bool, "bfloat16": torch.bfloat16,
    "byte": torch.uint8, "char": torch.int8,
}
_DROPOUTS = {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout",
             "feature_alpha_dropout"}
# Positional order where one callable's differs from the table's.
_ORDERS = {
    "torch.batch_norm": "input weight bias running_mean running_var training momentum eps",
    "torch.instance_norm":
        "input weight bias running_mean running_var use_input_stats momentum eps",
    "torch.group_norm": "input num_groups weight bias eps",
    "torch.nn.functional.batch_norm":
        "input running_mean running_var weight bias training momentum eps",
    "torch.nn.functional.instance_norm":
        "input running_mean running_var weight bias use_input_stats momentum eps",
    "torch.nn.functional.embedding": "input weight",
    "torch.embedding": "weight input",
    "torch.nn.functional.dropout": "input p training",
    "torch.dropout": "input p training",
}


@dataclass
class Call:
    """A call in the vocabulary's terms.

    Attributes:
        name: one of VOCABULARY, or a qualified name that is not in it.
        arguments: by name; `positional` where the function is not in the vocabulary.
        changes: the tensor that it changes in place, if any.
    """

    name: str
    arguments: dict[str, Any]
    positional: list[Any] | None = None
    changes: Tensor | None = None

    @property
    def is_random(self) -> bool:
        last = self.name.rpartition(".")[2]
        if last in RANDOM:
            return True
        return self.name in _DROPOUTS and bool(
            self.arguments.get("training") and self.arguments.get("p")
        )


def own_name(function: Any) -> str:
    """A callable's own name; that of a property's getter is the property's."""
    name = getattr(function, "__name__", type(function).__name__)
    if name in ("__get__", "__set__", "__delete__"):
        return getattr(getattr(function, "__self__", None), "__name__", name)
    return name


def qualified(function: Any) -> str:
    """`torch.relu`, `torch.nn.functional.relu`, `torch.Tensor.relu`."""
    name = own_name(function)
    if isinstance(function, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)):
        return f"torch.ops.{str(function).replace('::', '.')}"
    module = getattr(function, "__module__", None)
    if getattr(torch, name, None) is function:
        return f"torch.{name}"
    if module is None or "Tensor" in (getattr(function, "__qualname__", "") or "").split(".")[0]:
        return f"torch.Tensor.{name}"
    return f"{module}.{name}"


def normalised(
    function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], result: Any
) -> Call:
    """The call in the vocabulary's terms; one that does not fit stays under its qualified name."""
    name, changes = own_name(function), None
    whole = qualified(function)
    if name == "__setitem__" or (name.startswith("__i") and name != "__invert__"):
        changes = arguments[0]
        name = name if name == "__setitem__" else f"__{name[3:]}"
    elif name.endswith("_") and not name.endswith("__") and arguments:
        name, changes = name[:-1], arguments[0]
        if name == "zero":
            name, arguments = "fill", (arguments[0], 0)
    elif keywords.get("inplace") is True:
        changes = arguments[0] if arguments else keywords.get("input")
    if keywords.get("out") is not None:
        changes = keywords["out"]
    swap = name in SWAPPED
    name = SWAPPED.get(name, SYNONYMS.get(name, name))
    is_foreign = whole.startswith("torch.ops.") and not whole.startswith("torch.ops.aten.")
    try:
        if is_foreign or whole.startswith("torch.fft."):
            raise TypeError(whole)
        bound = _bound(name, whole, arguments, keywords, result, swap)
    except TypeError:
        call = Call(whole, dict(keywords), list(arguments))
        call.changes = changes
        return call
    bound.changes = changes
    return bound


def _bound(
    name: str, whole: str, arguments: tuple[Any, ...], keywords: dict[str, Any], result: Any,
    swap: bool,
) -> Call:
    special = _SPECIAL.get(name)
    if name in CASTS or name in ("to", "type", "type_as"):
        source = arguments[0] if arguments else keywords["input"]
        return Call("to", {"input": source, "dtype": result.dtype})
    if whole == "torch.Tensor.unfold":
        name = "unfold_dim"
    signature = VOCABULARY.get(name)
    if signature is None and special is None:
        raise TypeError(f"{name} is not in the vocabulary")
    if whole in _ORDERS:
        order = _ORDERS[whole].split()
        keywords = {**dict(zip(order, arguments, strict=False)), **keywords}
        arguments = ()
    if special is not None:
        name, arguments, keywords = special(name, arguments, dict(keywords), result)
        signature = VOCABULARY[name]
    assert signature is not None
    if swap:
        arguments = (arguments[1], arguments[0], *arguments[2:])
    return Call(name, _by_name(signature, arguments, keywords))


def _by_name(
    signature: inspect.Signature, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> dict[str, Any]:
    known = signature.parameters
    star = next((p.name for p in known.values() if p.kind is p.VAR_POSITIONAL), None)
    renamed = {}
    for key, value in keywords.items():
        key = key if key in known else ARGUMENTS.get(key, key)
        if key not in known and key == "sizes" and star is not None:
            key = star
        if key in known:
            renamed[key] = value
        elif key not in IGNORED:
            raise TypeError(key)
    if star is not None and star in renamed:
        value = renamed.pop(star)
        arguments = (*arguments, value)
    if star is not None:
        leading = [p.name for p in known.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        for leader in leading[len(arguments):]:
            if leader in renamed:
                arguments = (*arguments, renamed.pop(leader))
    else:
        # Further positional arguments of some spellings are of the ignored kind.
        arguments = arguments[: len(known)]
    bound = signature.bind(*arguments, **renamed)
    bound.apply_defaults()
    found = dict(bound.arguments)
    if star is not None:
        rest = found[star]
        if len(rest) == 1 and isinstance(rest[0], (tuple, list)):
            rest = rest[0]
        found[star] = list(rest)
    return found


_Special = Callable[
    [str, tuple[Any, ...], dict[str, Any], Any], tuple[str, tuple[Any, ...], dict[str, Any]]
]


def _extremum(name: str, arguments: tuple, keywords: dict, result: Any) -> tuple:
    other = arguments[1] if len(arguments) > 1 else keywords.get("other")
    if isinstance(other, Tensor):
        return f"{name}imum", arguments, keywords
    return name, arguments, keywords


def _deviation(name: str, arguments: tuple, keywords: dict, result: Any) -> tuple:
    """The older forms say `unbiased`, a boolean in place of the correction."""
    rest = list(arguments[1:])
    if rest and isinstance(rest[0], bool):
        keywords["unbiased"] = rest.pop(0)
    elif rest:
        keywords["dim"] = rest.pop(0)
        if rest:
            keywords["unbiased"] = rest.pop(0)
        if rest:
            keywords["keepdim"] = rest.pop(0)
    if "unbiased" in keywords:
        keywords["correction"] = int(keywords.pop("unbiased"))
    if keywords.get("correction", 0) is None:
        del keywords["correction"]
    return name, arguments[:1], keywords


def _arange(name: str, arguments: tuple, keywords: dict, result: Any) -> tuple:
    if len(arguments) == 1 and "end" not in keywords:
        arguments = (0, *arguments)
    elif not arguments:
        keywords.setdefault("start", 0)
    keywords["dtype"] = result.dtype
    return name, arguments, keywords


def _typed(name: str, arguments: tuple, keywords: dict, result: Any) -> tuple:
    """What is made has the dtype that it got, whatever was asked for."""
    keywords["dtype"] = result.dtype
    return name, arguments[:1] if name == "tensor" else arguments, keywords


def _pooled(name: str, arguments: tuple, keywords: dict, result: Any) -> tuple:
    keywords["return_indices"] = isinstance(result, tuple)
    return name, arguments[: 6 if name.startswith("max") else 2], keywords


def _transposed(name: str, arguments: tuple, keywords: dict, result: Any) -> tuple:
    is_old = name in ("t", "T") and arguments[0].dim() == 2
    dims = (0, 1) if is_old else (-2, -1)
    return "transpose", (arguments[0], *dims), {}


def _tail_free(name: str, arguments: tuple, keywords: dict, result: Any) -> tuple:
    """F.softmax has a stack level between dim and dtype."""
    third = arguments[2:3]
    if third and isinstance(third[0], torch.dtype):
        keywords["dtype"] = third[0]
    return name, arguments[:2], keywords


def _embedded(name: str, arguments: tuple, keywords: dict, result: Any) -> tuple:
    return name, arguments[:2], {k: v for k, v in keywords.items() if k in ("input", "weight")}


def _indexed(name: str, arguments: tuple, keywords: dict, result: Any) -> tuple:
    """`x[i]` is `x[i,]`: an index has one item for each axis that it takes."""
    index = arguments[1] if isinstance(arguments[1], tuple) else (arguments[1],)
    return name, (arguments[0], list(index), *arguments[2:]), {}


def _tiled(name: str, arguments: tuple, keywords: dict, result: Any) -> tuple:
    """Tiling needs no number for leading axes."""
    counts: Any = arguments[1:] or (keywords.get("dims", ()),)
    if len(counts) == 1 and isinstance(counts[0], (tuple, list)):
        counts = counts[0]
    lacking = arguments[0].dim() - len(counts)
    return "repeat", (arguments[0], [1] * lacking + list(counts)), {}


def _cleaned(name: str, arguments: tuple, keywords: dict, result: Any) -> tuple:
    return name, arguments[:1], {}


_SPECIAL: dict[str, _Special] = {
    "max": _extremum, "min": _extremum, "std": _deviation, "var": _deviation,
    "std_mean": _deviation, "var_mean": _deviation, "arange": _arange, "linspace": _typed,
    "zeros": _typed, "ones": _typed, "empty": _typed, "full": _typed, "eye": _typed,
    "tensor": _typed, "zeros_like": _typed, "ones_like": _typed, "empty_like": _typed,
    "full_like": _typed, "new_zeros": _typed, "new_ones": _typed, "new_empty": _typed,
    "new_full": _typed, "max_pool1d": _pooled, "max_pool2d": _pooled, "max_pool3d": _pooled,
    "adaptive_max_pool1d": _pooled, "adaptive_max_pool2d": _pooled, "softmax": _tail_free,
    "log_softmax": _tail_free, "softmin": _tail_free, "embedding": _embedded,
    "tile": _tiled, "getitem": _indexed, "setitem": _indexed, "contiguous": _cleaned, "clone": _cleaned, "detach": _cleaned,
}
for _name in ("t", "T", "mT", "H", "mH", "adjoint"):
    _SPECIAL[_name] = _transposed
