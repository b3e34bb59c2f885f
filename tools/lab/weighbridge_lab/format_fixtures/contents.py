"""What the files hold, and the lists of what must be read of them."""

import json

import numpy as np

from ..live import ROOT as PROJECT

ROOT = PROJECT / "fixtures/formats"
# file -> name -> {dtype, shape, values}
expected: dict = {}
# file -> {code, says}: the error that opening or reading it must give
hostile: dict = {}


def number(x):
    x = x.item()
    return x if not isinstance(x, float) or np.isfinite(x) else str(x)


def describe(arrays):
    return {
        name: {
            "dtype": np.dtype(a.dtype).name,
            "shape": list(a.shape),
            "values": [number(x) for x in np.asarray(a).ravel()],
        }
        for name, a in arrays.items()
    }


def tensors():
    """One tensor of every dtype, and the odd shapes."""
    ramp = np.arange(12)
    out = {
        "layer1.0.conv1.weight": (ramp.reshape(2, 3, 1, 2) * 0.25 - 1).astype("<f4"),
        "layer1.0.bn1.num_batches_tracked": np.array(9007199254740993, "<i8"),
        "fc.bias": np.array([1 / 3, -2.5, 1e300, np.pi, 0.0], "<f8"),
        "half": np.array([1.0, -0.5, 65504, 6e-8, np.inf], "<f2"),
        "special": np.array([np.nan, np.inf, -np.inf, -0.0], "<f4"),
        "flags": np.array([[True, False, True]]),
        "empty": np.zeros((0, 3), "<f4"),
        "one": np.ones((1, 1, 1), "<f4"),
    }
    for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"):
        info = np.iinfo(kind)
        out[f"ints.{kind}"] = np.array([info.min, 0, 1, info.max], "<" + kind)
    return out


def big_endian():
    return {
        f"big.{kind}": np.arange(-2 if kind[0] != "u" else 0, 4).astype(">" + kind)
        for kind in ("f2", "f4", "f8", "i2", "i4", "i8", "u2", "u4", "u8")
    } | {"big.matrix": (np.arange(6).reshape(2, 3) / 7).astype(">f4")}


def fortran():
    return {
        "matrix": np.asfortranarray(np.arange(6, dtype="<f4").reshape(2, 3)),
        "cube": np.asfortranarray(np.arange(24, dtype="<i8").reshape(2, 3, 4)),
        "big": np.asfortranarray(np.arange(6, dtype=">f8").reshape(3, 2)),
        "vector": np.arange(3, dtype="<f4"),
    }


def keep(name, data, content=None):
    path = ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if content is not None:
        expected[name] = describe(content)


def refuse(name, data, code, says):
    keep("hostile/" + name, data)
    hostile["hostile/" + name] = {"code": code, "says": says}


def write_lists():
    """Writes expected.json and hostile.json."""
    for name, content in (("expected", expected), ("hostile", hostile)):
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
        (ROOT / f"{name}.json").write_text(text + "\n")
