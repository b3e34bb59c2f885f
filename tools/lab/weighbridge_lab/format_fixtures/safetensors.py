"""safetensors: whole, sharded, tied, in 8-bit floats, and hostile."""

import json
import struct

import numpy as np

from .contents import ROOT, describe, expected, keep, number, refuse, tensors


SAFE = {"float16": "F16", "float32": "F32", "float64": "F64", "int8": "I8", "int16": "I16", "int32": "I32",
        "int64": "I64", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL"}


def safetensors(head, data=b""):
    if not isinstance(head, (str, bytes)):
        head = json.dumps(head)
    if isinstance(head, str):
        head = head.encode()
    return struct.pack("<Q", len(head)) + head + data


def as_safetensors(arrays, metadata=None):
    head, data = {}, b""
    if metadata:
        head["__metadata__"] = metadata
    for name, a in arrays.items():
        raw = np.ascontiguousarray(a).tobytes()
        head[name] = {"dtype": SAFE[a.dtype.name], "shape": list(a.shape),
                      "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    return safetensors(head, data)


def write_safetensors():
    every = tensors()
    keep("plain.safetensors", as_safetensors(every), every)
    a, b = np.arange(3, dtype="<f4"), np.arange(4, dtype="<f4").reshape(2, 2)
    twins = {"\u00e9": a, "e\u0301": b}
    keep("twins.safetensors", as_safetensors(twins))
    keep("metadata.safetensors", as_safetensors({"a": a}, {"format": "pt", "note": "é\n\"😀"}), {"a": a})
    keep("escapes.safetensors",
         safetensors('{"\\u0061\\ud83d\\ude00": {"data_offsets":[0,12], "shape" : [3],"dtype":"F32"}}   ', a.tobytes()),
         {"a😀": a})
    bf = {"w": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}
    keep("bf16.safetensors", safetensors(bf, struct.pack("<HHH", 0x3f80, 0xc000, 0x7f80)))
    expected["bf16.safetensors"] = {"w": {"dtype": "bfloat16", "shape": [3], "values": [1.0, -2.0, "inf"]}}
    write_float8()
    for name, head in (
        ("null-metadata", {"__metadata__": None, "a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}),
        ("extra-key", {"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12], "extra": [{"b": 1.5e3}]}}),
    ):
        keep(f"{name}.safetensors", safetensors(head, a.tobytes()), {"a": a})
    keep("none.safetensors", safetensors({}), {})
    keep("sharded/model-00001-of-00002.safetensors", as_safetensors({"a": a}))
    keep("sharded/model-00002-of-00002.safetensors", as_safetensors({"b": b}))
    index = {"metadata": {"total_size": 28}, "weight_map": {
        "a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    keep("sharded/model.safetensors.index.json", json.dumps(index).encode(), {"a": a, "b": b})


def write_float8():
    """Every code of the 8-bit floats, as PyTorch reads them."""
    import torch

    codes = torch.arange(256, dtype=torch.uint8)
    kinds = [("F8_E4M3", torch.float8_e4m3fn), ("F8_E5M2", torch.float8_e5m2)]
    head = {code: {"dtype": code, "shape": [256], "data_offsets": [256 * i, 256 * i + 256]}
            for i, (code, _) in enumerate(kinds)}
    keep("float8.safetensors", safetensors(head, bytes(range(256)) * 2))
    expected["float8.safetensors"] = {
        code: {"dtype": str(kind).removeprefix("torch."), "shape": [256],
               "values": [number(x) for x in codes.view(kind).float().numpy()]}
        for code, kind in kinds
    }


def write_tied():
    """What save_model leaves of a model whose tensors are tied: the other names are in the metadata."""
    import safetensors.torch
    import torch

    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = torch.nn.Embedding(3, 2)
            self.head = torch.nn.Linear(2, 3)
            self.head.weight = self.embed.weight
            self.again = self.head

    model = Tied()
    with torch.no_grad():
        for offset, parameter in enumerate(model.parameters()):
            parameter.copy_(torch.arange(parameter.numel()).reshape(parameter.shape) + 10.0 * offset)
    safetensors.torch.save_model(model, str(ROOT / "tied.safetensors"), metadata={"note": "tied"})
    expected["tied.safetensors"] = describe({k: v.numpy() for k, v in model.state_dict().items()})


def hostile_safetensors():
    def one(**changes):
        entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
        entry.update(changes)
        return entry

    eight = bytes(8)
    for name, head, data, says in (
        ("offset-beyond", {"a": one(data_offsets=[0, 16], shape=[4])}, eight, "beyond"),
        ("offset-backward", {"a": one(data_offsets=[8, 0])}, eight, "backward"),
        ("offset-negative", {"a": one(data_offsets=[-8, 0])}, eight, "offsets"),
        ("offset-three", {"a": one(data_offsets=[0, 4, 8])}, eight, "offsets"),
        ("offset-huge", {"a": one(data_offsets=[0, 2 ** 70])}, eight, "number"),
        ("offset-float", {"a": one(data_offsets=[0, 8.5])}, eight, "number"),
        ("size", {"a": one(shape=[3])}, eight, "needs 12"),
        ("shape-negative", {"a": one(shape=[-2])}, eight, "shape"),
        ("shape-overflow", {"a": one(shape=[2 ** 40, 2 ** 40])}, eight, "larger than any memory"),
        ("dtype", {"a": one(dtype="F31")}, eight, "dtype"),
        ("no-shape", {"a": {"dtype": "F32", "data_offsets": [0, 8]}}, eight, "shape"),
        ("overlap", {"a": one(), "b": one()}, eight, "overlap"),
        ("hole", {"a": one(), "b": one(data_offsets=[12, 20])}, bytes(20), "hole"),
        ("hole-start", {"a": one(data_offsets=[4, 12])}, bytes(12), "hole"),
        ("hole-end", {"a": one()}, bytes(12), "no tensor"),
        ("metadata-type", {"__metadata__": {"a": 1}, "b": one()}, eight, "text"),
        ("array", "[1, 2]", b"", "no format"),
        ("duplicate", '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
                      '"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', eight, "twice"),
        ("duplicate-escaped", '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
                      '"\\u0061":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', eight, "twice"),
        ("cut-json", '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}', eight, "JSON"),
        ("trailing", '{} {}', b"", "JSON"),
        ("comma", '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},}', eight, "JSON"),
        ("depth", '{"a":' + "[" * 2000 + "]" * 2000 + "}", b"", "JSON"),
        ("control", '{"a\x01":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', eight, "JSON"),
        ("surrogate", '{"\\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', eight, "JSON"),
        ("utf8", b'{"\xff":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', eight, "UTF-8"),
        ("leading-zero", '{"a":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}}', eight, "JSON"),
    ):
        refuse(f"{name}.safetensors", safetensors(head, data), "malformed", says)
    good = safetensors({"a": one()}, eight)
    refuse("length.safetensors", struct.pack("<Q", 1 << 60) + good[8:], "malformed", "header")
    refuse("length-one.safetensors", struct.pack("<Q", len(good)) + good[8:], "malformed", "header")
    refuse("cut.safetensors", good[:-1], "malformed", "beyond")
    refuse("float4.safetensors", safetensors({"a": one(dtype="F4", shape=[16])}, eight), "unsupported", "F4")
    a = np.arange(3, dtype="<f4")
    shard = as_safetensors({"a": a})
    keep("hostile/shards/one.safetensors", shard)
    keep("hostile/shards/two.safetensors", shard)
    for name, index, says in (
        ("duplicate", {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}, "the index takes this tensor from"),
        ("missing", {"weight_map": {"a": "one.safetensors", "b": "none.safetensors"}}, "none.safetensors"),
        ("absent", {"weight_map": {"a": "one.safetensors", "b": "one.safetensors"}}, "does not hold"),
        ("unlisted", {"weight_map": {}}, "names no"),
        ("escape", {"weight_map": {"a": "../../plain.safetensors"}}, "beside"),
        ("absolute", {"weight_map": {"a": "/etc/passwd"}}, "beside"),
        ("no-map", {"metadata": {}}, "weight_map"),
        ("type", {"weight_map": {"a": 1}}, "weight_map"),
    ):
        code = {"missing": "unreadable", "duplicate": "unsupported"}.get(name, "malformed")
        refuse(f"shards/{name}.safetensors.index.json", json.dumps(index).encode(), code, says)
