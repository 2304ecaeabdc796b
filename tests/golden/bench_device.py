"""The PyTorch reference of `gtn bench device`.

It reads lines from standard input. For each line it does the same work as `gtn` and prints the seconds that this took.

    python bench_device.py WORK ROWS cpu|cuda:N f32|tf32

`cargo xtask bench device` starts this script. Its first line of output is "ready VERSION". It uses eager PyTorch with
default settings: the data is on the device, losses are read every 50 steps, and Adam has its default implementation.
"""

import sys
import time

import torch
from torch import nn

work, rows, device, precision = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
torch.manual_seed(1)
torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
torch.backends.cudnn.allow_tf32 = precision == "tf32"
BATCH, DIM, WIDTH, LAYERS = 200, 100, 1200, 25


def autoencoder():
    return nn.Sequential(
        nn.Conv2d(3, 64, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(64, 128, 4, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(128 * 16 * 16, DIM),
        nn.Linear(DIM, 128 * 16 * 16),
        nn.Unflatten(1, (128, 16, 16)),
        nn.ConvTranspose2d(128, 64, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 3, 4, 2, 1),
        nn.Tanh(),
    ).to(device)


def h():
    modules = []
    for layer in range(LAYERS):
        modules += [nn.Linear(DIM if layer == 0 else WIDTH, WIDTH), nn.LeakyReLU(0.5), nn.BatchNorm1d(WIDTH)]
    return nn.Sequential(*modules, nn.Linear(WIDTH, DIM)).to(device)


def epoch(network, adam, batch_of):
    def run(rows):
        order = torch.randperm(rows, device=device)
        losses = []
        batches = list(order.split(BATCH))
        if len(batches) > 1 and len(batches[-1]) == 1:
            # BatchNorm cannot train on one sample.
            batches[-2:] = [torch.cat(batches[-2:])]
        for indices in batches:
            x, target = batch_of(indices)
            adam.zero_grad()
            loss = nn.functional.mse_loss(network(x), target)
            loss.backward()
            adam.step()
            losses.append(loss.detach())
            if len(losses) == 50:
                torch.stack(losses).tolist()
                losses = []
        if losses:
            torch.stack(losses).tolist()

    return run


def h_epoch():
    network = h()
    source, target = torch.randn(rows, DIM, device=device), torch.randn(rows, DIM, device=device)
    adam = torch.optim.Adam(network.parameters(), lr=5e-5)
    return epoch(network, adam, lambda indices: (source[indices], target[indices]))


def autoencoder_epoch():
    network = autoencoder()
    pixels = torch.randint(0, 256, (rows, 3, 64, 64), dtype=torch.uint8, device=device)
    adam = torch.optim.Adam(network.parameters(), lr=1e-4, weight_decay=1e-5)

    def batch_of(indices):
        images = pixels[indices].float() / 127.5 - 1.0
        return images, images

    return epoch(network, adam, batch_of)


def sampling(to_host):
    network, decoder = h().eval(), autoencoder()[6:].eval()
    source = torch.randn(1000, DIM, device=device)

    def run(_):
        with torch.no_grad():
            images = decoder(network(source))
        if to_host:
            images.cpu()

    return run


def synchronize():
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


run = {
    "h-epoch": h_epoch,
    "autoencoder-epoch": autoencoder_epoch,
    "samples": lambda: sampling(False),
    "samples-to-host": lambda: sampling(True),
}[work]()
run(min(rows, 10 * BATCH))
synchronize()
print(f"ready {torch.__version__}", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    run(rows)
    synchronize()
    print(time.perf_counter() - start, flush=True)
