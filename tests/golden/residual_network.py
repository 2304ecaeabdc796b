"""The residual network of a flow and of ĥ, as in crates/gtn-models/src/residual.rs. make_residual.py and bench_train.py use it."""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width, condition):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width + condition, width)
        self.linear2 = nn.Linear(width, width)

    def forward(self, h, condition):
        a = self.norm(h)
        if condition.shape[1] > 0:
            a = torch.cat([a, condition], dim=1)
        return h + self.linear2(nn.functional.silu(self.linear1(a)))


class Residual(nn.Module):
    def __init__(self, dim, condition, width, blocks, adds_input):
        super().__init__()
        self.dim, self.adds_input = dim, adds_input
        self.input = nn.Linear(dim + condition, width)
        self.block = nn.ModuleList([Block(width, condition) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, dim)

    def forward(self, rows):
        x, condition = rows[:, : self.dim], rows[:, self.dim :]
        h = self.input(rows)
        for block in self.block:
            h = block(h, condition)
        g = self.output(self.norm(h))
        return x + g if self.adds_input else g
