"""Mutants, that is planted bugs, as they are written in by_hand.txt (which says how) and made.txt."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SETS = ["by_hand", "made", "kernels", "layers_and_trainers"]  # each in a file of that name
# Sets whose bugs leave gradients right, of another function than the documented one: these test programs judge them. All
# other sets are judged by `tapehead gradcheck`.
TESTS = {"layers_and_trainers": ["layers_test", "golden_test", "trainers_test"]}

KINDS = [
    "sign", "factor", "factor 1 + 1e-6", "missing term", "transpose", "wrong axis", "assign for accumulate",
    "accumulate too often", "stale value", "mask ignored", "last element skipped", "wrong head",
    "wrong broadcast", "not connected",
    "option ignored", "wrong place", "random numbers shared", "step", "constant", "idle parameter",
]  # fmt: skip


class MutantError(Exception):
    """A mutant that is written wrongly, or does not fit the file that it is for."""


@dataclass(frozen=True)
class Mutant:
    name: str
    kind: str
    file: str
    edits: tuple[tuple[str, str], ...]  # what must stand once in the file, and what takes its place

    def applied(self, source: str) -> str:
        for find, replacement in self.edits:
            if (count := source.count(find)) != 1:
                raise MutantError(f"{self.name}: stands {count} times in {self.file}, not once: {find!r}")
            source = source.replace(find, replacement)
        return source


def parse(text: str) -> list[Mutant]:
    mutants: list[Mutant] = []
    for entry in ("\n" + text).split("\n[")[1:]:
        head, *lines = entry.split("\n")
        fields: dict[str, str] = {}
        hunks: list[tuple[list[str], list[str]]] = []
        hunk_ended = True
        for line in lines:
            if line.startswith(("- ", "+ ")):
                if hunk_ended:
                    hunks.append(([], []))
                hunks[-1][line[0] == "+"].append(line[2:])
                hunk_ended = False
            elif line.startswith("#") or not line:
                hunk_ended = True
            else:
                key, _, value = line.partition(": ")
                fields[key] = value
        edits = tuple(("\n".join(find), "\n".join(replacement)) for find, replacement in hunks)
        name = head.removesuffix("]")
        complete = set(fields) == {"kind", "file"} and edits and all(find for find, _ in edits)
        if not complete or fields["kind"] not in KINDS:
            raise MutantError(f"{name}: needs a kind that is known, a file, and hunks with something to find")
        mutants.append(Mutant(name, fields["kind"], fields["file"], edits))
    names = [mutant.name for mutant in mutants]
    if twice := {name for name in names if names.count(name) > 1}:
        raise MutantError(f"names that stand twice: {', '.join(sorted(twice))}")
    return mutants


def load(half: str) -> list[Mutant]:
    path = HERE / f"{half}.txt"
    return parse(path.read_text()) if path.exists() else []


def as_text(mutants: Iterable[Mutant]) -> str:
    def lines(mark: str, text: str) -> list[str]:
        return [f"{mark} {line}" for line in text.split("\n")] if text else []

    entries = []
    for mutant in mutants:
        hunks = ["\n".join(lines("-", find) + lines("+", to)) for find, to in mutant.edits]
        head = f"[{mutant.name}]\nkind: {mutant.kind}\nfile: {mutant.file}\n"
        entries.append(head + "\n\n".join(hunks) + "\n")
    return "\n".join(entries)
