"""The recurrent encoder and decoder of tapehead (layers/models/rnn.cpp), in PyTorch: nn.GRU, nn.LSTM and nn.RNN.

Activations are (batch, length, channels).
"""
from __future__ import annotations

import argparse

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from peer_model import Attention, Embedding

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM, "tanh": nn.RNN}


class Recurrent(nn.Module):
    """An encoder that reads from either end, a decoder that begins where it ended, and attention: tokens to the loss."""

    def __init__(self, options: argparse.Namespace, fused: bool, chunked: bool) -> None:
        super().__init__()
        width, cell = options.d_model, CELLS[options.cell]
        self.source_embedding, self.embedding = Embedding(options), Embedding(options)
        self.encoder = cell(width, width // 2, options.layers, batch_first=True, bidirectional=True)
        self.decoder = cell(width, width, options.layers, batch_first=True)
        attends = options.model == "rnn"
        self.attention = Attention(width, options.heads, True, False, fused) if attends else None
        self.combination = nn.Linear(width, width, bias=False) if attends else None
        self.output = nn.Linear(width, options.vocabulary)
        self.loss_options = nn.LinearCrossEntropyOptions() if chunked else None
        self.layers = options.layers
        # PyTorch has two biases where one is added to the other; tapehead has the sum. A GRU's candidate needs both.
        gates = {"gru": 2, "lstm": 4, "tanh": 1}[options.cell]
        self.repeated_biases = options.layers * gates * (2 * (width // 2) + width)

    def joined(self, last: Tensor) -> Tensor:
        """(layers · 2, B, C / 2), each direction by itself → (layers, B, C)."""
        _, batch, half = last.shape
        return last.view(self.layers, 2, batch, half).transpose(1, 2).reshape(self.layers, batch, 2 * half)

    def forward(self, source: Tensor, ids: Tensor, expected: Tensor) -> Tensor:
        memory, last = self.encoder(self.source_embedding(source))
        first = tuple(map(self.joined, last)) if isinstance(last, tuple) else self.joined(last)
        features, _ = self.decoder(self.embedding(ids), first)
        if self.attention is not None:
            features = torch.tanh(self.attention(features, memory, None) + self.combination(features))
        features = features.flatten(0, 1)
        if self.loss_options is None:
            return F.cross_entropy(self.output(features), expected)
        return F.linear_cross_entropy(
            features, self.output.weight, expected, linear_bias=self.output.bias, options=self.loss_options
        )
