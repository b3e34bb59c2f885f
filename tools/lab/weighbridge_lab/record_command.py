"""The recorder's command with the built-in architectures beside. Run as `tools/record`."""

from __future__ import annotations

import argparse
import sys

import torch
from weighbridge_recorder import ToolError
from weighbridge_recorder import record_command as command
from weighbridge_recorder.record_command import Subject

from .initialise import random_model
from .registry import InputOptions, parse_config, row


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    return int(height), int(width)


def _parser() -> argparse.ArgumentParser:
    parser = command.parser()
    parser.prog = "tools/record"
    built_in = parser.add_argument_group("built-in architectures")
    built_in.add_argument("--model", metavar="ID", help="instead of --module")
    built_in.add_argument(
        "--config", metavar="KEY=VALUE", action="append", default=[],
        help="repeatable; it is not inferred from --weights",
    )
    built_in.add_argument("--batch", type=int, default=1)
    built_in.add_argument("--size", type=_size, metavar="HxW", help="of random inputs")
    built_in.add_argument("--extra", action="store_true", help="feed the optional last input too")
    return parser


def _chosen(options: argparse.Namespace) -> Subject:
    if (options.model is None) == (options.module is None):
        raise ToolError("give either --model or --module")
    if options.model is None:
        return command.chosen(options)
    found = row(options.model)
    whole = parse_config(options.model, options.config)
    model = random_model(options.model, whole, options.seed, options.size)
    generator = torch.Generator().manual_seed(options.seed + 1)
    shape = InputOptions(size=options.size, extra=options.extra)
    return Subject(
        model,
        found.inputs(whole, options.batch, generator, shape),
        model_id=options.model,
        config=found.metadata_config(whole),
        remedy=f"`weighbridge map {options.weights} --model {options.model}` shows the "
        "configuration that the shapes tell: give it as --config KEY=VALUE",
    )


def main(arguments: list[str] | None = None) -> int:
    return command.carry_out(_parser().parse_args(arguments), _chosen)


if __name__ == "__main__":
    sys.exit(main())
