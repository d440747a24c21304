"""The training steps that are measured, and how a program that measures one is run."""
from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Result = dict[str, Any]

HERE = Path(__file__).resolve().parent
TAPEHEAD = HERE.parents[1] / "build/release/tapehead"
NAMES = ["model", "layers", "heads", "d_model", "d_ff", "length", "batch", "vocabulary"]
ROWS = {
    "P1": ("decoder", 2, 4, 64, 256, 16, 32, 16),
    "P2": ("decoder", 4, 4, 128, 512, 64, 12, 65),
    "P3": ("decoder", 6, 6, 384, 1536, 256, 4, 65),
    "P4": ("decoder", 3, 8, 256, 1024, 64, 64, 8000),
    "P5": ("transformer", 2, 8, 512, 2048, 10, 80, 11),
    "P6": ("transformer", 4, 4, 128, 256, 16, 256, 10000),
    "encoder": ("encoder", 4, 4, 128, 512, 64, 32, 65),
    "gru": ("rnn", 2, 1, 256, None, 30, 64, 1000),
    "lstm": ("rnn", 2, 1, 256, None, 30, 64, 1000),
    "convolution": ("convolution", 4, 1, 256, None, 30, 64, 1000),
}
MORE = {"lstm": ["--cell", "lstm"], "convolution": ["--kernel-width", "3"]}


def chosen(text: str, names: list[str]) -> list[str]:
    """The names in a list with commas; ends the program at one that is unknown."""
    wanted = [] if text == "none" else text.split(",")
    for name in wanted:
        if name not in names:
            sys.exit(f'{Path(sys.argv[0]).name}: "{name}" is none of {", ".join(names)}')
    return wanted


def shape_options(row: str) -> list[str]:
    pairs = [(name, value) for name, value in zip(NAMES, ROWS[row]) if value is not None]
    shape = [text for name, value in pairs for text in (f"--{name.replace('_', '-')}", str(value))]
    return shape + MORE.get(row, [])


def run(command: list[str], environment: Mapping[str, str] | None = None) -> Result:
    """The JSON object that the command prints last."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{Path(sys.argv[0]).name}: {shlex.join(command)} ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])
