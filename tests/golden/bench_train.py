"""The PyTorch reference of `gtn bench train`.

It reads lines from standard input. For each line it does the same work as `gtn` and prints the seconds that this took.

    python bench_train.py WORK REPETITIONS [DATASETS]

`cargo xtask bench train` starts this script. Its first line of output is "ready VERSION". At the end of its input it
prints its peak memory in bytes.
"""

import gzip
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from residual_network import Residual


def autoencoder(channels, image_size, dim):
    flat = 128 * (image_size // 4) ** 2
    return nn.Sequential(
        nn.Conv2d(channels, 64, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(64, 128, 4, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(flat, dim),
        nn.Linear(dim, flat),
        nn.Unflatten(1, (128, image_size // 4, image_size // 4)),
        nn.ConvTranspose2d(128, 64, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(64, channels, 4, 2, 1),
        nn.Tanh(),
    )


def h(dim, width, layers):
    modules = []
    for layer in range(layers):
        modules += [nn.Linear(dim if layer == 0 else width, width), nn.LeakyReLU(0.5), nn.BatchNorm1d(width)]
    return nn.Sequential(*modules, nn.Linear(width, dim))


def training(network, x, target, weight_decay=0.0):
    adam = torch.optim.Adam(network.parameters(), lr=1e-4, weight_decay=weight_decay)

    def step():
        adam.zero_grad()
        loss = nn.functional.mse_loss(network(x), target)
        loss.item()
        loss.backward()
        adam.step()

    return step


def autoencoder_step(channels, image_size, dim, batch_size):
    images = torch.randn(batch_size, channels, image_size, image_size).clamp(-1, 1)
    return training(autoencoder(channels, image_size, dim), images, images, 1e-5)


def h_step(dim, width, layers, batch_size):
    return training(h(dim, width, layers), torch.randn(batch_size, dim), torch.randn(batch_size, dim))


def residual_step(dim, condition, width, blocks, adds_input, batch_size):
    """A step of AdamW, and of the moving averages of the weights, all weights at once."""
    network = Residual(dim, condition, width, blocks, adds_input)
    x, target = torch.randn(batch_size, dim + condition), torch.randn(batch_size, dim)
    parameters = list(network.parameters())
    averages = [parameter.detach().clone() for parameter in parameters]
    adam = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=1e-2)

    def step():
        adam.zero_grad()
        loss = nn.functional.mse_loss(network(x), target)
        loss.item()
        loss.backward()
        adam.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, parameters, 1e-3)

    return step


def sampling():
    network, decoder = h(100, 1200, 25).eval(), autoencoder(3, 64, 100)[6:].eval()
    source = torch.randn(1000, 100)

    def sample():
        with torch.no_grad():
            decoder(network(source))

    return sample


def inception():
    from torchvision.models import inception_v3

    network = inception_v3(weights=None, init_weights=False, transform_input=False).eval()
    images = torch.randn(50, 3, 299, 299).clamp(-1, 1)

    def logits():
        with torch.no_grad():
            network(images)

    return logits


def loading(datasets):
    def load():
        with gzip.open(Path(datasets) / "mnist" / "train-images-idx3-ubyte.gz") as file:
            pixels = np.frombuffer(file.read()[16:], dtype=np.uint8).reshape(-1, 1, 28, 28)
        with gzip.open(Path(datasets) / "mnist" / "train-labels-idx1-ubyte.gz") as file:
            np.frombuffer(file.read()[8:], dtype=np.uint8)
        images = torch.from_numpy(pixels.copy())
        for rows in torch.randperm(len(images)).split(128):
            images[rows].float() / 127.5 - 1.0

    return load


torch.manual_seed(1)
work = {
    "autoencoder-mnist": lambda: autoencoder_step(1, 28, 5, 128),
    "autoencoder-celeba": lambda: autoencoder_step(3, 64, 100, 200),
    "h-mnist": lambda: h_step(5, 50, 7, 128),
    "h-celeba": lambda: h_step(100, 1200, 25, 200),
    "flow-step": lambda: residual_step(100, 16, 512, 4, False, 256),
    "residual-h-step": lambda: residual_step(100, 0, 512, 4, True, 256),
    "samples": sampling,
    "inception": inception,
    "load": lambda: loading(sys.argv[3]),
}[sys.argv[1]]()
repetitions = int(sys.argv[2])
work()
print(f"ready {torch.__version__}", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    for _ in range(repetitions):
        work()
    print((time.perf_counter() - start) / repetitions, flush=True)
print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
