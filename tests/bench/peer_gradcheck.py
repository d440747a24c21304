#!/usr/bin/env python3
"""Plants bugs in backward functions and counts those that `torch.autograd.gradcheck` finds.

Every function below has a right forward and a right backward, written by hand. A bug changes its backward alone: the
gradient of one input is multiplied by a number, or the source is edited as in tests/mutants. A bug is found if the
check fails with every seed. Then: false alarms, that is failures of the right functions; the smallest relative error
found; how far the tolerance can be tightened without false alarms. Takes minutes; set_up_peers makes a Python for it.

    python peer_gradcheck.py [--seeds 5] [--json]
"""
from __future__ import annotations

import argparse
import inspect
import itertools
import json
import math
import warnings
from typing import Any, Callable, Iterator

import torch
from torch import Tensor
from torch.autograd import Function, gradcheck

Backward = Callable[[Tensor], tuple]
Rule = Callable[..., tuple[Tensor, Backward]]  # inputs → output, and what makes their gradients of the output's
Result = dict[str, Any]
Bug = tuple[str, str, str, Rule]  # kind, case, what is wrong, the wrong rule

# Tight is the finest of the last table that raised no false alarm in full mode with 20 seeds. With 300 it did.
FAST, TIGHT = {"fast_mode": True}, {"atol": 1e-9, "rtol": 1e-10}
MODES = {"defaults": {}, "fast": FAST, "tight": TIGHT, "tight, fast": {**FAST, **TIGHT}}
ATOLS = [1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 0.0]  # the first is the default
RTOLS = [10.0**-k for k in range(3, 11)]  # the first is the default
ERRORS = [10 ** (-k / 2) for k in range(2, 19)]  # 0.1 … 1e-9
IGNORED, HEADS, KEEP = -100, 2, 0.5
IDS = torch.tensor([1, 3, 1, 0, 3])  # some twice, 2 never
TARGETS = torch.tensor([2, IGNORED, 0, IGNORED, 1])
KEPT = torch.tensor([[1, 0, 1], [1, 1, 0], [0, 0, 1], [0, 1, 0], [1, 1, 1]]).bool()

# ------------------------------------------------- the functions; an edit is made after the first `d_y` of the source


def matmul(a: Tensor, b: Tensor) -> tuple[Tensor, Backward]:
    return a @ b, lambda d_y: (d_y @ b.T, a.T @ d_y)


def affine(x: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Backward]:
    return x @ w + b, lambda d_y: (d_y @ w.T, x.T @ d_y, d_y.sum(0))


def softmax(x: Tensor) -> tuple[Tensor, Backward]:
    y = x.softmax(-1)
    return y, lambda d_y: (y * (d_y - (d_y * y).sum(-1, keepdim=True)),)


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor) -> tuple[Tensor, Backward]:
    inverse = (x.var(-1, unbiased=False, keepdim=True) + 1e-5).rsqrt()
    n = (x - x.mean(-1, keepdim=True)) * inverse

    def backward(d_y: Tensor) -> tuple:
        d_n = d_y * gain
        d_x = d_n - d_n.mean(-1, keepdim=True)
        d_x -= n * (d_n * n).mean(-1, keepdim=True)
        return d_x * inverse, (d_y * n).sum(0), d_y.sum(0)

    return n * gain + bias, backward


def gelu(x: Tensor) -> tuple[Tensor, Backward]:
    cdf = (1 + torch.erf(x / math.sqrt(2))) / 2

    def backward(d_y: Tensor) -> tuple:
        d_x = d_y * cdf
        d_x += d_y * x * torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        return (d_x,)

    return x * cdf, backward


def split_heads(x: Tensor) -> Tensor:
    """(positions, heads · width) → (heads, positions, width)"""
    return x.reshape(len(x), HEADS, -1).transpose(0, 1)


def merge_heads(x: Tensor) -> Tensor:
    return x.transpose(0, 1).flatten(1)


def causal_weights(q: Tensor, k: Tensor, first_hidden: int = 1) -> Tensor:
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    return scores.masked_fill(torch.ones_like(scores).triu(first_hidden).bool(), -math.inf).softmax(-1)


def attention(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Backward]:
    q, k, v = (split_heads(x) for x in (q, k, v))
    scale = 1 / math.sqrt(q.shape[-1])
    y = merge_heads(causal_weights(q, k) @ v)

    def backward(d_y: Tensor) -> tuple:
        d_c = split_heads(d_y)
        p = causal_weights(q, k)  # made again, as fused kernels do
        d_p = d_c @ v.mT
        d_s = p * (d_p - (p * d_p).sum(-1, keepdim=True)) * scale
        d_q, d_k, d_v = d_s @ k, d_s.mT @ q, p.mT @ d_c
        return merge_heads(d_q), merge_heads(d_k), merge_heads(d_v)

    return y, backward


def self_attention(x: Tensor) -> tuple[Tensor, Backward]:
    y, backward_of_attention = attention(x, x, x)

    def backward(d_y: Tensor) -> tuple:
        d_q, d_k, d_v = backward_of_attention(d_y)
        return (d_q + d_k + d_v,)

    return y, backward


def cross_entropy(logits: Tensor, targets: Tensor) -> tuple[Tensor, Backward]:
    counted = targets != IGNORED
    rows, picked = torch.arange(len(targets)), targets.clamp(min=0)
    loss = -(logits.log_softmax(-1)[rows, picked] * counted).sum() / counted.sum()

    def backward(d_y: Tensor) -> tuple:
        d_z = logits.softmax(-1)
        d_z[rows, picked] -= 1
        d_z *= counted[:, None]
        return d_y * d_z / counted.sum(), None

    return loss, backward


def embedding(table: Tensor, ids: Tensor) -> tuple[Tensor, Backward]:
    return table[ids], lambda d_y: (torch.zeros_like(table).index_add_(0, ids, d_y), None)


def dropout(x: Tensor, kept: Tensor) -> tuple[Tensor, Backward]:
    return x * kept / KEEP, lambda d_y: (d_y * kept / KEEP, None)


def broadcast_add(x: Tensor, b: Tensor) -> tuple[Tensor, Backward]:
    return x + b, lambda d_y: (d_y, d_y.sum(0))


# ----------------------------------------------------------------------------------------------------- inputs and bugs

# Keys at right angles or opposite, and queries along their own key: every other weight is about 2e-8.
AXES = torch.cat([torch.eye(3), -torch.eye(3)])[:5].double().repeat(1, HEADS)
CONFIDENT = 17 * torch.eye(4)[TARGETS.clamp(min=0)].double()
FAR = torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0])

CASES: dict[str, tuple[Rule, Callable[..., tuple]]] = {  # inputs are made with normal(*shape)
    "matmul": (matmul, lambda normal: (normal(5, 3), normal(3, 3))),
    "affine": (affine, lambda normal: (normal(5, 3), normal(3, 3), normal(3))),
    "softmax": (softmax, lambda normal: (normal(5, 3),)),
    "layer_norm": (layer_norm, lambda normal: (normal(5, 3), normal(3), normal(3))),
    "gelu": (gelu, lambda normal: (normal(5, 3),)),
    "attention": (attention, lambda normal: (normal(5, 6), normal(5, 6), normal(5, 6))),
    "self_attention": (self_attention, lambda normal: (normal(5, 6),)),
    "cross_entropy": (cross_entropy, lambda normal: (normal(5, 4), TARGETS)),
    "embedding": (embedding, lambda normal: (normal(4, 3), IDS)),
    "dropout": (dropout, lambda normal: (normal(5, 3), KEPT)),
    "broadcast_add": (broadcast_add, lambda normal: (normal(3, 3), normal(3))),
    # What follows the comma: that makes some gradients, or all of some inputs, smaller than atol.
    "softmax, saturated": (softmax, lambda normal: (17 * torch.eye(3)[[0, 1, 2, 0, 1]] + normal(5, 3) / 10,)),
    "layer_norm, wide": (layer_norm, lambda normal: (1e7 * normal(5, 3), normal(3), normal(3))),
    "gelu, tail": (gelu, lambda normal: (normal(5, 3) / 10 - 5.5,)),
    "attention, saturated": (attention, lambda normal: (
        18 * math.sqrt(3) * AXES, AXES + normal(5, 6) / 100, normal(5, 6))),
    "cross_entropy, confident": (cross_entropy, lambda normal: (CONFIDENT + normal(5, 4) / 10, TARGETS)),
    "softmax, far logit": (softmax, lambda normal: (normal(5, 3) - 16 * FAR[:3],)),
    "attention, far key": (attention, lambda normal: (
        1 + normal(5, 6) / 10, normal(5, 6) - 11 * FAR[:, None], normal(5, 6))),
}  # fmt: skip
ORDINARY = [case for case in CASES if "," not in case]
SMALL_INPUTS = {  # case: which inputs have small gradients alone
    "softmax, saturated": [0],
    "layer_norm, wide": [0],
    "gelu, tail": [0],
    "attention, saturated": [0, 1],
    "cross_entropy, confident": [0],
}

MULTIPLIED = {  # kind: numbers, by each of which the gradient of each input in turn is multiplied
    "sign": [-1],
    "factor": [2, 0.5],
    **{f"factor 1 + 1e-{k}": [1 + 10.0**-k] for k in range(1, 7)},
    "not connected": [0],
    "small gradient lost": [2, -1, 0],
}
EDITS: dict[str, dict[str, list[str]]] = {  # kind: {case: what stands once in its backward → what takes its place}
    "sign": {
        "softmax": ["d_y - (d_y → d_y + (d_y"],
        "layer_norm": ["d_n - d_n → d_n + d_n", "d_x -= n → d_x += n"],
        "gelu": ["d_x += d_y → d_x -= d_y"],
        "attention": ["d_p - (p → d_p + (p"],
        "cross_entropy": ["-= 1 → += 1"],
    },
    "factor": {
        "attention": [") * scale → )", "d_s @ k → d_s @ k / scale"],  # sqrt(3) times too large
        "layer_norm": ["(d_n * n).mean → 1.5 * (d_n * n).mean"],  # K - 1 for K
        "cross_entropy": [" / counted.sum() → "],
        "dropout": [" / KEEP → "],
    },
    "missing term": {
        "softmax": [" - (d_y * y).sum(-1, keepdim=True) → "],
        "layer_norm": [" - d_n.mean(-1, keepdim=True) →  - 0", "d_y * gain → d_y",
                       "d_x -= n * (d_n * n).mean(-1, keepdim=True) → pass"],
        "gelu": ["d_y * cdf → 0", "d_x += d_y * x → d_x += 0 * x"],
        "attention": [" - (p * d_p).sum(-1, keepdim=True) → "],
        "cross_entropy": ["d_z[rows, picked] -= 1 → pass"],
    },
    "transpose": {
        "matmul": ["b.T → b", "a.T @ d_y → d_y.T @ a"],
        "affine": ["w.T → w", "x.T @ d_y → d_y.T @ x"],
        "attention": ["d_s @ k → d_s.mT @ k", "d_s.mT @ q → d_s @ q", "p.mT @ d_c → p @ d_c"],
        "broadcast_add": ["(d_y,  → (d_y.T, "],
    },
    "wrong axis": {
        "softmax": ["sum(-1 → sum(0"],
        "layer_norm": ["d_n.mean(-1 → d_n.mean(0", "n).mean(-1 → n).mean(0"],
        "attention": ["sum(-1 → sum(-2", "sum(-1 → sum(0"],
        "cross_entropy": ["softmax(-1) → softmax(0)"],
    },
    "assign for accumulate": {
        "layer_norm": ["d_x -= n → d_x = -n"],
        "gelu": ["d_x += d_y → d_x = d_y"],
        "self_attention": [" + d_v → ", " + d_k → ", "d_q +  → "],
        "cross_entropy": ["-= 1 → = -1"],
        "embedding": ["index_add_ → index_copy_"],
    },
    "accumulate too often": {
        "affine": ["d_y.sum(0) → d_y.sum(0) + d_y[-1]"],
        "gelu": ["(d_x,) → (d_x + d_y * cdf,)"],
        "self_attention": ["+ d_v → + 2 * d_v"],
        "embedding": ["ids, d_y) → ids, d_y).index_add_(0, ids[:1], d_y[:1])"],
    },
    "stale value": {
        "softmax": ["(y * (d_y → (x * (d_y", "(d_y * y) → (d_y * x)"],
        "layer_norm": ["d_x -= n → d_x -= x", "(d_y * n) → (d_y * x)", "* inverse → * inverse[0]"],
        "gelu": ["d_y * x → d_y * cdf"],
        "attention": ["p.mT @ d_c → (q @ k.mT).mT @ d_c", "v.mT → k.mT", "d_s @ k → d_s @ v"],
        "cross_entropy": ["logits.softmax(-1) → logits.clone()", "picked] → picked.roll(1)]"],
        "embedding": ["ids, d_y → ids.flip(0), d_y", "ids, d_y → ids.roll(1), d_y"],
        "dropout": ["kept → kept.flip(0)"],
    },
    "mask ignored": {
        "attention": ["causal_weights(q, k) → (q @ k.mT * scale).softmax(-1)",
                      "causal_weights(q, k) → causal_weights(q, k, 2)"],
        "cross_entropy": ["d_z *= counted[:, None] → pass", "counted.sum() → len(targets)"],
        "dropout": ["kept / KEEP → 1", "kept / KEEP → 1 / KEEP"],
    },
    "last element skipped": {
        "matmul": ["d_y @ b.T → d_y[:, :-1] @ b.T[:-1]", "a.T @ d_y → a[:-1].T @ d_y[:-1]"],
        "affine": ["d_y.sum(0) → d_y[:-1].sum(0)"],
        "softmax": ["(d_y * y).sum → (d_y * y)[:, :-1].sum"],
        "layer_norm": ["(d_y * n).sum → (d_y * n)[:-1].sum", "d_y.sum(0) → d_y[:-1].sum(0)"],
        "attention": ["(p * d_p).sum → (p * d_p)[..., :-1].sum", "d_s @ k → d_s[..., :-1] @ k[:, :-1]"],
        "cross_entropy": ["[:, None] → [:, None]; d_z[-1] = 0"],
        "embedding": ["ids, d_y → ids[:-1], d_y[:-1]"],
        "broadcast_add": ["d_y.sum(0) → d_y[:-1].sum(0)"],
    },
    "wrong head": {
        "attention": ["split_heads(d_y) → split_heads(d_y).flip(0)", "weights(q, k) → weights(q, k)[:1]",
                      "weights(q, k) → weights(q, k).flip(0)", "merge_heads(d_q) → merge_heads(d_q.flip(0))",
                      "merge_heads(d_k) → merge_heads(d_k.flip(0))", "(d_v) → (d_v[:1].expand_as(d_v))",
                      "merge_heads(d_q) → d_q.permute(1, 2, 0).flatten(1)"],
    },
    "wrong broadcast": {
        "affine": ["d_y.sum(0) → d_y[0]", "d_y.sum(0) → d_y[-1]", "d_y.sum(0) → d_y.mean(0)"],
        "layer_norm": ["n).sum(0) → n)[-1]", "n).sum(0) → n).mean(0)", "d_y.sum(0) → d_y[0]"],
        "attention": ["sum(-1, keepdim=True) → mean(-1, keepdim=True)"],
        "broadcast_add": ["d_y.sum(0) → d_y[0]", "d_y.sum(0) → d_y.sum(1)", "d_y.sum(0) → d_y.mean(0)"],
    },
    "small gradient lost": {
        "softmax, far logit": ["(y * (d_y → (y * (y > 1e-4) * (d_y"],
        "attention, far key": ["causal_weights(q, k) → torch.threshold(causal_weights(q, k), 1e-5, 0)"],
        "layer_norm, wide": [" - d_n.mean(-1, keepdim=True) →  - 0"],
    },
}  # fmt: skip


def multiplied(rule: Rule, factor: float, only: int | None = None) -> Rule:
    """The rule with the gradient of one input, or of every one, multiplied."""

    def wrong(*inputs: Tensor) -> tuple[Tensor, Backward]:
        y, backward = rule(*inputs)
        return y, lambda d_y: tuple(
            g if g is None or only not in (None, i) else factor * g for i, g in enumerate(backward(d_y))
        )

    return wrong


def edited(rule: Rule, edit: str) -> Rule:
    find, replacement = edit.split(" → ")
    forward, first, backward = inspect.getsource(rule).partition("d_y")
    if backward.count(find) != 1:
        raise ValueError(f"{rule.__name__}: {find!r} stands {backward.count(find)} times in its backward, not once")
    names = dict(globals())
    exec(forward + first + backward.replace(find, replacement), names)
    return names[rule.__name__]


def planted() -> Iterator[Bug]:
    everywhere = {case: [i for i, x in enumerate(inputs_of(case, 1)) if x.requires_grad] for case in ORDINARY}
    for kind, factors in MULTIPLIED.items():
        for case, some in (SMALL_INPUTS if kind == "small gradient lost" else everywhere).items():
            rule = CASES[case][0]
            names = list(inspect.signature(rule).parameters)
            for i, factor in itertools.product(some, factors):
                yield kind, case, f"d_{names[i]} times {factor}", multiplied(rule, factor, i)
    for kind, cases in EDITS.items():
        for case, edit in ((case, edit) for case, edits in cases.items() for edit in edits):
            yield kind, case, edit, edited(CASES[case][0], edit)


# ------------------------------------------------------------------------------------------------------- measurements


class Planted(Function):
    @staticmethod
    def forward(ctx: Any, rule: Rule, *inputs: Tensor) -> Tensor:
        y, ctx.pullback = rule(*inputs)
        return y

    @staticmethod
    def backward(ctx: Any, d_y: Tensor) -> tuple:
        return (None, *ctx.pullback(d_y))


def inputs_of(case: str, seed: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    made = CASES[case][1](lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64))
    return tuple(x.to(dtype).requires_grad_() if x.is_floating_point() else x for x in made)


def failures(rule: Rule, case: str, seeds: int, dtype: torch.dtype = torch.float64, **options: Any) -> int:
    """For how many seeds the check fails."""

    def function(*inputs: Tensor) -> Tensor:
        return Planted.apply(rule, *inputs)

    inputs = (inputs_of(case, seed, dtype) for seed in range(1, seeds + 1))
    return sum(not gradcheck(function, some, raise_exception=False, **options) for some in inputs)


def jacobian(rule: Rule, inputs: tuple[Tensor, ...]) -> Tensor:
    variables = [x for x in inputs if x.requires_grad]
    rows = [torch.autograd.grad(y, variables, retain_graph=True) for y in Planted.apply(rule, *inputs).reshape(-1)]
    return torch.stack([torch.cat([g.reshape(-1) for g in row]) for row in rows])


def look_for(bug: Bug, seeds: int) -> Result:
    """How often it is found; of the derivatives that it changes, the largest, and the largest change."""
    kind, case, text, wrong = bug
    derivative = change = 0.0
    for seed in range(1, seeds + 1):
        inputs = inputs_of(case, seed)
        right = jacobian(CASES[case][0], inputs)
        off = (jacobian(wrong, inputs) - right).abs()
        if not off.any():
            raise ValueError(f"{kind}, {case}: {text} changes no derivative with seed {seed}")
        derivative = max(derivative, right[off > 0].abs().max().item())
        change = max(change, off.max().item())
    found = {mode: failures(wrong, case, seeds, **options) for mode, options in MODES.items()}
    return {"kind": kind, "case": case, "bug": text, "found": found, "derivative": derivative, "change": change}


def smallest_rtol(seeds: int, **options: Any) -> float | None:
    """The last of RTOLS down to which all right functions pass for every seed."""
    fine = itertools.takewhile(
        lambda rtol: not any(failures(CASES[case][0], case, seeds, rtol=rtol, **options) for case in ORDINARY), RTOLS
    )
    return min(fine, default=None)


def smallest_error(case: str, seeds: int, **options: Any) -> float | None:
    """The last of ERRORS down to which 1 + error times every gradient is found for every seed."""
    rule = CASES[case][0]
    found = itertools.takewhile(lambda e: failures(multiplied(rule, 1 + e), case, seeds, **options) == seeds, ERRORS)
    return min(found, default=None)


def measure(seeds: int) -> Result:
    many = 4 * seeds  # for what should never happen
    alarms = {
        case: {f"{dtype}, {mode}": failures(CASES[case][0], case, many, getattr(torch, dtype), **MODES[mode])
               for dtype, modes in {"float64": list(MODES), "float32": ["defaults", "fast"]}.items() for mode in modes}
        for case in CASES
    }  # fmt: skip
    errors = {
        case: {mode: smallest_error(case, seeds, **options) for mode, options in MODES.items()} for case in ORDINARY
    }
    tightened = []
    for (mode, options), atol in itertools.product({"full": {}, "fast": FAST}.items(), ATOLS):
        rtol = smallest_rtol(many, atol=atol, **options)
        some = [rtol and smallest_error(case, seeds, atol=atol, rtol=rtol, **options) for case in ORDINARY]
        tightened.append({"mode": mode, "atol": atol, "rtol": rtol, "errors": dict(zip(ORDINARY, some))})
    return {"torch": torch.__version__, "seeds": seeds, "bugs": [look_for(bug, seeds) for bug in planted()],
            "false_alarms": alarms, "smallest_errors": errors, "tightened": tightened}  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- tables


def table(head: list[str], rows: list[list[Any]]) -> str:
    def shown(cell: Any) -> str:
        return "–" if cell is None else f"{cell:.0e}" if isinstance(cell, float) and cell else str(cell)

    lines = [[shown(cell) for cell in row] for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    return "".join(f"| {' | '.join(map(str.ljust, line, widths))} |\n" for line in lines)


def counts(bugs: list[Result], seeds: int) -> list[Any]:
    """How many there are, and for every mode how many are found and (+n) how many more with some seeds only."""
    cells: list[Any] = [len(bugs)]
    for mode in MODES:
        times = [bug["found"][mode] for bug in bugs]
        partly = sum(0 < n < seeds for n in times)
        cells.append(f"{times.count(seeds)} (+{partly})" if partly else times.count(seeds))
    return cells


def as_markdown(result: Result) -> str:
    seeds, bugs, alarms, errors = (result[key] for key in ("seeds", "bugs", "false_alarms", "smallest_errors"))
    kinds = [*list(MULTIPLIED)[:-1], *EDITS]
    by_kind = {kind: [bug for bug in bugs if bug["kind"] == kind] for kind in kinds}
    missed = [bug for bug in bugs if min(bug["found"].values()) < seeds and not bug["kind"].startswith("factor 1")]
    tightened = []
    for row in result["tightened"]:
        found = [e or 1.0 for e in row["errors"].values()] if row["rtol"] else [None]
        tightened.append([row["mode"], row["atol"], row["rtol"], min(found), max(found)])
    return "\n".join([
        f"PyTorch {result['torch']}. Bugs found with every one of {seeds} seeds, and (+n) with some of them only; "
        f"tight is atol {TIGHT['atol']:g}, rtol {TIGHT['rtol']:g}:\n",
        table(["kind", "planted", *MODES],
              [[kind, *counts(some, seeds)] for kind, some in [*by_kind.items(), ("all", bugs)]]),
        f"Missed, `factor 1 + …` aside: with how many of {seeds} seeds each was found, the largest right derivative of "
        "those that it changes, and the largest change:\n",
        table(["kind", "function", "bug", *MODES, "derivative", "change"],
              [[b["kind"], b["case"], f"`{b['bug']}`", *b["found"].values(), b["derivative"], b["change"]]
               for b in missed]),
        f"False alarms, of {4 * seeds}:\n",
        table(["function", *alarms["matmul"]], [[case, *alarms[case].values()] for case in alarms]),
        f"The smallest e of {ERRORS[0]:g}, {ERRORS[1]:.2g} … {ERRORS[-1]:g} found where all gradients are multiplied "
        "by 1 + e:\n",
        table(["function", *MODES], [[case, *errors[case].values()] for case in errors]),
        f"The smallest rtol of {RTOLS[0]:g}, {RTOLS[1]:g} … {RTOLS[-1]:g} without a false alarm of the functions in "
        f"the last table, with {4 * seeds} seeds, and the smallest e then found, for the best and the worst of them:\n",
        table(["mode", "atol", "rtol", "e, best", "e, worst"], tightened),
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="for each bug; right functions get four times as many")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message=".*double precision")  # float32 is given on purpose
    result = measure(options.seeds)
    print(json.dumps(result) if options.json else as_markdown(result))


if __name__ == "__main__":
    main()
