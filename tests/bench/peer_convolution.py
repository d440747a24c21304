"""The convolutional encoder and decoder of tapehead (layers/models/convolution.cpp), in PyTorch: nn.Conv1d and F.glu.

Activations are (batch, channels, length), as nn.Conv1d likes them.
"""
from __future__ import annotations

import argparse
import math

import torch.nn.functional as F
from torch import Tensor, nn

from peer_model import Attention, Embedding

HALF = math.sqrt(0.5)


class GatedConvolution(nn.Module):
    """A convolution of which one half gates the other; causal: no later position is seen."""

    def __init__(self, channels: int, width: int, causal: bool) -> None:
        super().__init__()
        left = width - 1 if causal else (width - 1) // 2
        self.around = (left, width - 1 - left)
        self.convolution = nn.Conv1d(channels, 2 * channels, width)

    def forward(self, x: Tensor) -> Tensor:
        return F.glu(self.convolution(F.pad(x, self.around)), dim=1)


class Convolution(nn.Module):
    """Gated convolutions, and attention in every layer of the decoder: tokens to the loss."""

    def __init__(self, options: argparse.Namespace, fused: bool, chunked: bool) -> None:
        super().__init__()
        channels, width, layers = options.d_model, options.kernel_width, options.layers
        self.source_embedding, self.embedding = Embedding(options), Embedding(options)
        self.encoder = nn.ModuleList(GatedConvolution(channels, width, False) for _ in range(layers))
        self.decoder = nn.ModuleList(GatedConvolution(channels, width, True) for _ in range(layers))
        self.attention = nn.ModuleList(Attention(channels, options.heads, True, False, fused) for _ in range(layers))
        self.output = nn.Linear(channels, options.vocabulary)
        self.loss_options = nn.LinearCrossEntropyOptions() if chunked else None

    def forward(self, source: Tensor, ids: Tensor, expected: Tensor) -> Tensor:
        embedded = self.source_embedding(source)
        x = embedded.transpose(1, 2)
        for convolution in self.encoder:
            x = (x + convolution(x)) * HALF
        memory = x.transpose(1, 2)
        values = (memory + embedded) * (HALF * math.sqrt(source.shape[1]))  # all sources are equally long

        embedded = self.embedding(ids)
        x = embedded.transpose(1, 2)
        for convolution, attention in zip(self.decoder, self.attention):
            y = convolution(x).transpose(1, 2)
            y = (y + attention(y + embedded, memory, None, values)) * HALF
            x = (x + y.transpose(1, 2)) * HALF
        features = x.transpose(1, 2).flatten(0, 1)
        if self.loss_options is None:
            return F.cross_entropy(self.output(features), expected)
        return F.linear_cross_entropy(
            features, self.output.weight, expected, linear_bias=self.output.bias, options=self.loss_options
        )
