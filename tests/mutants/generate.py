#!/usr/bin/env python3
"""Makes mutants from the pullbacks in autograd/ops, by regular expressions and matching braces alone.

Every place that an operator below fits is a candidate. Kinds take turns, and files within a kind, at random
by the seed. Twice --count are printed, because some do not compile: `run` takes the first --count that do.

    tests/mutants/generate.py --count 48 --seed 1 > tests/mutants/made.txt
"""
from __future__ import annotations

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

sys.dont_write_bytecode = True
from mutants import KINDS, ROOT, Mutant, as_text  # noqa: E402

BETWEEN_TERMS = [" + ", " - ", " ? ", " : "]
Edit = tuple[int, int, str]  # from, to, and what is put there
Operator = Callable[["Region"], Iterator[Edit]]
FIRST_FACTOR = r"((?:gemm|multiply<T>)\()(T\(1\)|scale),"


def closing(text: str, at: int) -> int:
    """The place of the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(text)):
        depth += (text[i] in "([{") - (text[i] in ")]}")
        if depth == 0:
            return i
    raise ValueError(f"nothing closes the bracket at {at}")


@dataclass
class Region:
    """The body of a pullback. `text` is its file without comments; places are places in the file."""

    text: str
    start: int
    end: int

    @property
    def scope(self) -> str:
        """From the start of the function around it on: what may be named in it."""
        return self.text[self.text.rfind("\n}\n", 0, self.start) + 1 : self.end]

    def find(self, pattern: str) -> Iterator[re.Match[str]]:
        return re.compile(pattern).finditer(self.text, self.start, self.end)

    def substitute(self, pattern: str, template: str) -> Iterator[Edit]:
        for match in self.find(pattern):
            yield match.start(), match.end(), match.expand(template)

    def values(self) -> Iterator[tuple[int, int]]:
        """Where numbers of a gradient are computed: what is returned, kept as a T, or put into an element."""
        for match in self.find(r"(?:return|(?<!\w)T \w+ =|[\w.]+\[[^][]*\] [-+*]?=) ([^;{}]+);"):
            yield match.span(1)

    def operators(self) -> Iterator[tuple[int, int, int, int]]:
        """Each + and − between numbers: where left term, sign and right term begin, and where that ends."""
        for start, end in self.values():
            for match in re.compile(r" [-+] ").finditer(self.text, start, end):
                before = self.text[start : match.start()]
                if before.count("[") == before.count("]") and not before.endswith(".data"):
                    left = self.term_end(match.start() - 1, start - 1, -1) + 1
                    yield left, *match.span(), self.term_end(match.end(), end, 1)

    def term_end(self, at: int, limit: int, step: int) -> int:
        """The first place from `at` on, going by `step`, that is not of the term that stands there."""
        depth = 0
        while at != limit:
            here, around = self.text[at], self.text[at - 1 : at + 2]
            depth += step * ((here in "([") - (here in ")]"))
            if depth < 0 or (depth == 0 and (here == "," or around in BETWEEN_TERMS)):
                break
            at += step
        return at

    def bound(self, name: str) -> str | None:
        """What a loop variable stays below, if it is one."""
        match = re.search(rf"{name} = 0; {name} < ([^;]+);", self.scope)
        return match and match[1]


def regions(text: str) -> Iterator[Region]:
    for match in re.finditer(r"(?:\(Pull<T>& pull\)|\[\]\(T(?: a)?, T(?: y)?\)) \{", text):
        yield Region(text, match.end(), closing(text, match.end() - 1))
    for match in re.finditer(r"\bvoid \w*pull\w*(\()", text):
        if body := re.compile(r"\s*(?:const\s*)?\{").match(text, closing(text, match.start(1)) + 1):
            yield Region(text, body.end(), closing(text, body.end() - 1))


def multiplied(at: Region, *factors: str) -> Iterator[Edit]:
    for factor in factors:
        for start, end in at.values():
            yield start, end, f"{factor} * ({at.text[start:end]})"
        yield from at.substitute(FIRST_FACTOR, rf"\1{factor} * \2,")


def missing_term(at: Region) -> Iterator[Edit]:
    """A term of a sum, or a call."""
    for left, start, end, right in at.operators():
        yield start, right, ""
        if at.text[left - 1] not in "+-":
            yield left, end, "-" if at.text[start:end] == " - " else ""
    for match in at.find(r"(?<![\w.])(?:gemm|multiply<T>|zero_\w+|[\w.:]*pull\w*|drop\w*|std::fill\w*)\("):
        end = closing(at.text, match.end() - 1) + 1
        if at.text[end] == ";":
            yield match.start(), end, ""


def wrong_axis(at: Region) -> Iterator[Edit]:
    """Two indices change places, with the stride that keeps them in bounds."""
    for match in at.find(r"(?<=[\[(])(\w+) (?:\+ (\w+) )?\* [\w.]+(?: \+ (\w+))?(?=[\])])"):
        fast, slow = (match[1], match[2]) if match[2] else (match[3], match[1])
        if fast and (bound := at.bound(slow)):
            yield *match.span(), f"{slow} + {fast} * {bound}"


def not_connected(at: Region) -> Iterator[Edit]:
    of_one_element = re.search(r"\[\]\(T[^()]*\) \{$", at.text[: at.start])
    yield at.start, at.start, " return T(0);" if of_one_element else "\n    return;"
    for match in at.find(r"(?<=auto )(\w+) = pull\.into\([^()]+\)"):
        if re.search(rf"if \((?:auto |!)?{match[1]}\b", at.scope):  # it is looked at before it is written to
            yield *match.span(), f"{match[1]} = Sink<T>{{}}"


def stale_value(at: Region) -> Iterator[Edit]:
    """Another array or another number that can be named there."""
    arrays = dict.fromkeys(re.findall(r"\bT\* (\w+)\b", at.scope))
    numbers = dict.fromkeys(re.findall(r"(?<![\w<])T (\w+)(?=[ (,)])", at.scope))
    for start, end in at.values():
        for pool, after in ((arrays, r"(?=\[)"), (numbers, r"\b(?![\[(.])")):
            for match in re.compile(r"(?<![\w.])(\w+)" + after).finditer(at.text, start, end):
                if match[1] in pool:
                    yield from ((*match.span(), other) for other in pool if other != match[1])


OPERATORS: list[tuple[str, Operator]] = [
    ("sign", lambda at: ((i, j, " - " if at.text[i:j] == " + " else " + ") for _, i, j, _ in at.operators())),
    ("factor", lambda at: multiplied(at, "T(2)", "T(0.5)")),
    ("factor 1 + 1e-6", lambda at: multiplied(at, "T(1 + 1e-6)")),
    ("missing term", missing_term),
    ("wrong axis", wrong_axis),
    ("stale value", stale_value),
    ("not connected", not_connected),
]

# What needs no more than a pattern and what takes its place.
REWRITES = [
    ("sign", r"(?<=\]) \+= ", " -= "),
    ("sign", r"(?<=\]) -= ", " += "),
    ("sign", r"\breturn ([^;{}]+);", r"return -(\1);"),
    ("sign", FIRST_FACTOR, r"\1-\2,"),
    ("missing term", r"(?<![\w.\]])[\w.]+\[[^][]*\] [-+*]?= [^;{}]+;", ";"),
    ("transpose", "Transpose::yes", "Transpose::no"),
    ("transpose", "Transpose::no", "Transpose::yes"),
    ("transpose", r"flip\((op_\w)\)", r"\1"),
    ("transpose", r"(?<![\w(])op_\w", r"flip(\g<0>)"),
    ("wrong axis", r"(\w+) % (\w+)\.columns, \1 / \2\.columns", r"\1 / \2.slices, \1 % \2.slices"),
    ("wrong axis", r"(?<=\.)rows\b", "columns"),
    ("wrong axis", r"(?<=\.)columns\b(?!\.)", "rows"),
    ("wrong axis", r"\bstride\b", "run"),
    ("assign for accumulate", r"(?<=\]) \+= ", " = "),
    ("assign for accumulate", r"(\w+)\.zero_if_fresh\(([^;]*)\);", r"std::fill_n(\1.data, \2, T(0));"),
    ("assign for accumulate", r"\w+\.fresh(?=\})", "true"),
    ("assign for accumulate", r"!\w+\.fresh", "false"),
    ("assign for accumulate", r"\w+\.beta\(\)|key_beta\(\d\)|(?<=, )beta(?=,)|sinks\[0\]\.beta(?=,)", "T(0)"),
    ("assign for accumulate", r"(Transpose::\w+,\s+)T\(1\)", r"\1T(0)"),
    ("assign for accumulate", r"\w+ \? (\S+beta) : T\(1\)", r"\1"),
    ("assign for accumulate", r"\b(d_\w+|column)\.accumulate\(", r"Sink<T>{\1.data, true}.accumulate("),
    ("assign for accumulate", r"\(\w+\.fresh \? T\(0\) : [^)]+\) \+ ", ""),
    ("stale value", r"\b(\w+)\[n\]", r"\1[0]"),
    ("mask ignored", r"(real_part\(\S+\) > 0) \?", r"(\1 || true) ?"),
    ("mask ignored", r"[\w.]*drops\(\)", r"(\g<0> && false)"),
    ("mask ignored", r"target != kPadding", r"\g<0> || true"),
    ("mask ignored", r"tile\.attended\([^;]*\);", "tile.keys;"),
    ("mask ignored", r"[\w.]+places\[(\w+)\]", r"\1"),
    ("last element skipped", r"(for \(std::int64_t (\w+) = [^;]+; \2 < [^;]+);", r"\1 - 1;"),
    ("last element skipped", r"(\.accumulate\(|sum_over<T>\()([^,]+),", r"\1\2 - 1,"),
    ("last element skipped", r"\bdot\(([^()]+)\)", r"dot(\1 - 1)"),
    ("wrong head", r"(?<=[,+] )head(?=[,)])", "(head + 1) % plan.heads"),
    ("wrong head", r"(context_of\(.*, )at(?=\))", r"\1Head<T>(plan, inputs, softmax, (index + 1) % heads)"),
    ("not connected", r"if \((\S+\.data != nullptr)\)", r"if (\1 && false)"),
]
OPERATORS += [(kind, lambda at, p=pattern, t=put: at.substitute(p, t)) for kind, pattern, put in REWRITES]


def as_mutant(name: str, kind: str, path: Path, source: str, edit: Edit) -> Mutant:
    """Whole lines, and as many before them as make them the only ones of their kind."""
    start, end, replacement = edit
    first = source.rfind("\n", 0, start) + 1
    last = source.index("\n", end)
    while source.count(source[first:last]) > 1:
        first = source.rfind("\n", 0, first - 1) + 1
    changed = source[first:start] + replacement + source[end:last]
    return Mutant(name, kind, str(path.relative_to(ROOT)), ((source[first:last], changed),))


def candidates() -> Iterator[Mutant]:
    for path in sorted((ROOT / "autograd/ops").rglob("*.[ch]pp")):
        source = path.read_text()
        text = re.sub("//.*", lambda comment: " " * len(comment[0]), source)
        seen, names = set[Edit](), Counter[str]()
        for region in regions(text):
            for kind, edit in ((kind, edit) for kind, operator in OPERATORS for edit in operator(region)):
                if edit in seen:
                    continue
                seen.add(edit)
                line = source.count("\n", 0, edit[0]) + 1
                name = f"{path.stem}_{line}_{re.sub(r'[^a-z0-9]+', '_', kind)}"
                names[name] += 1
                yield as_mutant(f"{name}_{names[name]}", kind, path, source, edit)


def in_turns(mutants: list[Mutant], seed: int) -> Iterator[Mutant]:
    generator = random.Random(seed)
    pools = {kind: [mutant for mutant in mutants if mutant.kind == kind] for kind in KINDS}
    for pool in pools.values():
        generator.shuffle(pool)
    taken: Counter[str] = Counter()
    while any(pools.values()):
        for kind, pool in pools.items():
            if pool:
                mutant = min(pool, key=lambda m: (taken[kind + m.file], taken[m.file]))
                pool.remove(mutant)
                taken.update([kind + mutant.file, mutant.file])
                yield mutant


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--count", type=int, default=48, help="how many shall compile [%(default)s]")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = list(candidates())
    print(f"# generate.py --count {options.count} --seed {options.seed}, out of {len(found)} candidates.\n")
    print(as_text(islice(in_turns(found, options.seed), 2 * options.count)), end="")


if __name__ == "__main__":
    main()
