#!/usr/bin/env python3
"""Writes golden.txt: one training step of a tiny transformer and of a tiny decoder-only model.

A second implementation of both models, on numpy alone, in float64, batch first, written from the papers (Vaswani et
al. 2017; Xiong et al. 2020 for pre-norm; Radford et al. 2019 for the decoder), sharing nothing with the C++ code. There
is no backward pass: every derivative is a complex step of the forward pass, imag(loss(p + ih)) / h with h = 1e-100.

    python3 make_golden.py > golden.txt
"""
import math
import sys

import numpy as np

PADDING, START, END = 0, 1, 2
STEP = 1e-100


def norm(p, name, x):
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred * centred).mean(-1, keepdims=True)
    return p[name + ".gain"] * centred / np.sqrt(variance + 1e-5) + p[name + ".bias"]


def linear(p, name, x):
    return x @ p[name + ".weight"] + p[name + ".bias"]


def softmax(x):
    e = np.exp(x - x.real.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(p, name, x, memory, heads, allowed):
    """x (B, Q, C), memory (B, K, C), allowed (B, Q, K)."""
    batch, queries, width = x.shape

    def split(y):
        return y.reshape(batch, -1, heads, width // heads).transpose(0, 2, 1, 3)

    q = split(linear(p, name + ".query", x))
    k, v = split(linear(p, name + ".key", memory)), split(linear(p, name + ".value", memory))
    scores = q @ k.transpose(0, 1, 3, 2) / math.sqrt(width // heads)
    weights = softmax(np.where(allowed[:, None], scores, -np.inf))
    return linear(p, name + ".output", (weights @ v).transpose(0, 2, 1, 3).reshape(batch, queries, width))


def relu(x):
    return np.where(x.real > 0, x, 0)


def gelu(x):
    # numpy has no erf of a complex number: its first-order Taylor series is exact for an imaginary part of 1e-100.
    z = x / math.sqrt(2)
    erf = np.vectorize(math.erf)(z.real) + 1j * z.imag * 2 / math.sqrt(math.pi) * np.exp(-(z.real**2))
    return x / 2 * (1 + erf)


def layer(p, name, x, heads, activation, self_allowed, memory=None, memory_allowed=None):
    h = norm(p, name + ".self_attention_norm", x)
    x = x + attention(p, name + ".self_attention", h, h, heads, self_allowed)
    if memory is not None:
        h = norm(p, name + ".cross_attention_norm", x)
        x = x + attention(p, name + ".cross_attention", h, memory, heads, memory_allowed)
    h = norm(p, name + ".feed_forward_norm", x)
    return x + linear(p, name + ".feed_forward.outer", activation(linear(p, name + ".feed_forward.inner", h)))


def sinusoids(positions, channels):
    table = np.zeros((positions, channels))
    for t in range(positions):
        for i in range(0, channels, 2):
            table[t, i] = math.sin(t / 10000 ** (i / channels))
            table[t, i + 1] = math.cos(t / 10000 ** (i / channels))
    return table


def causal(batch, positions):
    return np.broadcast_to(np.tril(np.ones((positions, positions), bool)), (batch, positions, positions))


def cross_entropy(logits, expected, smoothing):
    counted = expected != PADDING
    largest = logits.real.max(-1, keepdims=True)
    log_p = logits - largest - np.log(np.exp(logits - largest).sum(-1, keepdims=True))
    right = np.take_along_axis(log_p, expected[..., None], -1)[..., 0]
    return -(((1 - smoothing) * right + smoothing * log_p.mean(-1)) * counted).sum() / counted.sum()


def transformer_loss(p, case):
    source, target, width = case["source"], case["input"], case["width"]
    seen = source != PADDING

    def embed(name, ids):
        return p[name + ".weight"][ids] * math.sqrt(width) + sinusoids(ids.shape[1], width)

    x = embed("source_embedding", source)
    allowed = np.repeat(seen[:, None, :], source.shape[1], 1)
    for i in range(case["layers"]):
        x = layer(p, f"encoder.layers.{i}", x, case["heads"], relu, allowed)
    memory = norm(p, "encoder.norm", x)
    y = embed("target_embedding", target)
    allowed = np.repeat(seen[:, None, :], target.shape[1], 1)
    for i in range(case["layers"]):
        y = layer(p, f"decoder.layers.{i}", y, case["heads"], relu, causal(*target.shape), memory, allowed)
    return cross_entropy(linear(p, "output", norm(p, "decoder.norm", y)), case["expected"], case["smoothing"])


def decoder_loss(p, case):
    ids = case["input"]
    x = p["embedding.weight"][ids] + p["embedding.positions.weight"][: ids.shape[1]]
    for i in range(case["layers"]):
        x = layer(p, f"decoder.layers.{i}", x, case["heads"], gelu, causal(*ids.shape))
    return cross_entropy(linear(p, "output", norm(p, "decoder.norm", x)), case["expected"], case["smoothing"])


def layer_shapes(name, width, inner, cross):
    shapes = {}
    for attention_name in ["self_attention"] + ["cross_attention"] * cross:
        for part in ["query", "key", "value", "output"]:
            shapes[f"{name}.{attention_name}.{part}"] = (width, width)
        shapes[f"{name}.{attention_name}_norm"] = (width,)
    shapes[f"{name}.feed_forward.inner"] = (width, inner)
    shapes[f"{name}.feed_forward.outer"] = (inner, width)
    shapes[f"{name}.feed_forward_norm"] = (width,)
    return shapes


def parameters(tables, stacks, case, seed):
    """tables: name → entries; stacks: name → whether its layers attend a memory."""
    width, inner = case["width"], case["inner"]
    parts = {}
    for name, cross in stacks.items():
        for i in range(case["layers"]):
            parts |= layer_shapes(f"{name}.layers.{i}", width, inner, cross)
        parts[name + ".norm"] = (width,)
    parts["output"] = (width, case["vocabulary"])
    random = np.random.default_rng(seed)
    p = {name + ".weight": random.uniform(-1, 1, (entries, width)) for name, entries in tables.items()}
    for name, shape in parts.items():
        p[name + (".gain" if len(shape) == 1 else ".weight")] = random.uniform(-1, 1, shape)
        p[name + ".bias"] = random.uniform(-1, 1, shape[-1:])
    return {name: value.astype(complex) for name, value in p.items()}


def gradient(loss, p, name, case):
    d = np.zeros(p[name].shape)
    for at in np.ndindex(d.shape):
        p[name][at] += 1j * STEP
        d[at] = loss(p, case).imag / STEP
        p[name][at] = p[name][at].real
    return d


def write(name, loss, p, case, tables):
    print("case", name)
    for tokens in ["source", "input", "expected"]:
        if tokens in case:
            print(tokens, *case[tokens].shape, *case[tokens].flatten())
    print("loss", repr(float(loss(p, case).real)))
    for parameter, value in p.items():
        # Column-major (in, out); a table (entries, channels) lies entry by entry.
        order = "C" if parameter.removesuffix(".weight") in tables else "F"
        for what, numbers in [("value", value.real), ("gradient", gradient(loss, p, parameter, case))]:
            print(what, parameter, value.size, *(repr(float(x)) for x in numbers.flatten(order)))


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    case = {"layers": 2, "heads": 2, "width": 4, "inner": 6, "vocabulary": 8, "smoothing": 0.1}
    case["input"] = np.array([[START, 5, 4, 7], [START, 6, 6, PADDING]])
    case["expected"] = np.array([[5, 4, 7, END], [6, 6, END, PADDING]])
    tables = {"embedding": 8, "embedding.positions": 5}
    write("decoder", decoder_loss, parameters(tables, {"decoder": False}, case, 1), case, tables)
    case["source"] = np.array([[4, 5, 6], [6, 4, PADDING]])
    tables = {"source_embedding": 7, "target_embedding": 8}
    stacks = {"encoder": False, "decoder": True}
    write("transformer", transformer_loss, parameters(tables, stacks, case, 2), case, tables)


if __name__ == "__main__":
    main()
