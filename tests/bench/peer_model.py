"""The models of tapehead and their training step, in PyTorch; see layers/models/ for what they mirror.

Activations are (batch, length, channels).
"""
from __future__ import annotations

import argparse
import math
import re
from typing import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HAS_FUSED_ATTENTION = hasattr(F, "scaled_dot_product_attention")
HAS_CHUNKED_LOSS = hasattr(F, "linear_cross_entropy") and hasattr(nn, "LinearCrossEntropyOptions")
LARGEST_NORM = 1.0


class Attention(nn.Module):
    """Multi-head attention over itself (one product for queries, keys and values) or over a memory."""

    def __init__(self, channels: int, heads: int, over_memory: bool, causal: bool, fused: bool) -> None:
        super().__init__()
        self.heads, self.width, self.causal, self.fused = heads, channels // heads, causal, fused
        self.from_x = nn.Linear(channels, channels if over_memory else 3 * channels)
        self.from_memory = nn.Linear(channels, 2 * channels) if over_memory else None
        self.output = nn.Linear(channels, channels)

    def split(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """(B, T, parts·H·D) → parts times (B, H, T, D), without a copy."""
        batch, length, _ = x.shape
        return x.view(batch, length, parts, self.heads, self.width).permute(2, 0, 3, 1, 4).unbind(0)

    def forward(
        self, x: Tensor, memory: Tensor | None, mask: Tensor | None, of_values: Tensor | None = None
    ) -> Tensor:
        """`of_values`: what values are made of, where that is not the memory."""
        if self.from_memory is None:
            query, key, value = self.split(self.from_x(x), 3)
        else:
            (query,) = self.split(self.from_x(x), 1)
            if of_values is None:
                key, value = self.split(self.from_memory(memory), 2)
            else:
                of_key, of_value = self.from_memory.weight.chunk(2)
                key_bias, value_bias = self.from_memory.bias.chunk(2)
                (key,) = self.split(F.linear(memory, of_key, key_bias), 1)
                (value,) = self.split(F.linear(of_values, of_value, value_bias), 1)
        attend = self.attend_fused if self.fused else self.attend_plainly
        context = attend(query, key, value, mask)
        return self.output(context.transpose(1, 2).reshape(x.shape))

    def attend_fused(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        return F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)

    def attend_plainly(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        batch, heads, queries, width = query.shape
        query, key, value = (t.reshape(batch * heads, -1, width) for t in (query, key, value))
        scale = 1 / math.sqrt(width)
        if self.causal:
            scores = torch.baddbmm(mask, query, key.transpose(1, 2), alpha=scale)
        else:
            scores = torch.bmm(query * scale, key.transpose(1, 2))
        return torch.bmm(torch.softmax(scores, -1), value).view(batch, heads, queries, width)


class FeedForward(nn.Module):
    def __init__(self, channels: int, inner: int, activation: str) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(channels, inner), nn.Linear(inner, channels)
        self.activation: Callable[[Tensor], Tensor] = F.gelu if activation == "gelu" else torch.relu_

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.activation(self.inner(x)))


class Layer(nn.Module):
    """Self-attention, in a decoder with an encoder also cross-attention, and feed-forward."""

    def __init__(self, options: argparse.Namespace, over_memory: bool, causal: bool, fused: bool) -> None:
        super().__init__()
        width = options.d_model
        self.pre = options.norm == "pre"
        self.self_attention = Attention(width, options.heads, False, causal, fused)
        self.self_attention_norm = nn.LayerNorm(width)
        self.cross_attention = Attention(width, options.heads, True, False, fused) if over_memory else None
        self.cross_attention_norm = nn.LayerNorm(width) if over_memory else None
        self.feed_forward = FeedForward(width, options.d_ff, options.activation)
        self.feed_forward_norm = nn.LayerNorm(width)

    def residual(self, x: Tensor, norm: nn.Module, part: Callable[[Tensor], Tensor]) -> Tensor:
        return x + part(norm(x)) if self.pre else norm(x + part(x))

    def forward(self, x: Tensor, memory: Tensor | None, mask: Tensor | None) -> Tensor:
        x = self.residual(x, self.self_attention_norm, lambda y: self.self_attention(y, None, mask))
        if self.cross_attention is not None:
            x = self.residual(x, self.cross_attention_norm, lambda y: self.cross_attention(y, memory, None))
        return self.residual(x, self.feed_forward_norm, self.feed_forward)


class Stack(nn.Module):
    def __init__(self, options: argparse.Namespace, over_memory: bool, causal: bool, fused: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(options, over_memory, causal, fused) for _ in range(options.layers))
        self.norm = nn.LayerNorm(options.d_model)

    def forward(self, x: Tensor, memory: Tensor | None, mask: Tensor | None) -> Tensor:
        for layer in self.layers:
            x = layer(x, memory, mask)
        return self.norm(x)


class Embedding(nn.Module):
    """Tokens' vectors times √channels, plus their positions'."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__()
        self.tokens = nn.Embedding(options.vocabulary, options.d_model)
        self.factor = math.sqrt(options.d_model)
        self.kind = options.positions
        if self.kind == "learned":
            self.positions = nn.Parameter(torch.randn(options.length, options.d_model) / self.factor)
        else:
            self.register_buffer("positions", sinusoids(options.length, options.d_model), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        looked_up = self.tokens(ids)
        if self.kind == "none":
            return looked_up * self.factor
        return torch.add(self.positions, looked_up, alpha=self.factor)


def sinusoids(length: int, channels: int) -> Tensor:
    """Vaswani et al. 2017, §3.5: even channels are sines, odd ones cosines. (length, channels)"""
    exponents = torch.div(torch.arange(channels), 2, rounding_mode="floor") * 2 / channels
    angles = torch.arange(length)[:, None] / 10000**exponents
    return torch.where(torch.arange(channels) % 2 == 0, angles.sin(), angles.cos())


class Model(nn.Module):
    """A decoder or an encoder alone, or both, with an output layer of its own: tokens to the loss."""

    def __init__(self, options: argparse.Namespace, fused: bool, chunked: bool) -> None:
        super().__init__()
        both = options.model == "transformer"
        self.source_embedding = Embedding(options) if both else None
        self.encoder = Stack(options, over_memory=False, causal=False, fused=fused) if both else None
        self.embedding = Embedding(options)
        self.decoder = Stack(options, over_memory=both, causal=options.model != "encoder", fused=fused)
        self.output = nn.Linear(options.d_model, options.vocabulary)
        self.loss_options = nn.LinearCrossEntropyOptions() if chunked else None
        above = torch.full((options.length, options.length), -math.inf).triu(1)
        self.register_buffer("mask", None if fused else above, persistent=False)

    def forward(self, source: Tensor | None, ids: Tensor, expected: Tensor) -> Tensor:
        memory = None if source is None else self.encoder(self.source_embedding(source), None, None)
        features = self.decoder(self.embedding(ids), memory, self.mask).flatten(0, 1)
        if self.loss_options is None:
            return F.cross_entropy(self.output(features), expected)
        return F.linear_cross_entropy(
            features, self.output.weight, expected, linear_bias=self.output.bias, options=self.loss_options
        )


def make_optimizer(parameters: list[nn.Parameter]) -> tuple[torch.optim.Optimizer, str]:
    """AdamW in the fastest form that this PyTorch has on a CPU, and that form's name."""
    for name in ("fused", "foreach"):
        try:
            optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.01, **{name: True})
        except (RuntimeError, TypeError):
            continue
        return optimizer, name
    return torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.01), "plain"


def clip(parameters: list[nn.Parameter]) -> None:
    """clip_grad_norm_, in the few calls that newer versions of it make."""
    gradients = [p.grad for p in parameters]
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    torch._foreach_mul_(gradients, torch.clamp(LARGEST_NORM / (norm + 1e-6), max=1.0).item())


def make_step(model: nn.Module, options: argparse.Namespace) -> tuple[Callable[[], float], str]:
    """The training step, and how the optimizer works."""
    parameters = list(model.parameters())
    optimizer, name = make_optimizer(parameters)
    shape = (options.batch, options.length)
    alone = options.model in ("decoder", "encoder")
    source = None if alone else torch.randint(options.vocabulary, shape)
    ids, expected = (torch.randint(options.vocabulary, shape) for _ in range(2))
    expected = expected.view(-1)
    forward = torch.compile(model) if options.compile else model

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = forward(source, ids, expected)
        loss.backward()
        clip(parameters)
        optimizer.step()
        return loss.item()

    return step, name


def blas_name() -> str:
    """Which BLAS this PyTorch was built with; a generic one is the system's, here OpenBLAS."""
    built = torch.__config__.show()
    if "Math Kernel Library" in built:
        return "MKL " + re.search(r"Kernel Library Version (\S+?)-Product", built).group(1)
    found = re.search(r"BLAS_INFO=(\w+)", built)
    return f"BLAS {found.group(1)}" if found else "unknown"
