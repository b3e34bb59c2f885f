"""The functions that a recorded network may call, and PyTorch's other names for them.

SIGNATURES is part of the format (NETWORK.md); its names are PyTorch's.
"""

from __future__ import annotations

import inspect

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
    "log_sigmoid": "logsigmoid", "reshape_as": "view_as", "_softmax": "softmax", "zero": "fill",
    "max_pool2d_with_indices": "max_pool2d", "adaptive_max_pool2d_with_indices":
    "adaptive_max_pool2d", "as_tensor": "tensor", "scalar_tensor": "tensor",
    "_threshold": "threshold", "arctan": "atan", "arctan2": "atan2", "fix": "trunc", "select_copy": "select",
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
# Gives another result each time.
RANDOM = {
    "rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "bernoulli",
    "multinomial", "normal", "normal_", "uniform_", "random_", "bernoulli_", "exponential_",
    "poisson", "gumbel_softmax", "rrelu",
}
# What tells something about a tensor, or makes no tensor at all, and is no part of a program.
ABOUT = {
    "dim", "ndim", "ndimension", "dtype", "device", "layout", "requires_grad", "is_leaf", "grad",
    "grad_fn", "is_cuda", "is_cpu", "is_mps", "is_sparse", "is_quantized", "is_meta", "is_nested",
    "is_contiguous", "is_floating_point", "is_complex", "is_signed", "stride", "storage_offset",
    "element_size", "itemsize", "nbytes", "_version", "_base", "data_ptr", "get_device", "names",
    "is_same_size", "is_pinned", "type", "_is_view", "is_inference", "retains_grad", "is_xpu",
    "can_cast", "result_type", "promote_types", "is_tensor", "__hash__", "__repr__", "__format__",
    "__str__", "__deepcopy__", "untyped_storage", "_set_grad_enabled", "is_storage", "output_nr",
    "_is_zerotensor", "is_neg", "is_conj", "is_mkldnn", "is_vulkan", "is_ipu", "is_maia", "is_mtia",
    "is_xla", "is_ort", "is_sparse_csr", "_is_any_true", "__dir__", "__dlpack__", "numel", "nelement",
    "set_default_dtype", "get_default_dtype", "get_default_device", "compile", "_unsafe_view_check",
    "broadcast_shapes",
}
# What hands a tensor's values to Python.
READS = {
    "item", "tolist", "__bool__", "__int__", "__float__", "__index__", "__complex__", "numpy",
    "__array__", "__contains__", "equal", "allclose", "is_nonzero", "nonzero", "unique",
    "masked_select", "argwhere", "unique_consecutive", "bincount",
}
# What gives the same values under the same name.
SAME = {"data", "requires_grad_", "detach_", "cpu", "cuda", "share_memory_", "pin_memory", "real",
         "retain_grad", "as_subclass", "resolve_conj", "resolve_neg"}



def _signature(line: str) -> tuple[str, inspect.Signature]:
    name, _, rest = line.partition("(")
    return name, inspect.signature(eval(f"lambda {rest[:-1]}: None"))


VOCABULARY = dict(_signature(line) for line in SIGNATURES.split("\n") if line)
