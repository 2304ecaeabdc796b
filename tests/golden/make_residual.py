"""Writes residual.safetensors: the results of small residual networks in PyTorch.

The test in ../tests/residual.rs builds the same networks with the same weights and inputs, and compares the results: the
output, the gradients of all weights and of the input, the weights after three steps of AdamW, and their moving averages.

    pip install torch numpy safetensors
    python tests/golden/make_residual.py
"""

import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

from residual_network import Residual

torch.set_num_threads(1)
torch.manual_seed(1)
out = {}

ROWS = 40
DECAY = 0.9


def store(name, tensor):
    # A copy is needed because weights change in place later.
    out[name] = np.array(tensor.detach().numpy(), dtype=np.float32, order="C")


def rust_name(name):
    """block.1.norm.weight is called block.001.norm.weight in Rust."""
    return ".".join(f"{int(part):03}" if part.isdigit() else part for part in name.split("."))


def store_weights(prefix, tensors):
    for name, tensor in tensors.items():
        store(f"{prefix}.{rust_name(name)}", tensor)


# The cases of ../tests/residual.rs: dim, condition, width, blocks, adds_input.
for case, shape in {
    "velocity": (3, 2, 40, 2, False),
    "velocity-only": (2, 0, 7, 1, False),
    "h": (3, 0, 8, 2, True),
    "h-of-components": (2, 3, 9, 1, True),
}.items():
    network = Residual(*shape)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    rows = torch.randn(ROWS, shape[0] + shape[1], requires_grad=True)
    target = torch.randn(ROWS, shape[0])
    parameters = dict(network.named_parameters())
    store_weights(f"{case}.weights", parameters)
    store(f"{case}.input", rows)
    store(f"{case}.target", target)

    averages = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    adam = torch.optim.AdamW(network.parameters(), lr=1e-2, betas=(0.9, 0.99), weight_decay=0.1)
    for step in range(3):
        adam.zero_grad()
        output = network(rows)
        loss = nn.functional.mse_loss(output, target)
        loss.backward()
        if step == 0:
            store(f"{case}.output", output)
            store(f"{case}.input_gradient", rows.grad)
            store_weights(f"{case}.gradients", {name: p.grad for name, p in parameters.items()})
        adam.step()
        for name, parameter in parameters.items():
            averages[name].lerp_(parameter.detach(), 1 - DECAY)
    store_weights(f"{case}.after", parameters)
    store_weights(f"{case}.averages", averages)
    store(f"{case}.output_after", network(rows))

save_file(out, pathlib.Path(__file__).with_name("residual.safetensors"))
