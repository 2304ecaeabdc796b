"""The PyTorch twin of `gtn bench device`: does the same work each time a line comes in, and says how many seconds it took.

    python bench_device.py WORK ROWS cpu|cuda:N f32|tf32

`cargo xtask bench device` starts it. The first line that it writes is "ready VERSION". Eager PyTorch as it comes: data on the
device, losses read every 50 steps, Adam with its default implementation.
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
        for places in batches:
            x, target = batch_of(places)
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


def of_h():
    network = h()
    source, target = torch.randn(rows, DIM, device=device), torch.randn(rows, DIM, device=device)
    adam = torch.optim.Adam(network.parameters(), lr=5e-5)
    return epoch(network, adam, lambda places: (source[places], target[places]))


def of_autoencoder():
    network = autoencoder()
    pixels = torch.randint(0, 256, (rows, 3, 64, 64), dtype=torch.uint8, device=device)
    adam = torch.optim.Adam(network.parameters(), lr=1e-4, weight_decay=1e-5)

    def batch_of(places):
        images = pixels[places].float() / 127.5 - 1.0
        return images, images

    return epoch(network, adam, batch_of)


def of_samples(to_host):
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
    "h-epoch": of_h,
    "autoencoder-epoch": of_autoencoder,
    "samples": lambda: of_samples(False),
    "samples-to-host": lambda: of_samples(True),
}[work]()
run(min(rows, 10 * BATCH))
synchronize()
print(f"ready {torch.__version__}", flush=True)
for _ in sys.stdin:
    begun = time.perf_counter()
    run(rows)
    synchronize()
    print(time.perf_counter() - begun, flush=True)
