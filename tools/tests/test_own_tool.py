"""README's command of your own: its text, built as a package, does what it says."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn
from weighbridge_recorder import export, record

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```swift\n(.*?)```", README, re.DOTALL)


class Net(nn.Module):
    """The network that README's Swift module mirrors."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(16, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.pool(self.relu(self.norm(self.conv(x)))).flatten(1))


def block(start: str) -> str:
    """The first block with a line that begins so."""
    return next(text for text in BLOCKS if re.search("^" + re.escape(start), text, re.MULTILINE))


def declaration(start: str) -> str:
    """A declaration at the margin of README's code, from its first line to its closing brace."""
    text = block(start)
    begin = text.index(start)
    return text[begin : text.index("\n}\n", begin) + 3]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """README's package with README's executable, beside a link to this repository."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "weighbridge").symlink_to(ROOT)
    sources = folder / "net/Sources/net-tool"
    sources.mkdir(parents=True)
    manifest = block("// swift-tools-version")
    targets = manifest.index("targets: [") + len("targets: [")
    tool = block(".executableTarget(")
    # The tool's own target alone: its folder has the modules.
    manifest = manifest[:targets] + "\n" + tool + "  ])\n"
    (folder / "net/Package.swift").write_text(manifest)
    (sources / "Net.swift").write_text(
        "import WeighbridgeCommand\n\n"
        + declaration("struct Net: Module {")
        + "\n"
        + declaration("extension Net: Architecture {")
    )
    (sources / "NetTool.swift").write_text(block("import WeighbridgeCommand"))
    return folder / "net"


def swift(package: Path, *arguments: str) -> subprocess.CompletedProcess:
    scratch = str(ROOT / ".build/own-tool")
    command = ["swift", arguments[0], "--scratch-path", scratch, *arguments[1:]]
    return subprocess.run(command, cwd=package, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def tool(package: Path) -> Path:
    build = swift(package, "build", "--product", "net-tool")
    assert build.returncode == 0, build.stdout[-4000:] + build.stderr[-4000:]
    assert "warning:" not in build.stdout
    return ROOT / ".build/own-tool/debug/net-tool"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of seven classes and its reference."""
    folder = tmp_path_factory.mktemp("files")
    torch.manual_seed(3)
    model = Net(classes=7).eval()
    export(model, folder / "net.npz")
    record(model, [torch.randn(2, 3, 12, 10)], folder / "net_reference.npz")
    return folder


def run(tool: Path, *arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_the_tool_knows_the_network_and_the_built_in_ones(tool: Path) -> None:
    ids = [model["id"] for model in json.loads(run(tool, "models", "--json").stdout)["models"]]
    assert "net" in ids and "vit" in ids
    wrong = run(tool, "models", "nett")
    assert wrong.returncode == 64
    assert wrong.stderr.startswith("net-tool: error: ") and "Did you mean net" in wrong.stderr
    assert "`net-tool models`" in wrong.stderr
    assert "net-tool validate" in run(tool, "--help").stdout
    assert "net" in run(tool, "--generate-completion-script", "bash").stdout


def test_it_finds_out_by_itself(tool: Path, files: Path) -> None:
    document = json.loads(run(tool, "map", files / "net.npz", "--json").stdout)
    assert document["model"] == "net"
    assert document["config"]["classes"] == 7


def test_the_whole_job(tool: Path, files: Path) -> None:
    native, report = files / "net.safetensors", files / "report.html"
    weights, reference = files / "net.npz", files / "net_reference.npz"
    judged = run(
        tool, "validate", "--weights", weights, "--reference", reference, "--html", report
    )
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert judged.stdout.startswith("PASS net ")
    assert "net-tool validate" in report.read_text()
    assert run(tool, "convert", weights, native).returncode == 0
    assert run(tool, "verify", native, "--against", weights).returncode == 0
    assert run(tool, "validate", "--weights", native, "--reference", reference).returncode == 0


def test_the_plugin_calls_the_tool(tool: Path, package: Path, files: Path) -> None:
    called = swift(
        package, "package", "--allow-writing-to-package-directory", "weighbridge", "map",
        str(files / "net.npz"), "--json",
    )
    assert called.returncode == 0, called.stdout + called.stderr
    assert json.loads(called.stdout[called.stdout.index("{") :])["model"] == "net"
    missing = swift(
        package, "package", "--allow-writing-to-package-directory", "weighbridge", "inspect",
        "nothing.npz",
    )
    # SwiftPM's own status is 1 whatever a plugin's is, and it says which that was.
    assert missing.returncode == 1
    assert "exit code 3" in missing.stderr
    assert "net-tool: error: nothing.npz" in missing.stdout + missing.stderr
