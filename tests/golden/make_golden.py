#!/usr/bin/env python3
"""Writes golden.txt: one training step of tiny transformers and decoder-only models, with several options.

A second implementation of both models, on numpy alone, in float64, batch first, written from the papers (Vaswani et
al. 2017; Xiong et al. 2020 for pre-norm; Radford et al. 2019 for the decoder; Zhang & Sennrich 2019 for the norm by
the root mean square; Press & Wolf 2017 for tied tables), sharing nothing with the C++ code. There
is no backward pass: every derivative is a complex step of the forward pass, imag(loss(p + ih)) / h with h = 1e-100.

    python3 make_golden.py > golden.txt
"""
import math
import sys

import numpy as np

PADDING, START, END = 0, 1, 2
STEP = 1e-100


def norm(p, name, x):
    if name + ".bias" not in p:
        return p[name + ".gain"] * x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred * centred).mean(-1, keepdims=True)
    return p[name + ".gain"] * centred / np.sqrt(variance + 1e-5) + p[name + ".bias"]


def linear(p, name, x):
    return x @ p[name + ".weight"] + p[name + ".bias"]


def softmax(x):
    e = np.exp(x - x.real.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(p, name, x, memory, case, allowed):
    """x (B, Q, C), memory (B, K, C), allowed (B, Q, K)."""
    batch, queries, channels = x.shape
    heads = case["heads"]
    width = case.get("head_width", channels // heads)
    scale = case.get("scale", 1 / math.sqrt(width))

    def split(y):
        return y.reshape(batch, -1, heads, width).transpose(0, 2, 1, 3)

    q = split(linear(p, name + ".query", x))
    k, v = split(linear(p, name + ".key", memory)), split(linear(p, name + ".value", memory))
    scores = q @ k.transpose(0, 1, 3, 2) * scale
    weights = softmax(np.where(allowed[:, None], scores, -np.inf))
    return linear(p, name + ".output", (weights @ v).transpose(0, 2, 1, 3).reshape(batch, queries, heads * width))


def relu(x):
    return np.where(x.real > 0, x, 0)


def gelu(x):
    # numpy has no erf of a complex number: its first-order Taylor series is exact for an imaginary part of 1e-100.
    z = x / math.sqrt(2)
    erf = np.vectorize(math.erf)(z.real) + 1j * z.imag * 2 / math.sqrt(math.pi) * np.exp(-(z.real**2))
    return x / 2 * (1 + erf)


def gelu_tanh(x):
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def silu(x):
    return x / (1 + np.exp(-x))


def layer(p, name, x, case, self_allowed, memory=None, memory_allowed=None):
    def sublayer(part, x, f):
        if case.get("post"):
            return norm(p, f"{name}.{part}_norm", x + f(x))
        return x + f(norm(p, f"{name}.{part}_norm", x))

    def feed_forward(h):
        inner = case["activation"](linear(p, name + ".feed_forward.inner", h))
        return linear(p, name + ".feed_forward.outer", inner)

    x = sublayer("self_attention", x, lambda h: attention(p, name + ".self_attention", h, h, case, self_allowed))
    if memory is not None:
        cross = name + ".cross_attention"
        x = sublayer("cross_attention", x, lambda h: attention(p, cross, h, memory, case, memory_allowed))
    return sublayer("feed_forward", x, feed_forward)


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
    table = "source_embedding" if case.get("tied") else "target_embedding"

    def embed(name, ids):
        return p[name + ".weight"][ids] * math.sqrt(width) + sinusoids(ids.shape[1], width)

    x = embed("source_embedding", source)
    allowed = np.repeat(seen[:, None, :], source.shape[1], 1)
    for i in range(case["layers"]):
        x = layer(p, f"encoder.layers.{i}", x, case, allowed)
    memory = norm(p, "encoder.norm", x)
    y = embed(table, target)
    allowed = np.repeat(seen[:, None, :], target.shape[1], 1)
    for i in range(case["layers"]):
        y = layer(p, f"decoder.layers.{i}", y, case, causal(*target.shape), memory, allowed)
    y = norm(p, "decoder.norm", y)
    logits = y @ p[table + ".weight"].T + p["output.bias"] if case.get("tied") else linear(p, "output", y)
    return cross_entropy(logits, case["expected"], case["smoothing"])


def decoder_loss(p, case):
    ids = case["input"]
    x = p["embedding.weight"][ids]
    if "embedding.positions.weight" in p:
        x = x + p["embedding.positions.weight"][: ids.shape[1]]
    for i in range(case["layers"]):
        x = layer(p, f"decoder.layers.{i}", x, case, causal(*ids.shape))
    return cross_entropy(linear(p, "output", norm(p, "decoder.norm", x)), case["expected"], case["smoothing"])


def layer_shapes(name, case, cross):
    shapes = {}
    width, inner = case["width"], case["inner"]
    heads_width = case["heads"] * case.get("head_width", width // case["heads"])
    for attention_name in ["self_attention"] + ["cross_attention"] * cross:
        for part in ["query", "key", "value"]:
            shapes[f"{name}.{attention_name}.{part}"] = (width, heads_width)
        shapes[f"{name}.{attention_name}.output"] = (heads_width, width)
        shapes[f"{name}.{attention_name}_norm"] = (width,)
    shapes[f"{name}.feed_forward.inner"] = (width, inner)
    shapes[f"{name}.feed_forward.outer"] = (inner, width)
    shapes[f"{name}.feed_forward_norm"] = (width,)
    return shapes


def parameters(tables, stacks, case, seed):
    """tables: name → entries; stacks: name → whether its layers attend a memory."""
    width = case["width"]
    parts = {}
    for name, cross in stacks.items():
        for i in range(case["layers"]):
            parts |= layer_shapes(f"{name}.layers.{i}", case, cross)
        parts[name + ".norm"] = (width,)
    parts["output"] = (width, case["vocabulary"])
    random = np.random.default_rng(seed)
    p = {name + ".weight": random.uniform(-1, 1, (entries, width)) for name, entries in tables.items()}
    for name, shape in parts.items():
        if not (case.get("tied") and name == "output"):
            p[name + (".gain" if len(shape) == 1 else ".weight")] = random.uniform(-1, 1, shape)
        if not (case.get("root_mean_square") and len(shape) == 1):
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
    case = {"layers": 2, "heads": 2, "width": 4, "inner": 6, "vocabulary": 8, "smoothing": 0.1, "activation": gelu}
    case["input"] = np.array([[START, 5, 4, 7], [START, 6, 6, PADDING]])
    case["expected"] = np.array([[5, 4, 7, END], [6, 6, END, PADDING]])
    tables = {"embedding": 8, "embedding.positions": 5}
    write("decoder", decoder_loss, parameters(tables, {"decoder": False}, case, 1), case, tables)
    other = case | {"layers": 1, "heads": 3, "head_width": 2, "scale": 0.5, "post": True, "activation": silu}
    other |= {"root_mean_square": True}
    tables = {"embedding": 8}
    write("decoder_post_rms", decoder_loss, parameters(tables, {"decoder": False}, other, 3), other, tables)
    case["source"] = np.array([[4, 5, 6], [6, 4, PADDING]])
    tables = {"source_embedding": 7, "target_embedding": 8}
    stacks = {"encoder": False, "decoder": True}
    case["activation"] = relu
    write("transformer", transformer_loss, parameters(tables, stacks, case, 2), case, tables)
    # As it was published: norms behind the sums; and with the default scale of heads that are not channels / heads wide.
    other = case | {"layers": 1, "head_width": 3, "post": True, "activation": gelu_tanh}
    write("transformer_post", transformer_loss, parameters(tables, stacks, other, 4), other, tables)
    other = case | {"layers": 1, "tied": True}
    tables = {"source_embedding": 8}
    write("transformer_tied", transformer_loss, parameters(tables, stacks, other, 5), other, tables)


if __name__ == "__main__":
    main()
