#!/usr/bin/env python3
"""Times one scaled_dot_product_attention, forward and backward, in float, or one FlexAttention, forward alone:
peer_attention.py ROW LENGTH THREADS [forward]. Prints the median of the milliseconds. What PyTorch has a faster way for is given that way: causal as a flag, grouped heads as such; the
others as a mask that is made once, of booleans or of biases, whichever is faster."""
from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch.nn.functional import scaled_dot_product_attention

EXAMPLES, HEADS, WIDTH, DOCUMENT = 4, 8, 64, 128


def allowed(row: str, length: int) -> torch.Tensor:
    q = torch.arange(length)[:, None]
    k = torch.arange(length)[None, :]
    mask = k <= q
    if row == "window":
        mask &= q - k < 128
    if row == "documents":
        mask &= q // DOCUMENT == k // DOCUMENT
    return mask


def masks(row: str, length: int) -> list[torch.Tensor | None]:
    if row in ("plain", "causal", "gqa"):
        return [None]
    mask = allowed(row, length)
    bias = torch.zeros(length, length).masked_fill(~mask, -torch.inf)
    if row == "alibi":
        distance = (torch.arange(length)[None, :] - torch.arange(length)[:, None]).float()
        slopes = 0.5 ** torch.arange(1, HEADS + 1).float()
        return [(bias + slopes[:, None, None] * distance)[None].contiguous()]
    return [mask, bias]


def flexible(row: str, length: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> Callable[[], None]:
    """The same by FlexAttention, compiled, its tiles skipped where the mask rules them out."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    def may(b: int, h: int, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
        mask = j <= i
        if row == "window":
            mask = mask & (i - j < 128)
        if row == "documents":
            mask = mask & (i // DOCUMENT == j // DOCUMENT)
        return mask

    slopes = 0.5 ** torch.arange(1, HEADS + 1).float()

    def biased(score: torch.Tensor, b: int, h: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
        return score + slopes[h] * (j - i)

    mask = None if row == "plain" else create_block_mask(may, None, None, length, length, device="cpu")
    compiled = torch.compile(flex_attention)
    change = biased if row == "alibi" else None
    return lambda: compiled(q, k, v, score_mod=change, block_mask=mask, enable_gqa=row == "gqa")


def median_of(step: Callable[[], None], seconds: float = 2) -> float:
    times = []
    step()
    begin = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def main() -> None:
    row, length, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    key_heads = HEADS // 4 if row == "gqa" else HEADS
    q = torch.randn(EXAMPLES, HEADS, length, WIDTH, requires_grad=True)
    k = torch.randn(EXAMPLES, key_heads, length, WIDTH, requires_grad=True)
    v = torch.randn(EXAMPLES, key_heads, length, WIDTH, requires_grad=True)
    d = torch.randn(EXAMPLES, HEADS, length, WIDTH)
    best = float("inf")
    if len(sys.argv) > 4:
        with torch.no_grad():
            step = flexible(row, length, q.detach(), k.detach(), v.detach())
            step()
            print(f"{median_of(step):.4f}")
        return
    for mask in masks(row, length):
        def step() -> None:
            q.grad = k.grad = v.grad = None
            context = scaled_dot_product_attention(
                q, k, v, attn_mask=mask, is_causal=row in ("causal", "gqa"), enable_gqa=row == "gqa")
            context.backward(d)

        best = min(best, median_of(step, 1))
    print(f"{best:.4f}")


if __name__ == "__main__":
    main()
