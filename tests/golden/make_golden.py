"""Writes networks.safetensors: the results of small networks in PyTorch.

The tests in ../tests/golden.rs build the same networks with the same weights and inputs, and compare the results.
Weights and inputs come from a formula that both programs evaluate exactly, so only results are stored.

    pip install torch numpy safetensors
    python tests/golden/make_golden.py
"""

import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

torch.set_num_threads(1)
out = {}


def values(shape, key, bound):
    """Pseudorandom values in [-bound, bound) with 24 random bits each, exact in f32."""
    i = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(key * 1_000_003)
    h = (i * np.uint64(0x9E3779B97F4A7C15)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    h ^= h >> np.uint64(29)
    h = (h * np.uint64(0xBF58476D1CE4E5B9)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    unit = (h >> np.uint64(40)).astype(np.float32) / np.float32(2**24)
    return ((unit * np.float32(2) - np.float32(1)) * np.float32(bound)).reshape(shape)


def fill(module, names, bias):
    """Sets the parameters of `module`, in the order of `names` (the order of the parameters in Rust).

    The biases of ĥ are small, so that every unit sees both signs. Otherwise BatchNorm would cancel the bias of a unit.
    Its gradient would then be only rounding error, and Adam would turn that into full steps.
    """
    parameters = dict(module.named_parameters())
    for key, name in enumerate(names):
        p = parameters[name]
        with torch.no_grad():
            bound = bias if name.endswith("bias") else 0.25
            p.copy_(torch.from_numpy(values(tuple(p.shape), key + 1, bound)))


def store(name, tensor):
    # A copy is needed because running statistics change in place later.
    out[name] = np.array(tensor.detach().numpy(), dtype=np.float32, order="C")


# ĥ: input of width 3, 4 hidden layers of width 8, BatchNorm on the first 3 of them, output of width 2.
class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(3 if k == 0 else 8, 8) for k in range(4)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(8) for _ in range(3)])
        self.output = nn.Linear(8, 2)

    def forward(self, x):
        for k, linear in enumerate(self.linears):
            x = nn.functional.leaky_relu(linear(x), 0.5)
            if k < 3:
                x = self.norms[k](x)
        return self.output(x)


h = Mlp()
order = []
for k in range(4):
    order += [f"linears.{k}.bias", f"linears.{k}.weight"]
    order += [f"norms.{k}.bias", f"norms.{k}.weight"] if k < 3 else []
fill(h, order + ["output.bias", "output.weight"], 0.02)
batches = [torch.from_numpy(values((16, 3), 100 + k, 2.0)) for k in range(4)]
targets = [torch.from_numpy(values((16, 2), 200 + k, 2.0)) for k in range(4)]
h.train()
store("mlp.train", h(batches[0]))
h(batches[1])
h(batches[2])
for k in range(3):
    store(f"mlp.running_mean.{k}", h.norms[k].running_mean)
    store(f"mlp.running_var.{k}", h.norms[k].running_var)
h.eval()
store("mlp.evaluate", h(batches[3]))
h.train()
adam = torch.optim.Adam(h.parameters(), lr=1e-3)
losses = []
for step in range(100):
    loss = nn.functional.mse_loss(h(batches[step % 4]), targets[step % 4])
    adam.zero_grad()
    loss.backward()
    adam.step()
    losses.append(loss.item())
out["mlp.losses"] = np.array(losses, dtype=np.float32)
for name, p in h.named_parameters():
    store(f"mlp.weights.{name}", p)
h.eval()
store("mlp.after", h(batches[3]))

# The autoencoder: one channel, images of 8x8 pixels, d = 3.
IMAGE_SIZE, DIM = 8, 3
encoder = nn.Sequential(
    nn.Conv2d(1, 64, 4, 2, 1), nn.ReLU(), nn.Conv2d(64, 128, 4, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(128 * 4, DIM)
)
decoder = nn.Sequential(
    nn.Linear(DIM, 128 * 4),
    nn.Unflatten(1, (128, 2, 2)),
    nn.ConvTranspose2d(128, 64, 4, 2, 1),
    nn.ReLU(),
    nn.ConvTranspose2d(64, 1, 4, 2, 1),
    nn.Tanh(),
)
ae = nn.Sequential(encoder, decoder)
fill(
    ae,
    ["1.2.bias", "1.2.weight", "1.4.bias", "1.4.weight", "1.0.bias", "1.0.weight"]
    + ["0.0.bias", "0.0.weight", "0.2.bias", "0.2.weight", "0.5.bias", "0.5.weight"],
    0.25,
)
images = [torch.from_numpy(values((6, 1, IMAGE_SIZE, IMAGE_SIZE), 300 + k, 1.0)) for k in range(2)]
store("autoencoder.latents", encoder(images[0]))
store("autoencoder.images", ae(images[0]))
adam = torch.optim.Adam(ae.parameters(), lr=1e-4, weight_decay=1e-2)
losses = []
for step in range(100):
    x = images[step % 2]
    loss = nn.functional.mse_loss(ae(x), x)
    adam.zero_grad()
    loss.backward()
    if step == 0:
        for name, p in ae.named_parameters():
            store(f"autoencoder.gradient_norm.{name}", p.grad.norm().reshape(1))
    adam.step()
    losses.append(loss.item())
out["autoencoder.losses"] = np.array(losses, dtype=np.float32)
store("autoencoder.after", ae(images[0]))

save_file(out, pathlib.Path(__file__).parent / "networks.safetensors")
print(f"{len(out)} tensors with PyTorch {torch.__version__}; last losses {losses[-1]:.6f}, {out['mlp.losses'][-1]:.6f}")
