"""The recorded network: what it says, that it is all that is needed, and what it cannot say."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from schema import violations
from torch import Tensor, nn
from weighbridge_lab.replay import Replay
from weighbridge_lab.small_networks import NETWORKS, Converted, made
from weighbridge_recorder import record, run
from weighbridge_recorder.nesting import flatten
from weighbridge_recorder.network import Network, check, describe
from weighbridge_recorder.storage import read_arrays

NETWORK = Path(__file__).resolve().parents[1] / "recorder/weighbridge_recorder/network"
SCHEMA = json.loads((NETWORK / "network.schema.json").read_text())


def described(net: nn.Module, *inputs: Any, **named: Any) -> Network:
    """The network, whose text fits the schema and names only what is there."""
    found = describe(net.eval(), list(inputs), named)
    content = json.loads(found.text())
    assert check(content) == []
    assert violations(content, SCHEMA) == []
    return Network(content, found.constants)


def replayed(net: nn.Module, found: Network, *inputs: Any) -> int:
    """How many results of modules the replay gives bit for bit; it must give all."""
    recording = run(net, list(inputs), noise=False)
    seen = 0

    def visit(path: str, call: int, result: Any) -> None:
        nonlocal seen
        name = path + (f"#{call}" if call else "")
        for suffix, tensor in flatten(result) if path else []:
            expected = recording.activations[name + suffix]
            np.testing.assert_array_equal(tensor.numpy(), expected, err_msg=name)
            seen += 1

    constants = [torch.from_numpy(array) for array in found.constants]
    tensors = [tensor.clone() for _, tensor in flatten(list(inputs))]
    outputs = Replay(found.content, net.state_dict(), constants, visit).run(tensors)
    for expected, (_, tensor) in zip(recording.outputs, flatten(outputs), strict=True):
        np.testing.assert_array_equal(tensor.numpy(), expected)
    assert seen == len(recording.activations)
    return seen


def program(found: Network, path: str, call: int = 0) -> dict[str, Any]:
    (module,) = [m for m in found.content["modules"] if m["path"] == path]
    return found.content["programs"][module["calls"][call]]


def body(found: Network, path: str = "") -> list[dict[str, Any]]:
    return program(found, path)["body"]


def results(found: Network) -> dict[str, str]:
    return {entry["kind"]: entry["result"] for entry in found.content["variations"]}


@pytest.mark.parametrize(
    ("name", "size"), [("resnet", "same"), ("vit", "refused"), ("unet", "same")]
)
def test_a_recorded_network_runs_from_its_text_alone(name: str, size: str) -> None:
    net, images = made(name, 5)
    found = described(net, images)
    assert replayed(net, found, images) > 20
    assert found.content["limits"] == []
    assert results(found) == {"values": "same", "batch": "same", "size": size}


@pytest.mark.parametrize("name", ["resnet", "unet"])
def test_sizes_are_expressions_so_that_other_sizes_run(name: str) -> None:
    net, images = made(name, 6)
    found = described(net, images)
    replayed(net, found, torch.randn(3, 3, 25, 38))


def test_equal_blocks_share_one_program_and_their_attributes_tell_them_apart() -> None:
    net, images = made("vit", 7)
    found = described(net, images)
    assert program(found, "blocks.0") == program(found, "blocks.2")
    assert program(found, "blocks.0.attn") != program(found, "blocks.1.attn")
    shapes = [i["arguments"]["shape"] for i in body(found, "blocks.0.attn") if "shape" in
              i["arguments"]]
    size = [{"size": [{"value": 0}, axis]} for axis in (0, 1, 2)]
    assert shapes == [
        [*size[:2], 3, {"attribute": "num_heads"}, {"attribute": "head_dim"}], size
    ]
    unbound = [i for i in body(found, "blocks.0.attn") if i.get("call") == "unbind"]
    assert unbound[0]["names"] == {"0": "q", "1": "k", "2": "v"}
    (module,) = [m for m in found.content["modules"] if m["path"] == ""]
    assert module["buffers"]["fixed"]["constant"] == 0
    assert found.constants[0].shape == (1, 10, 16)


def test_local_names_lines_and_classes_are_kept() -> None:
    net, images = made("resnet", 8)
    found = described(net, images)
    block = program(found, "layer2.0")
    assert block["class"] == "weighbridge_lab.small_networks.BasicBlock"
    assert block["file"] == "weighbridge_lab/small_networks.py"
    names = [instruction.get("name") for instruction in block["body"]]
    assert names == [None, None, "out", None, "out", "identity", "out", "out"]
    source = (Path(__file__).resolve().parents[1] / "lab" / block["file"]).read_text()
    line = source.splitlines()[block["body"][5]["line"] - 1]
    assert line.strip() == "identity = self.downsample(x)"


def test_the_reference_holds_the_network_and_its_constants(tmp_path: Path) -> None:
    net, images = made("vit", 9)
    for suffix in (".npz", ".h5", ".safetensors"):
        path = tmp_path / f"vit{suffix}"
        record(net, [images], path, network=True)
        arrays = read_arrays(path)
        content = json.loads(arrays["network"].tobytes())
        assert check(content) == []
        assert content["constants"] == [{"shape": [1, 10, 16], "dtype": "float32"}]
        torch.testing.assert_close(torch.from_numpy(arrays["constants/0"]), net.fixed)
    assert "network" not in read_arrays(_without(net, images, tmp_path))


def _without(net: nn.Module, images: Tensor, folder: Path) -> Path:
    record(net, [images], folder / "plain.npz")
    return folder / "plain.npz"


def test_recording_leaves_the_network_as_it_was() -> None:
    net, images = made("vit", 10)
    before = {name: dict(vars(module)) for name, module in net.named_modules()}
    call = nn.Module.__call__
    described(net, images)
    assert nn.Module.__call__ is call
    for name, module in net.named_modules():
        for key, value in before[name].items():
            assert vars(module)[key] is value, (name, key)
    assert type(net.blocks[0].attn.num_heads) is int


class Spellings(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = 1 - x
        y = 2 / (y.abs() + 1) + 2**x
        y = y[[0, 1]][:, None].squeeze(1)
        y = torch.where(y > 0.5, y, y.new_zeros(()))
        y = y.view(x.size(0), -1).t().T.clamp(min=0)
        y = torch.stack([y.max(), y.max(1)[0].sum(), y.std(), y.var(0, unbiased=False).mean()])
        return y.to(torch.float64).type_as(x) + x.numel()


def test_the_many_spellings_of_functions_become_one() -> None:
    net, x = Spellings(), torch.randn(2, 5)
    found = described(net, x)
    replayed(net, found, x)
    calls = [(i["call"], i["arguments"]) for i in body(found)]
    assert calls[0] == ("sub", {"input": 1, "other": {"value": 0}, "alpha": 1})
    names = [name for name, _ in calls]
    assert names.count("pow") == 1 and names.count("reshape") == 1
    assert names.count("transpose") == 2 and names.count("max") == 2
    assert calls[names.index("getitem")][1]["index"] == [[0, 1]]
    assert calls[names.index("std")][1]["correction"] == 1
    assert calls[names.index("var")][1] == {
        "input": calls[names.index("var")][1]["input"], "dim": 0, "correction": 0, "keepdim": False,
    }
    casts = [arguments["dtype"] for name, arguments in calls if name == "to"]
    assert casts == [{"dtype": "float64"}, {"dtype": "float32"}]
    assert calls[-1][1]["other"]["op"] == "mul"


class Writes(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = torch.zeros_like(x)
        y[:, 1:] = x[:, :-1]
        y[..., 0] += 1
        y.mul_(2).add_(x)
        return F.relu(y, inplace=True)


def test_changes_in_place_become_new_values() -> None:
    net, x = Writes(), torch.randn(2, 4, 3)
    found = described(net, x)
    assert found.content["limits"] == []
    replayed(net, found, x)
    assert [i["call"] for i in body(found) if i.get("in_place")] == [
        "setitem", "add", "setitem", "mul", "add", "relu"
    ]


class Hands(nn.Module):
    """Arguments and results of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Takes()

    def forward(self, pair: tuple[Tensor, Tensor], *, scale: float = 1.0) -> Tensor:
        made, size = self.inner(pair, pair[0].shape[1:], mode="sum", mask=None)
        return made["whole"].reshape(-1, size) * scale


class Takes(nn.Module):
    def forward(self, pair: Any, size: Any, mode: str, mask: Tensor | None) -> Any:
        left, right = pair
        whole = left + right if mode == "sum" and mask is None else left
        return {"whole": whole, "parts": [left, right]}, size[0] * size[1]


def test_arguments_and_results_of_every_kind() -> None:
    net, pair = Hands(), (torch.randn(2, 3, 4), torch.randn(2, 3, 4))
    found = described(net, pair, scale=0.5)
    assert found.content["arguments"] == [[{"input": 0}, {"input": 1}], 0.5]
    assert program(found, "inner")["inputs"] == [
        {"name": "pair"}, {"name": "size"}, {"name": "mode", "is": "sum"},
        {"name": "mask", "is": None},
    ]
    multiplied = program(found, "inner")["returns"][1]
    assert multiplied == {
        "op": "mul", "of": [{"item": [{"value": 1}, 0]}, {"item": [{"value": 1}, 1]}]
    }
    assert body(found)[1]["arguments"]["shape"][1] == {"item": [{"value": 2}, 1]}
    outputs = Replay(found.content, {}, [], None).run(pair)
    torch.testing.assert_close(outputs, net(pair, scale=0.5), rtol=0, atol=0)


class Chooses(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if x.shape[1] > 3 else x


def test_a_choice_by_size_is_a_guard() -> None:
    found = described(Chooses(), torch.randn(2, 5))
    assert program(found, "")["guards"] == [
        {"compare": "gt", "is": True, "of": [{"size": [{"value": 0}, 1]}, 3]}
    ]
    replay = Replay(found.content, {}, [])
    replay.run([torch.randn(3, 4)])
    with pytest.raises(AssertionError, match="another path"):
        replay.run([torch.randn(3, 3)])


def test_what_cannot_be_expressed_is_named_with_its_place(tmp_path: Path) -> None:
    net, images = made("limited", 3)
    found = described(net, images)
    limits = {(limit["kind"], limit["module"]): limit for limit in found.content["limits"]}
    assert set(limits) >= {
        ("random", "chance"), ("function", "spectrum"), ("control-flow", "branch"),
        ("in-place", "views"),
    }
    source = (Path(__file__).resolve().parents[1] / "lab/weighbridge_lab/small_networks.py")
    lines = source.read_text().splitlines()
    for key, text in (
        (("random", "chance"), "F.dropout"), (("function", "spectrum"), "torch.fft.rfft2"),
        (("control-flow", "branch"), "if x.mean() > 1e3"), (("in-place", "views"), "return x * 2"),
    ):
        assert limits[key]["file"] == "weighbridge_lab/small_networks.py"
        assert text in lines[limits[key]["line"] - 1]
    with pytest.warns(UserWarning, match="the network is not all recorded"):
        record(net, [images], tmp_path / "limited.npz", noise=False, network=True)


class Baked(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        half = int(x.shape[2] * 0.5)
        return x[:, :, :half]


class Peeks(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.from_numpy(x.detach().numpy().mean(0, keepdims=True))


def test_what_python_drops_is_found_by_other_inputs() -> None:
    sized = described(Baked(), torch.randn(2, 3, 8, 8))
    assert results(sized)["size"] == "differs" and results(sized)["batch"] == "same"
    (limit,) = sized.content["limits"]
    assert limit["kind"] == "size" and limit["file"].endswith("test_network.py")
    peeks = described(Peeks(), torch.randn(2, 3))
    assert results(peeks)["values"] == "differs"
    assert {"values", "control-flow"} <= {limit["kind"] for limit in peeks.content["limits"]}


@pytest.mark.parametrize("size", [(16, 20), (12, 8), (9, 8), (14, 11), (7, 13)])
def test_sizes_that_python_converts_keep_their_origin(size: tuple[int, int]) -> None:
    net, images = Converted(), torch.randn(1, 3, *size)
    found, other = described(net, torch.randn(1, 3, 16, 12)), described(net, images)
    assert program(found, "")["guards"]
    is_same = program(found, "") == program(other, "")
    assert is_same or size != (16, 20)
    for one in (found, other):
        constants = [torch.from_numpy(array) for array in one.constants]
        if one is found and not is_same:
            continue
        again = Replay(one.content, {}, constants, lambda *_: None).run([images.clone()])
        torch.testing.assert_close(again, net(images), rtol=0, atol=0)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = self.a
        self.c = nn.Linear(4, 4)
        self.c.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.b(self.a(x))) @ self.c.weight


def test_shared_modules_and_parameters() -> None:
    net, x = Tied(), torch.randn(3, 4)
    found = described(net, x)
    assert {"path": "b", "same_as": "a"} in found.content["modules"]
    (module,) = [m for m in found.content["modules"] if m["path"] == "a"]
    assert len(module["calls"]) == 2
    replayed(net, found, x)


def _broken(content: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Damaged copies, each with a word of what is said of it."""
    made = []

    def damage(word: str, change: Any) -> None:
        changed = copy.deepcopy(content)
        change(changed)
        made.append((word, changed))

    def instruction(c: dict[str, Any]) -> dict[str, Any]:
        root = next(m for m in c["modules"] if m["path"] == "")
        return c["programs"][root["calls"][0]]["body"][0]

    damage("version", lambda c: c.update(version=2))
    damage("format", lambda c: c.update(format="other"))
    damage("programs is no list", lambda c: c.update(programs=None))
    damage("two modules", lambda c: c["modules"].append(dict(c["modules"][1])))
    damage("comes before", lambda c: c["modules"].insert(1, {"path": "x.y", "same_as": ""}))
    damage("comes before ''", lambda c: c["modules"].pop(0))
    damage("calls program", lambda c: c["modules"][1].update(calls=[9999]))
    damage("is not there", lambda c: instruction(c).update(module="nowhere"))
    damage("value 99", lambda c: instruction(c)["arguments"].update(input={"value": 99}))
    damage("value 1 ", lambda c: instruction(c)["arguments"].update(input={"value": 1}))
    damage("no tensor", lambda c: instruction(c)["arguments"].update(input={"tensor": "w"}))
    damage("no constant", lambda c: instruction(c)["arguments"].update(input={"constant": 7}))
    damage("no attribute", lambda c: instruction(c)["arguments"].update(input={"attribute": "q"}))
    damage("an operand says", lambda c: instruction(c)["arguments"].update(input={"eval": "1"}))
    damage("takes 1 arguments", lambda c: instruction(c)["arguments"].update(other=1))
    damage("times and has", lambda c: c["modules"][1]["calls"].append(0))
    damage("no operation", lambda c: instruction(c)["arguments"].update(
        input={"op": "exec", "of": [1, 2]}))
    deep: Any = 1
    for _ in range(100):
        deep = {"op": "neg", "of": [deep]}
    damage("nested deeper", lambda c: instruction(c)["arguments"].update(input=deep))
    damage("there is no function", lambda c: c["programs"][0]["body"][0].update(call="system"))
    damage("takes input", lambda c: c["programs"][0]["body"][0]["arguments"].update(more=1))
    return made


def test_damaged_networks_are_refused_with_a_line() -> None:
    net, images = made("resnet", 11)
    content = described(net, images).content
    for word, changed in _broken(content):
        found = check(changed)
        assert found and any(word in line for line in found), (word, found[:3])


@pytest.mark.parametrize("name", [*NETWORKS, "limited"])
def test_the_fixtures_are_sound(name: str) -> None:
    folder = Path(__file__).resolve().parents[2] / "fixtures/networks"
    content = json.loads(read_arrays(folder / f"{name}_reference.npz")["network"].tobytes())
    assert check(content) == []
    assert violations(content, SCHEMA) == []


class Caches(nn.Module):
    """Keeps what it computed from its weights until `train` or `eval` is called, as timm's do."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(5))
        self.kept: dict[str, Tensor] = {}

    def train(self, mode: bool = True) -> Caches:
        self.kept = {}
        return super().train(mode)

    def forward(self, x: Tensor) -> Tensor:
        if "bias" not in self.kept:
            self.kept["bias"] = self.table[[4, 3, 2]]
        return x + self.kept["bias"]


def test_what_is_kept_between_runs_is_computed_from_the_weights_again(tmp_path: Path) -> None:
    net, x = Caches(), torch.randn(2, 3)
    record(net, [x], tmp_path / "r.npz", network=True)
    content = json.loads(read_arrays(tmp_path / "r.npz")["network"].tobytes())
    assert content["limits"] == [] and content["constants"] == []
    assert content["programs"][0]["body"][0]["arguments"]["input"] == {"tensor": "table"}


class Board(nn.Module):
    """Modules that leave tensors for each other on `self`."""

    def __init__(self, of_input: bool) -> None:
        super().__init__()
        self.writer, self.reader = Writer(of_input), Reader()

    def forward(self, x: Tensor) -> Tensor:
        y = self.writer(x)
        self.reader.left = self.writer.left
        return self.reader(y)


class Writer(nn.Module):
    def __init__(self, of_input: bool) -> None:
        super().__init__()
        self.of_input = of_input

    def forward(self, x: Tensor) -> Tensor:
        self.left = x * 2 if self.of_input else torch.arange(3) * 2
        return x + 1


class Reader(nn.Module):
    left: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return x + self.left


def test_tensors_that_pass_by_the_side_are_constants_or_said() -> None:
    x = torch.randn(2, 3)
    found = described(Board(False), x)
    assert found.content["limits"] == []
    np.testing.assert_array_equal(found.constants[0], [0, 2, 4])
    replayed(Board(False).eval(), found, x)
    (limit,) = described(Board(True), x).content["limits"]
    assert (limit["kind"], limit["module"]) == ("escape", "reader")


@torch.library.custom_op("weighbridge_test::twice", mutates_args=())
def twice(x: Tensor) -> Tensor:
    return x * 2


class Custom(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.weighbridge_test.twice(x) + 1


def test_a_custom_operator_is_named() -> None:
    found = described(Custom(), torch.randn(2, 3))
    (limit,) = found.content["limits"]
    assert limit["kind"] == "custom-operator" and "weighbridge_test" in limit["text"]
    assert body(found)[0]["call"].startswith("torch.ops.weighbridge_test.twice")
    assert body(found)[0]["positional"] == [{"value": 0}]


@torch.jit.script
def compiled(x: Tensor) -> Tensor:
    return x * 2


class Scripted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return compiled(x) + 1


def test_what_no_python_computes_is_never_taken_for_a_constant() -> None:
    found = described(Scripted(), torch.randn(2, 3))
    assert {limit["kind"] for limit in found.content["limits"]} == {"values", "batch"}


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.LSTM(6, 4, 2, batch_first=True, bidirectional=True)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.rows(x)
        y = y + self.attend(y, y, y, need_weights=False)[0]
        return self.encoder(y).tile(2, 1)


def test_torchs_own_composite_layers() -> None:
    net, x = Recurrent().eval(), torch.randn(3, 5, 6)
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        found = described(net, x)
        assert found.content["limits"] == []
        replayed(net, found, x)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    assert body(found, "rows")[-1]["call"] == "lstm"
    assert body(found)[-1]["arguments"]["repeats"] == [1, 2, 1]


class Parts(nn.Module):
    """Changes parts of a tensor by themselves, as torchvision's Swin does with its biases."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.randn(6))

    def forward(self, x: Tensor) -> Tensor:
        bias = self.bias.clone()
        length = bias.numel() // 3
        bias[length : 2 * length].zero_()
        last = bias[4:]
        bias[5] = 7.0
        bias.add_(1)
        x = x * bias
        x[:, 0].add_(last[0]).mul_(2)
        return x * last.sum()


class Counts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.seen.add_(1)
        return x * self.seen


def test_parts_that_are_changed_change_the_whole() -> None:
    net, x = Parts(), torch.randn(2, 6)
    found = described(net, x)
    assert found.content["limits"] == []
    outputs = Replay(found.content, net.state_dict(), []).run([x.clone()])
    torch.testing.assert_close(outputs, net(x), rtol=0, atol=0)
    calls = [i["call"] for i in body(found)]
    assert calls.count("setitem") == 4 and calls.count("getitem") >= 4


def test_weights_that_a_forward_changes_are_said() -> None:
    limits = described(Counts(), torch.randn(2, 6)).content["limits"]
    assert "a parameter or buffer is changed" in {limit["text"] for limit in limits}
