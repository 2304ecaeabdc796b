"""The PyTorch twin of `gtn bench train`: does the same work each time a line comes in, and says how many seconds it took.

    python bench_train.py WORK REPETITIONS [DATASETS]

`cargo xtask bench train` starts it. The first line that it writes is "ready VERSION"; at the end of its input it writes the
most memory that it held, in bytes.
"""

import gzip
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn


def autoencoder(channels, side, dim):
    flat = 128 * (side // 4) ** 2
    return nn.Sequential(
        nn.Conv2d(channels, 64, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(64, 128, 4, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(flat, dim),
        nn.Linear(dim, flat),
        nn.Unflatten(1, (128, side // 4, side // 4)),
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


def training(network, x, target, l2=0.0):
    adam = torch.optim.Adam(network.parameters(), lr=1e-4, weight_decay=l2)

    def step():
        adam.zero_grad()
        loss = nn.functional.mse_loss(network(x), target)
        loss.item()
        loss.backward()
        adam.step()

    return step


def of_autoencoder(channels, side, dim, batch):
    images = torch.randn(batch, channels, side, side).clamp(-1, 1)
    return training(autoencoder(channels, side, dim), images, images, 1e-5)


def of_h(dim, width, layers, batch):
    return training(h(dim, width, layers), torch.randn(batch, dim), torch.randn(batch, dim))


def of_samples():
    network, decoder = h(100, 1200, 25).eval(), autoencoder(3, 64, 100)[6:].eval()
    source = torch.randn(1000, 100)

    def sample():
        with torch.no_grad():
            decoder(network(source))

    return sample


def of_load(datasets):
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
    "autoencoder-mnist": lambda: of_autoencoder(1, 28, 5, 128),
    "autoencoder-celeba": lambda: of_autoencoder(3, 64, 100, 200),
    "h-mnist": lambda: of_h(5, 50, 7, 128),
    "h-celeba": lambda: of_h(100, 1200, 25, 200),
    "samples": of_samples,
    "load": lambda: of_load(sys.argv[3]),
}[sys.argv[1]]()
repetitions = int(sys.argv[2])
work()
print(f"ready {torch.__version__}", flush=True)
for _ in sys.stdin:
    begun = time.perf_counter()
    for _ in range(repetitions):
        work()
    print((time.perf_counter() - begun) / repetitions, flush=True)
print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
