"""The functions that a recorded network may call, and how PyTorch's many spellings become one.

`x.flatten(1)`, `torch.flatten(x, start_dim=1)` and `nn.Flatten()(x)` are all written as `flatten` with
`input`, `start_dim` and `end_dim`: every argument by name, defaults filled in. SIGNATURES is the
vocabulary; it is part of the format (NETWORK.md), and its names are PyTorch's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# One function a line. A star takes the rest: sizes may be given one by one or as one list.
SIGNATURES = """
conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)
conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)
conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)
conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1)
conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1)
conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1)
linear(input, weight, bias=None)
bilinear(input1, input2, weight, bias=None)
embedding(input, weight)
batch_norm(input, running_mean=None, running_var=None, weight=None, bias=None, training=False, eps=1e-05)
layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05)
group_norm(input, num_groups, weight=None, bias=None, eps=1e-05)
instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, eps=1e-05)
rms_norm(input, normalized_shape, weight=None, eps=None)
local_response_norm(input, size, alpha=0.0001, beta=0.75, k=1.0)
normalize(input, p=2.0, dim=1, eps=1e-12)
max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False)
max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False)
max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False)
avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True)
avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None)
avg_pool3d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None)
lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False)
lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False)
adaptive_avg_pool1d(input, output_size)
adaptive_avg_pool2d(input, output_size)
adaptive_avg_pool3d(input, output_size)
adaptive_max_pool1d(input, output_size, return_indices=False)
adaptive_max_pool2d(input, output_size, return_indices=False)
max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None)
relu(input)
relu6(input)
elu(input, alpha=1.0)
selu(input)
celu(input, alpha=1.0)
gelu(input, approximate='none')
silu(input)
mish(input)
sigmoid(input)
tanh(input)
hardtanh(input, min_val=-1.0, max_val=1.0)
hardswish(input)
hardsigmoid(input)
hardshrink(input, lambd=0.5)
softshrink(input, lambd=0.5)
tanhshrink(input)
leaky_relu(input, negative_slope=0.01)
prelu(input, weight)
softplus(input, beta=1, threshold=20)
softsign(input)
logsigmoid(input)
threshold(input, threshold, value)
glu(input, dim=-1)
softmax(input, dim=None, dtype=None)
softmin(input, dim=None, dtype=None)
log_softmax(input, dim=None, dtype=None)
dropout(input, p=0.5, training=True)
dropout1d(input, p=0.5, training=True)
dropout2d(input, p=0.5, training=True)
dropout3d(input, p=0.5, training=True)
alpha_dropout(input, p=0.5, training=False)
feature_alpha_dropout(input, p=0.5, training=False)
add(input, other, alpha=1)
sub(input, other, alpha=1)
mul(input, other)
div(input, other, rounding_mode=None)
floor_divide(input, other)
remainder(input, other)
fmod(input, other)
pow(input, exponent)
maximum(input, other)
minimum(input, other)
atan2(input, other)
hypot(input, other)
eq(input, other)
ne(input, other)
lt(input, other)
le(input, other)
gt(input, other)
ge(input, other)
logical_and(input, other)
logical_or(input, other)
logical_xor(input, other)
logical_not(input)
bitwise_and(input, other)
bitwise_or(input, other)
bitwise_xor(input, other)
bitwise_not(input)
neg(input)
abs(input)
exp(input)
exp2(input)
expm1(input)
log(input)
log2(input)
log10(input)
log1p(input)
sqrt(input)
rsqrt(input)
square(input)
reciprocal(input)
sin(input)
cos(input)
tan(input)
sinh(input)
cosh(input)
asin(input)
acos(input)
atan(input)
erf(input)
erfc(input)
floor(input)
ceil(input)
round(input, decimals=0)
trunc(input)
frac(input)
sign(input)
logit(input, eps=None)
isnan(input)
isinf(input)
isfinite(input)
nan_to_num(input, nan=0.0, posinf=None, neginf=None)
clamp(input, min=None, max=None)
addcmul(input, tensor1, tensor2, value=1)
addcdiv(input, tensor1, tensor2, value=1)
lerp(input, end, weight)
where(condition, input, other)
masked_fill(input, mask, value)
sum(input, dim=None, keepdim=False, dtype=None)
mean(input, dim=None, keepdim=False, dtype=None)
prod(input, dim=None, keepdim=False, dtype=None)
amax(input, dim=None, keepdim=False)
amin(input, dim=None, keepdim=False)
max(input, dim=None, keepdim=False)
min(input, dim=None, keepdim=False)
any(input, dim=None, keepdim=False)
all(input, dim=None, keepdim=False)
argmax(input, dim=None, keepdim=False)
argmin(input, dim=None, keepdim=False)
std(input, dim=None, correction=1, keepdim=False)
var(input, dim=None, correction=1, keepdim=False)
std_mean(input, dim=None, correction=1, keepdim=False)
var_mean(input, dim=None, correction=1, keepdim=False)
norm(input, p='fro', dim=None, keepdim=False, dtype=None)
vector_norm(input, ord=2, dim=None, keepdim=False, dtype=None)
logsumexp(input, dim, keepdim=False)
cumsum(input, dim, dtype=None)
cumprod(input, dim, dtype=None)
median(input, dim=None, keepdim=False)
topk(input, k, dim=-1, largest=True, sorted=True)
sort(input, dim=-1, descending=False, stable=False)
argsort(input, dim=-1, descending=False, stable=False)
matmul(input, other)
bmm(input, mat2)
mm(input, mat2)
mv(input, vec)
dot(input, other)
outer(input, vec2)
addmm(input, mat1, mat2, beta=1, alpha=1)
baddbmm(input, batch1, batch2, beta=1, alpha=1)
einsum(equation, *operands)
tensordot(a, b, dims=2)
scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False)
multi_head_attention_forward(query, key, value, embed_dim_to_check, num_heads, in_proj_weight, in_proj_bias, bias_k, bias_v, add_zero_attn, dropout_p, out_proj_weight, out_proj_bias, training=True, key_padding_mask=None, need_weights=True, attn_mask=None, use_separate_proj_weight=False, q_proj_weight=None, k_proj_weight=None, v_proj_weight=None, static_k=None, static_v=None, average_attn_weights=True, is_causal=False)
cosine_similarity(x1, x2, dim=1, eps=1e-08)
cdist(x1, x2, p=2.0)
lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
gru(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
reshape(input, *shape)
flatten(input, start_dim=0, end_dim=-1)
unflatten(input, dim, sizes)
squeeze(input, dim=None)
unsqueeze(input, dim)
permute(input, *dims)
transpose(input, dim0, dim1)
movedim(input, source, destination)
expand(input, *sizes)
expand_as(input, other)
view_as(input, other)
repeat(input, *repeats)
repeat_interleave(input, repeats, dim=None, output_size=None)
cat(tensors, dim=0)
stack(tensors, dim=0)
split(input, split_size_or_sections, dim=0)
tensor_split(input, indices_or_sections, dim=0)
chunk(input, chunks, dim=0)
unbind(input, dim=0)
narrow(input, dim, start, length)
select(input, dim, index)
index_select(input, dim, index)
gather(input, dim, index)
take_along_dim(input, indices, dim=None)
scatter(input, dim, index, src)
index_add(input, dim, index, source, alpha=1)
flip(input, *dims)
roll(input, shifts, dims=None)
rot90(input, k=1, dims=(0, 1))
pad(input, pad, mode='constant', value=None)
unfold(input, kernel_size, dilation=1, padding=0, stride=1)
unfold_dim(input, dimension, size, step)
fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1)
pixel_shuffle(input, upscale_factor)
pixel_unshuffle(input, downscale_factor)
channel_shuffle(input, groups)
interpolate(input, size=None, scale_factor=None, mode='nearest', align_corners=None, recompute_scale_factor=None, antialias=False)
grid_sample(input, grid, mode='bilinear', padding_mode='zeros', align_corners=None)
affine_grid(theta, size, align_corners=None)
meshgrid(*tensors, indexing='ij')
tril(input, diagonal=0)
triu(input, diagonal=0)
diagonal(input, offset=0, dim1=0, dim2=1)
one_hot(input, num_classes=-1)
getitem(input, index)
setitem(input, index, value)
copy(input, src)
fill(input, value)
clone(input)
contiguous(input)
detach(input)
to(input, dtype)
arange(start, end, step=1, dtype=None)
linspace(start, end, steps, dtype=None)
zeros(*size, dtype=None)
ones(*size, dtype=None)
empty(*size, dtype=None)
full(size, fill_value, dtype=None)
eye(n, m=None, dtype=None)
tensor(data, dtype=None)
zeros_like(input, dtype=None)
ones_like(input, dtype=None)
empty_like(input, dtype=None)
full_like(input, fill_value, dtype=None)
new_zeros(input, *size, dtype=None)
new_ones(input, *size, dtype=None)
new_empty(input, *size, dtype=None)
new_full(input, size, fill_value, dtype=None)
weight_norm(v, g, dim=0)
numel(input)
"""

# Other names of the same thing.
SYNONYMS = {
    "view": "reshape", "concat": "cat", "concatenate": "cat", "clip": "clamp", "absolute": "abs",
    "multiply": "mul", "subtract": "sub", "divide": "div", "true_divide": "div",
    "__truediv__": "div", "negative": "neg", "swapaxes": "transpose", "swapdims": "transpose",
    "moveaxis": "movedim", "mod": "remainder", "__and__": "bitwise_and", "__or__": "bitwise_or",
    "__xor__": "bitwise_xor", "__invert__": "bitwise_not", "__eq__": "eq", "__ne__": "ne",
    "__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge", "greater": "gt", "less": "lt",
    "__floordiv__": "floor_divide", "__pow__": "pow", "__matmul__": "matmul", "__add__": "add",
    "__sub__": "sub", "__mul__": "mul", "__mod__": "remainder", "__neg__": "neg",
    "__getitem__": "getitem", "__setitem__": "setitem", "linalg_vector_norm": "vector_norm",
    "special_expit": "sigmoid", "upsample": "interpolate",
    "upsample_bilinear": "interpolate", "_weight_norm": "weight_norm", "ravel": "flatten",
    "log_sigmoid": "logsigmoid", "_softmax": "softmax", "zero": "fill",
    "max_pool2d_with_indices": "max_pool2d", "adaptive_max_pool2d_with_indices":
    "adaptive_max_pool2d", "as_tensor": "tensor", "scalar_tensor": "tensor",
    "arctan": "atan", "arctan2": "atan2", "fix": "trunc", "select_copy": "select",
}
# Functions of two arguments that PyTorch calls with the second one first.
SWAPPED = {
    "__rsub__": "sub", "rsub": "sub", "__rdiv__": "div", "__rtruediv__": "div", "__rpow__": "pow",
    "__rfloordiv__": "floor_divide", "__rmatmul__": "matmul", "__radd__": "add", "__rmul__": "mul",
    "__rmod__": "remainder",
}
# What changes no value, or only how fast one is there.
IGNORED = {
    "inplace", "device", "memory_format", "layout", "pin_memory", "non_blocking", "copy",
    "requires_grad", "_stacklevel", "momentum", "padding_idx", "max_norm", "norm_type",
    "scale_grad_by_freq", "sparse", "cudnn_enable", "cudnn_enabled", "implicit", "out", "generator",
    "compute_mode",
}
# Other names of arguments.
ARGUMENTS = {
    "self": "input", "tensor": "input", "axis": "dim", "axes": "dims", "keepdims": "keepdim",
    "split_size": "split_size_or_sections", "split_sizes": "split_size_or_sections", "a": "input",
    "size": "sizes", "shape": "size", "x": "input", "boxes": "input", "divisor": "other",
}
CASTS = {
    "float": torch.float32, "double": torch.float64, "half": torch.float16, "long": torch.int64,
    "int": torch.int32, "short": torch.int16, "bool": torch.bool, "bfloat16": torch.bfloat16,
    "byte": torch.uint8, "char": torch.int8,
}
# Gives another result each time.
RANDOM = {
    "rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "bernoulli",
    "multinomial", "normal", "normal_", "uniform_", "random_", "bernoulli_", "exponential_",
    "poisson", "gumbel_softmax", "rrelu",
}
_DROPOUTS = {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout",
             "feature_alpha_dropout"}


def _signature(line: str) -> tuple[str, inspect.Signature]:
    name, _, rest = line.partition("(")
    return name, inspect.signature(eval(f"lambda {rest[:-1]}: None"))


VOCABULARY = dict(_signature(line) for line in SIGNATURES.split("\n") if line)
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
    "getitem": _indexed, "setitem": _indexed, "contiguous": _cleaned, "clone": _cleaned, "detach": _cleaned,
}
for _name in ("t", "T", "mT", "H", "mH", "adjoint"):
    SYNONYMS[_name] = _name
    _SPECIAL[_name] = _transposed
