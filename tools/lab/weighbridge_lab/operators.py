"""The cases of fixtures/operators that vision networks beyond the built-in ones need: resizing, indexing,
padding, windows, orders, sums by Einstein, and whole layers.

`tools/make-operator-fixtures` calls `write`, which see for the form of a case. Integers and conditions are
written as numbers under names that begin with `index` and `condition`.
"""

import itertools
import math

import torch
import torch.nn.functional as F
from torch import nn

GENERATOR = torch.Generator().manual_seed(20261126)


def rand(*shape, scale=1.0, shift=0.0):
    """Normal values, representable in float32, as float64."""
    return (torch.randn(*shape, generator=GENERATOR) * scale + shift).double()


def integers(high, *shape, low=0):
    return torch.randint(low, high, shape, generator=GENERATOR)


def special():
    return torch.tensor(
        [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -1.5, 0.75, -0.25, 1, -1, 3, -7.25, 1e-6, 100,
         math.inf, -math.inf, math.nan]
    ).double()


def interpolations(family):
    def case(name, x, mode, align=False, antialias=False, size=None, factor=None, recompute=False):
        keywords = {"align_corners": align} if mode in ("linear", "bilinear", "bicubic", "trilinear") else {}
        if antialias:
            keywords["antialias"] = True

        def run(x):
            return F.interpolate(x, size=size, scale_factor=factor, mode=mode,
                                 recompute_scale_factor=recompute or None, **keywords)

        y = run(x)
        options = {"align": [int(align)], "antialias": [int(antialias)], "size": size or [],
                   "factor": factor or [], "recompute": [int(recompute)]}
        finite = torch.nan_to_num(x, 0, 1, -1)
        # A place rounds in proportion to the image's size, and moves the sample by that much of the
        # difference between two pixels.
        reach = finite.abs().amax() * (2 + max(x.shape[2:]))
        picks = mode in ("nearest", "nearest-exact")
        family.add(name, "interpolate", {"x": x}, y, options, terms=16, text=mode,
                   magnitude=None if picks else reach.expand(y.shape))

    image = rand(2, 3, 5, 7)
    modes = ["nearest", "nearest-exact", "bilinear", "bicubic"]
    for mode, (size, factor) in itertools.product(
            modes + ["area"],
            [((9, 4), None), ((3, 13), None), ((5, 7), None), ((1, 1), None), (None, (2.0, 3.0)),
             (None, (1.7, 0.6)), (None, (0.45, 2.3))]):
        if mode == "area" and factor and factor != (2.0, 3.0):
            continue
        case(f"{mode} to {size or factor}", image, mode, size=size, factor=factor)
    for mode, size in itertools.product(["bilinear", "bicubic"], [(9, 4), (1, 1), (5, 7), (2, 13)]):
        case(f"{mode}, corners aligned, to {size}", image, mode, True, size=size)
    case("bilinear by 1.7, corners aligned", image, "bilinear", True, factor=(1.7, 0.6))
    for mode in modes:
        case(f"{mode}, the factor recomputed", image, mode, factor=(1.7, 0.6), recompute=True)
    for mode, size, align in itertools.product(["bilinear", "bicubic"],
                                               [(2, 3), (9, 3), (11, 13)], [False, True]):
        case(f"{mode} antialiased to {size}, align {align}", rand(1, 2, 8, 11), mode, align, True,
             size=size)
    case("bilinear antialiased by 0.3", rand(1, 1, 11, 9), "bilinear", antialias=True,
         factor=(0.3, 0.4))
    for mode in ("nearest", "nearest-exact", "linear", "area"):
        case(f"{mode} of a sequence", rand(2, 3, 7), mode, size=(11,))
    case("linear of a sequence, corners aligned", rand(2, 3, 7), "linear", True, size=(4,))
    case("trilinear", rand(1, 2, 3, 4, 5), "trilinear", size=(5, 3, 7))
    # Which pixel is the nearest, for many pairs of sizes.
    for mode, inputs in itertools.product(("nearest", "nearest-exact"), (3, 7, 10)):
        row = torch.arange(inputs).double().reshape(1, 1, inputs)
        for outputs in (1, 2, 5, 6, 9, 14, 21, 30):
            case(f"{mode}, {inputs} to {outputs}", row, mode, size=(outputs,))
    broken = rand(1, 1, 4, 4)
    broken[0, 0, 1, 1], broken[0, 0, 3, 0] = math.nan, math.inf
    for mode in modes:
        case(f"{mode} with NaN and infinity", broken, mode, size=(7, 6))


def paddings(family):
    def case(name, x, amounts, mode="constant", value=0.0):
        """`amounts` are before and after, of the last axes in order."""
        flat = [side for pair in reversed(amounts) for side in pair]
        y = F.pad(x, flat, mode=mode, value=value) if mode == "constant" else F.pad(x, flat, mode=mode)
        family.add(name, "pad", {"x": x}, y,
                   {"amounts": [side for pair in amounts for side in pair], "value": [value]},
                   text=mode)

    image = rand(2, 3, 4, 5)
    case("zeros", image, [(1, 2), (0, 3)])
    case("a value on three axes", image, [(1, 0), (2, 1), (0, 2)], value=-1.5)
    case("minus infinity", image, [(1, 1), (1, 1)], value=-math.inf)
    case("taken away", image, [(-1, 2), (1, -2)], value=0.5)
    case("all but one taken away", image, [(-1, -2), (-4, 0)])
    for mode in ("reflect", "replicate", "circular"):
        case(mode, image, [(1, 2), (3, 0)], mode)
        case(f"{mode} of a sequence", rand(2, 3, 5), [(4, 2)], mode)
    case("replicate, more than there is", image, [(6, 2), (0, 9)], "replicate")
    case("circular, as much as there is", image, [(4, 0), (5, 5)], "circular")


def transposed(family):
    def case(name, x, w, bias=True, stride=(1, 1), padding=(0, 0), added=(0, 0), dilation=(1, 1),
             groups=1):
        b = rand(w.shape[1] * groups) if bias else None

        def run(x, w, b):
            return F.conv_transpose2d(x, w, b, stride, padding, added, groups, dilation)

        options = {"stride": stride, "padding": padding, "added": added, "dilation": dilation,
                   "groups": [groups]}
        family.add(name, "transposed_convolution", {"x": x, "weight": w, "bias": b}, run(x, w, b),
                   options, terms=w[:, 0].numel() // groups + 1,
                   magnitude=run(x.abs(), w.abs(), b.abs() if bias else None))

    case("3x3", rand(2, 5, 4, 3), rand(5, 6, 3, 3))
    case("2x2, stride 2", rand(2, 3, 5, 4), rand(3, 7, 2, 2), stride=(2, 2))
    case("3x3, stride 2, padding 1, output padding 1", rand(1, 4, 5, 7), rand(4, 3, 3, 3),
         stride=(2, 2), padding=(1, 1), added=(1, 1))
    case("4x4, stride 2, padding 1, without bias", rand(2, 8, 3, 5), rand(8, 5, 4, 4), bias=False,
         stride=(2, 2), padding=(1, 1))
    case("every number different", rand(2, 3, 4, 5), rand(3, 2, 3, 2), stride=(3, 2),
         padding=(2, 0), added=(1, 0), dilation=(2, 3))
    case("dilation 2 with output padding 1", rand(1, 2, 4, 4), rand(2, 3, 3, 3), dilation=(2, 2),
         added=(1, 1))
    case("groups", rand(2, 6, 3, 4), rand(6, 4, 3, 3), stride=(2, 1), padding=(1, 1), groups=3)
    case("depthwise", rand(1, 5, 4, 3), rand(5, 1, 2, 3), stride=(2, 2), groups=5)
    case("stride beyond the kernel", rand(1, 2, 3, 3), rand(2, 3, 2, 2), stride=(4, 3))
    case("a pixel", rand(2, 9, 1, 1), rand(9, 4, 3, 5))
    case("many channels", rand(1, 67, 3, 3), rand(67, 35, 2, 2), stride=(2, 2))


def windows(family):
    def unfold(name, x, kernel, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
        options = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
        columns = F.unfold(x, kernel, dilation, padding, stride)
        family.add(name, "unfold", {"x": x}, columns, options)
        size = x.shape[2:]

        def fold(columns):
            return F.fold(columns, size, kernel, dilation, padding, stride)

        columns = rand(*columns.shape)
        family.add(name, "fold", {"x": columns}, fold(columns), {**options, "size": list(size)},
                   terms=math.prod(kernel), magnitude=fold(columns.abs()))

    unfold("2x2, stride 2", rand(2, 3, 4, 6), (2, 2), (2, 2))
    unfold("3x3, padding 1", rand(1, 2, 5, 4), (3, 3), padding=(1, 1))
    unfold("every number different", rand(2, 2, 9, 8), (3, 2), (2, 3), (2, 1), (2, 3))

    def adaptive(name, x, size):
        family.add(name, "adaptive_max_pool", {"x": x}, F.adaptive_max_pool2d(x, size),
                   {"size": size})

    adaptive("to one", rand(2, 5, 7, 9), (1, 1))
    adaptive("to 3x2", rand(1, 4, 7, 9), (3, 2))
    adaptive("to more cells than there are", rand(1, 3, 3, 4), (7, 5))
    broken = rand(1, 1, 4, 5)
    broken[0, 0, 1, 1] = math.nan
    adaptive("NaN", broken, (2, 2))
    for name, size, given in (("height kept", (None, 1), (-1, 1)), ("width kept", (2, None), (2, -1))):
        x = rand(1, 2, 5, 4)
        family.add(name, "adaptive_avg_pool", {"x": x}, F.adaptive_avg_pool2d(x, size),
                   {"size": given}, terms=20, magnitude=F.adaptive_avg_pool2d(x.abs(), size))
    x = rand(2, 12, 3, 2)
    family.add("by 2", "pixel_shuffle", {"x": x}, F.pixel_shuffle(x, 2), {"factor": [2]})
    x = rand(2, 3, 6, 9)
    family.add("by 3", "pixel_unshuffle", {"x": x}, F.pixel_unshuffle(x, 3), {"factor": [3]})
    x = rand(3, 9, 4)
    family.add("of axis 1", "windows", {"x": x}, x.unfold(1, 4, 2), {"axis": [1], "size": [4], "step": [2]})


def selections(family):
    x = rand(4, 5, 3)
    for axis, shape in ((0, (7,)), (1, (2, 3)), (2, ()), (-1, (2, 1, 2))):
        index = integers(x.shape[axis], *shape, low=-x.shape[axis])
        family.add(f"axis {axis} by {list(shape)}", "index", {"x": x, "index": index},
                   x[(slice(None),) * (axis % 3) + (index,)], {"axis": [axis]})
    image = rand(2, 5, 3, 4)
    index = torch.tensor([4, 0, 0, -1])
    family.add("the channels of an image", "index", {"x": image, "index": index}, image[:, index],
               {"axis": [1]})
    index = integers(3, 6)
    family.add("the rows of an image", "index", {"x": image, "index": index}, image[:, :, index],
               {"axis": [2]})

    def several(name, x, axes, indices):
        key = [slice(None)] * x.dim()
        for axis, index in zip(axes, indices):
            key[axis] = index
        inputs = {f"index{i}": index for i, index in enumerate(indices)}
        family.add(name, "indices", {"x": x, **inputs}, x[tuple(key)], {"axes": axes})

    several("the first two axes", image, (0, 1), (integers(2, 6), integers(5, 6)))
    several("two axes in the middle, broadcast", image, (1, 2), (integers(5, 3, 1), integers(3, 4)))
    several("axes apart", image, (0, 2), (integers(2, 3), integers(3, 3)))
    several("the last two, negative", image, (2, 3), (integers(0, 2, low=-3), integers(0, 2, low=-4)))

    for axis in range(3):
        shape = list(x.shape)
        shape[axis] = 6
        index = integers(x.shape[axis], *shape)
        family.add(f"along axis {axis}", "gather", {"x": x, "index": index}, x.gather(axis, index),
                   {"axis": [axis]})
    index = integers(4, 2, 3, 1)
    family.add("of a part", "gather", {"x": x, "index": index}, x.gather(0, index), {"axis": [0]})

    a, b = rand(3, 1, 4), rand(5, 1)
    a[0, 0, 0], b[1, 0], a[1, 0, 1] = math.nan, math.nan, b[2, 0]
    for name, function in {"equal": torch.eq, "not_equal": torch.ne, "less": torch.lt,
                           "less_or_equal": torch.le, "greater": torch.gt,
                           "greater_or_equal": torch.ge}.items():
        family.add("broadcast", name, {"x": a, "other": b}, function(a, b).double())
        family.add("with a number", name, {"x": special()},
                   function(special(), 0.5).double(), {"number": [0.5]})
    condition = integers(2, 3, 5, 1).bool()
    family.add("all broadcast", "choose", {"x": a, "other": b, "condition": condition},
               torch.where(condition, b, a))
    condition = integers(2, 2, 1, 3, 4).bool()
    other = rand(2, 5, 3, 4)
    family.add("an image", "choose", {"x": image, "other": other, "condition": condition},
               torch.where(condition, other, image))
    family.add("a number", "fill", {"x": image, "condition": condition},
               image.masked_fill(condition, -math.inf), {"number": [-math.inf]})

    def assigned(name, x, axis, first, last, step, part):
        y = x.clone()
        key = [slice(None)] * x.dim()
        key[axis] = slice(first, last, step)
        y[tuple(key)] = part
        family.add(name, "replace", {"x": x, "part": part}, y,
                   {"axis": [axis], "range": [first, last], "step": [step]})

    assigned("the middle", image, 1, 1, 4, 1, rand(2, 3, 3, 4))
    assigned("the beginning, broadcast", image, 3, 0, 2, 1, rand(1))
    assigned("every second", image, 2, 0, 3, 2, rand(2, 5, 2, 4))
    assigned("every third from the second", x, 1, 1, 5, 3, rand(3))
    y = image.clone()
    part = rand(1, 2, 2)
    y[:, 1:3, 0:2, 2:4] = part
    family.add("a box", "replace_box", {"x": image, "part": part}, y, {"ranges": [0, 2, 1, 3, 0, 2, 2, 4]})
    family.add("two axes", "roll", {"x": image}, image.roll((1, -2), (2, 3)),
               {"shifts": [1, -2], "axes": [2, 3]})
    family.add("further than there is", "roll", {"x": x}, x.roll(12, 1), {"shifts": [12], "axes": [1]})
    family.add("axes in front", "repeat", {"x": x}, x.repeat(2, 1, 3, 2), {"counts": [2, 1, 3, 2]})
    family.add("none", "repeat", {"x": x}, x.repeat(1, 0, 2), {"counts": [1, 0, 2]})
    family.add("elements", "repeat_elements", {"x": x}, x.repeat_interleave(3, 1),
               {"count": [3], "axis": [1]})
    square = rand(3, 4, 4)
    family.add("of two axes", "diagonal", {"x": square}, square.diagonal(dim1=1, dim2=2),
               {"axes": [1, 2]})


def orders(family):
    x = rand(3, 6, 4)
    x[0, 1, 2], x[1, 2, 0], x[1, 3, 0] = math.nan, math.inf, x[1, 0, 0]
    x[2, :, 1] = torch.tensor([1.0, 2, 1, 2, 0, 2])
    for axis, descending in itertools.product((0, 1, -1), (False, True)):
        values, indices = x.sort(dim=axis, descending=descending, stable=True)
        options = {"axis": [axis], "descending": [int(descending)]}
        family.add(f"axis {axis}, descending {descending}", "sort", {"x": x}, values, options)
        family.add(f"axis {axis}, descending {descending}", "sort_indices", {"x": x},
                   indices.double(), options)
    distinct = rand(4, 9)
    for largest in (True, False):
        values, indices = distinct.topk(3, dim=1, largest=largest)
        options = {"count": [3], "axis": [1], "largest": [int(largest)]}
        family.add(f"largest {largest}", "topk", {"x": distinct}, values, options)
        family.add(f"largest {largest}", "topk_indices", {"x": distinct}, indices.double(), options)
    for axis in (0, 1, 2):
        for name, function in (("max", torch.max), ("min", torch.min)):
            values, indices = function(x, dim=axis)
            family.add(f"axis {axis}", name, {"x": x}, values, {"axis": [axis]})
            family.add(f"axis {axis}", f"{name}_indices", {"x": x}, indices.double(), {"axis": [axis]})
    for axis, shape in ((1, (3, 7)), (0, (5, 3)), (1, (2, 5, 3, 4)), (3, (2, 5, 3, 4))):
        y = rand(*shape)
        family.add(f"{list(shape)} along {axis}", "cumsum", {"x": y}, y.cumsum(axis), {"axis": [axis]},
                   terms=shape[axis], magnitude=y.abs().cumsum(axis))


def functions(family):
    x = torch.cat([special(), rand(31, scale=3)])
    small = {"rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal, "expm1": torch.expm1,
             "log1p": torch.log1p, "erf": torch.erf, "round": torch.round, "floor": torch.floor,
             "ceil": torch.ceil, "trunc": torch.trunc, "sign": torch.sign}
    for name, function in small.items():
        family.add(name, name, {"x": x}, function(x), terms=4)
    for exponent in (0.5, 2, 3, -0.5, -1, -2, 0, 1, 1.75, -0.25, 4):
        # An exponent's rounding error is a relative error of the power.
        family.add(f"to {exponent}", "pow", {"x": x}, x.pow(exponent), {"exponent": [exponent]},
                   terms=16)
    a, b = torch.cat([special(), rand(14, scale=5)]), torch.cat([rand(16, scale=2), special()[2:]])
    for name, function in {"power": torch.pow, "floor_divide": torch.floor_divide,
                           "remainder": torch.remainder}.items():
        if name == "power":
            family.add("powers", name, {"x": a.abs(), "other": b}, function(a.abs(), b), terms=64)
        else:
            # Numbers whose quotients are exact in both precisions.
            a2, b2 = (a * 8).round() / 8, (b * 2).round() / 2
            family.add("quotients", name, {"x": a2, "other": b2}, function(a2, b2), terms=4)
    x = rand(2, 5, 3, 4)
    for p, axis in itertools.product((1, 2, 3, 0, math.inf, -math.inf, 0.5), (1, -1)):
        y = torch.linalg.vector_norm(x, p, dim=axis, keepdim=True)
        family.add(f"p {p}, axis {axis}", "norm", {"x": x}, y, {"p": [p], "axis": [axis]}, terms=64)
    for p, axis in ((2, 1), (2, -1), (1, 1), (math.inf, 2)):
        family.add(f"p {p}, axis {axis}", "normalize", {"x": x}, F.normalize(x, p, axis),
                   {"p": [p], "axis": [axis]}, terms=64)
    zero = torch.zeros(2, 3).double()
    family.add("zeros", "normalize", {"x": zero}, F.normalize(zero), {"p": [2], "axis": [1]})
    for axes, correction in itertools.product(((1,), (2, 3), (0, 1, 2, 3)), (0, 1)):
        y = x.var(dim=axes, correction=correction)
        options = {"axes": axes, "correction": [correction]}
        scale = (x * x).mean(dim=axes) * 4
        family.add(f"axes {axes}, correction {correction}", "variance", {"x": x}, y, options, terms=64,
                   magnitude=scale)
        family.add(f"axes {axes}, correction {correction}", "deviation", {"x": x}, y.sqrt(), options,
                   terms=64, magnitude=scale / y.sqrt())
    family.add("sum of all", "sum_all", {"x": x}, x.sum(), terms=x.numel(), magnitude=x.abs().sum())
    family.add("mean of all", "mean_all", {"x": x}, x.mean(), terms=x.numel(), magnitude=x.abs().mean())
    lines = rand(3, 7, scale=5)
    lines[1, :] = -math.inf
    lines[2, 3] = math.inf
    family.add("rows", "logsumexp", {"x": lines}, lines.logsumexp(1), {"axis": [1]}, terms=16)
    for axes, affine in itertools.product((1, 2), (True, False)):
        y = rand(2, 3, 5, 7)
        w = rand(*y.shape[-axes:]) if affine else None
        expected = F.rms_norm(y, y.shape[-axes:], w, 1e-5)
        family.add(f"{axes} axes, weight {affine}", "rms_norm", {"x": y, "weight": w}, expected,
                   {"axes": [axes], "epsilon": [1e-5]}, terms=35)
    a, b = rand(5, 1, 4), rand(3, 1)
    y = rand(3, 4)
    family.add("broadcast", "addcmul", {"x": y, "other": a, "third": b}, torch.addcmul(y, a, b, value=-0.75),
               {"value": [-0.75]}, terms=3, magnitude=y.abs() + 0.75 * (a * b).abs())
    low, high = rand(3, 1, shift=-0.5), rand(4, shift=0.5)
    low[1, 0] = math.nan
    y = torch.where(y > 2, math.nan, y)
    family.add("to tensors", "clamp_tensors", {"x": y, "other": low, "third": high}, y.clamp(low, high))
    w, gain = rand(6, 3, 3, 2), rand(6, 1, 1, 1)

    def standardized(w, gain, epsilon):
        return F.batch_norm(w.reshape(1, 6, -1), None, None, None if gain is None else gain.view(-1),
                            training=True, momentum=0.0, eps=epsilon).reshape_as(w)

    for name, own in (("with gain", gain), ("without gain", None)):
        family.add(name, "standardize", {"x": w, "gain": own}, standardized(w, own, 1e-6),
                   {"epsilon": [1e-6]}, terms=64, magnitude=(w.abs() + 1) * (1 if own is None else own.abs()) * 2)


def einsums(family):
    def case(equation, *operands):
        y = torch.einsum(equation, *operands)
        names = ["x", "other", "third"]
        family.add(equation, "einsum", dict(zip(names, operands)), y, terms=64, text=equation,
                   magnitude=torch.einsum(equation, *[o.abs() for o in operands]))

    case("bhnd,bhmd->bhnm", rand(2, 3, 5, 4), rand(2, 3, 6, 4))
    case("bhnm,bhmd->bhnd", rand(2, 3, 5, 6), rand(2, 3, 6, 4))
    case("bhwc,hkc->bhwk", rand(2, 3, 4, 5), rand(3, 6, 5))
    case("nchw,kc->nkhw", rand(2, 5, 3, 4), rand(7, 5))
    case("ij,j", rand(3, 4), rand(4))
    case("ij,jk", rand(3, 4), rand(4, 2))
    case("i,j->ji", rand(3), rand(4))
    case("ijk->ki", rand(3, 4, 5))
    case("ii->i", rand(4, 4))
    case("iji->j", rand(3, 4, 3))
    case("...ij,...jk->...ik", rand(2, 1, 3, 4), rand(5, 4, 2))
    case("...i,...i", rand(2, 3, 4), rand(3, 4))
    case("b i d, b j d -> b i j", rand(2, 3, 4), rand(2, 5, 4))
    case("ab,bc,cd->ad", rand(2, 3), rand(3, 4), rand(4, 5))
    case("ij,ij->", rand(3, 4), rand(3, 4))
    case("bij,bjk->bik", rand(1, 3, 4), rand(5, 4, 2))


def layers(family):
    """Whole modules of torch.nn, with their parameters as inputs `p.<name>`."""

    def parameters(module):
        for parameter in module.parameters():
            parameter.data = (torch.randn(parameter.shape, generator=GENERATOR) * 0.5).float().double()
        return {f"p.{name}": tensor.detach() for name, tensor in module.state_dict().items()}

    def attention(name, width, heads, inputs, masks=None, weights=False, average=True, **options):
        module = nn.MultiheadAttention(width, heads, **options).double().eval()
        state = parameters(module)
        q, k, v = inputs
        masks = masks or {}
        given = {"attn_mask": masks.get("mask"), "key_padding_mask": masks.get("padding")}
        with torch.no_grad():
            y, scores = module(q, k, v, need_weights=True, average_attn_weights=average, **given)
        arrays = {"x": q, "key": k, "value": v, **state}
        for key, mask in (("mask", masks.get("mask")), ("padding", masks.get("padding"))):
            if mask is not None:
                arrays[("condition_" if mask.dtype == torch.bool else "") + key] = mask
        numbers = {
            "width": [width], "heads": [heads], "bias": [int(options.get("bias", True))],
            "batch_first": [int(options.get("batch_first", False))],
            "key_width": [options.get("kdim") or width], "value_width": [options.get("vdim") or width],
            "bias_kv": [int(options.get("add_bias_kv", False))],
            "zero": [int(options.get("add_zero_attn", False))], "average": [int(average)],
        }
        family.add(name, "attention_weights" if weights else "attention", arrays,
                   scores if weights else y, numbers, terms=400)

    q = rand(5, 2, 8)
    attention("self-attention", 8, 2, (q, q, q))
    attention("batch first", 8, 4, (rand(2, 5, 8), rand(2, 3, 8), rand(2, 3, 8)), batch_first=True)
    attention("without bias", 6, 3, (rand(4, 1, 6), rand(5, 1, 6), rand(5, 1, 6)), bias=False)
    attention("keys and values of other widths", 8, 2, (q, rand(3, 2, 5), rand(3, 2, 7)), kdim=5, vdim=7)
    attention("one width for all but values", 8, 2, (q, rand(3, 2, 8), rand(3, 2, 4)), vdim=4)
    attention("a learned key and value", 8, 2, (q, q, q), add_bias_kv=True)
    attention("a zero key and value", 8, 2, (q, q, q), add_zero_attn=True)
    causal = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
    attention("a causal mask", 8, 2, (q, q, q), {"mask": causal})
    attention("a mask to add", 8, 2, (q, q, q), {"mask": rand(5, 5)})
    attention("a mask for each head", 8, 2, (q, q, q), {"mask": rand(4, 5, 5)})
    padding = torch.zeros(2, 5, dtype=torch.bool)
    padding[1, 3:] = True
    attention("padding", 8, 2, (q, q, q), {"padding": padding})
    attention("both masks and more keys", 8, 2, (q, q, q), {"padding": padding, "mask": causal},
              add_bias_kv=True, add_zero_attn=True)
    attention("the weights", 8, 2, (q, q, q), weights=True)
    attention("the weights of each head", 8, 4, (q, q, q), weights=True, average=False)

    def recurrent(kind, name, x, hidden, state=None, **options):
        inputs = x.shape[-1]
        module = getattr(nn, kind)(inputs, hidden, **options).double().eval()
        values = parameters(module)
        with torch.no_grad():
            y, last = module(x, state) if state is not None else module(x)
        numbers = {
            "inputs": [inputs], "hidden": [hidden], "layers": [options.get("num_layers", 1)],
            "bias": [int(options.get("bias", True))],
            "batch_first": [int(options.get("batch_first", False))],
            "bidirectional": [int(options.get("bidirectional", False))],
        }
        arrays = {"x": x, **values}
        if state is not None:
            states = state if isinstance(state, tuple) else (state,)
            arrays.update({f"state{i}": tensor for i, tensor in enumerate(states)})
        outputs = [y, *(last if isinstance(last, tuple) else (last,))]
        for place, output in enumerate(outputs):
            family.add(f"{name}, output {place}", kind.lower(), arrays, output,
                       {**numbers, "output": [place]}, terms=400)

    for kind, count in (("LSTM", 2), ("GRU", 1)):
        def states(*shape):
            return (rand(*shape), rand(*shape)) if count == 2 else rand(*shape)

        recurrent(kind, "one layer", rand(4, 2, 3), 5)
        recurrent(kind, "two layers both ways, batch first", rand(2, 4, 3), 2, num_layers=2,
                  bidirectional=True, batch_first=True)
        recurrent(kind, "with states", rand(3, 2, 4), 3, states(2, 2, 3), bidirectional=True)
        recurrent(kind, "without bias or batch", rand(4, 3), 2, bias=False)


def products(family):
    def product(x, axes):
        for axis in axes:
            x = x.prod(axis, keepdim=True)
        return x

    def case(name, x, axes):
        family.add(name, "prod", {"x": x}, product(x, axes), {"axes": axes},
                   terms=math.prod(x.shape[axis] for axis in axes))

    for shape, axes in (((2, 5, 3, 4), (2, 3)), ((2, 5, 3, 4), (1,)), ((2, 5, 3, 4), (0, 2)),
                        ((2, 5, 3, 4), (0, 1, 2, 3)), ((3, 7), (0,)), ((3, 7), (1,)), ((3, 1), (1,)),
                        ((2, 3, 301), (2,)), ((301, 5), (0,)), ((2, 301, 3), (1,))):
        # Near 1 and -1: a long product of others leaves float32.
        x = rand(*shape).sign() + rand(*shape, scale=0.03125)
        case(f"{shape} over {axes}", x.float().double(), axes)
    case("no elements", rand(3, 0), (1,))
    row = rand(4, 5)
    row[0, 2] = 0
    row[1, 2] = math.nan
    row[2, 3] = -math.inf
    row[3, 1], row[3, 4] = 0, math.inf
    case("zero, NaN and infinity", row, (1,))
    case("zero, NaN and infinity, by column", row.T.contiguous(), (0,))


def all_families():
    return {
        "interpolation": interpolations, "padding": paddings, "transposed": transposed,
        "windows": windows, "selection": selections, "ordering": orders, "functions": functions,
        "einsum": einsums, "layers": layers, "products": products,
    }


def write(family_type):
    """Writes one file for each family; `family_type(name)` has `add` and `write`."""
    for name, make in all_families().items():
        family = family_type(name)
        make(family)
        family.write()
