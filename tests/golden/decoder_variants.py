"""Trains the decoder of a run alone on its latents, with other losses, inputs and layers, to see which make sharper images.

    python decoder_variants.py RUN FOLDER OUT spectrum noise --epochs 4 --batch 16 --rate 2e-3

takes the encoder and the decoder of RUN, whose images have 64 × 64 pixels, and images of that size in FOLDER: the last 600 in the order
of their names are decoded to OUT/VARIANT.npy and copied to OUT/real.npy; the first ones (--images) are trained on. Then

    gtn evaluate --real OUT/real.npy --generated OUT/VARIANT.npy --metrics fid,precision --inception-dims 768 --fid-weights FILE

docs/sharper-images.md has the results. Needs torch, safetensors and Pillow.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from torch_networks import Decoder, Encoder

HELD_OUT = 600
WEIGHT = 10.0
hann = torch.hann_window(10, periodic=False)[1:-1]
WINDOW = torch.outer(hann, hann)
BASIS = torch.tensor([[1.0, 1, 1], [1, -1, 0], [1, 1, -2]])
BASIS = BASIS / BASIS.norm(dim=1, keepdim=True)


class Variant(nn.Module):
    """The decoder, with noise or a residual block of 3 × 3 convolutions where its image has 32 × 32 pixels."""

    def __init__(self, decoder, noise=False, deeper=False):
        super().__init__()
        self.decoder, self.noise, self.deeper = decoder, noise, deeper
        if noise:
            self.inner, self.outer = nn.Parameter(torch.zeros(128)), nn.Parameter(torch.zeros(64))
        if deeper:
            self.first, self.second = nn.Conv2d(64, 64, 3, 1, 1), nn.Conv2d(64, 64, 3, 1, 1)
            nn.init.zeros_(self.second.weight)
            nn.init.zeros_(self.second.bias)

    def forward(self, latents):
        x = self.decoder.fc(latents).view(-1, 128, 16, 16)
        if self.noise:
            x = x + self.inner.view(1, -1, 1, 1) * torch.randn(len(x), 1, 16, 16)
        x = F.relu(self.decoder.conv2(x))
        if self.noise:
            x = x + self.outer.view(1, -1, 1, 1) * torch.randn(len(x), 1, 32, 32)
        if self.deeper:
            x = x + self.second(F.relu(self.first(x)))
        return torch.tanh(self.decoder.conv1(x))


def coefficients(images):
    """The spectra of all windows, (n, 3, windows, 40)."""
    n, channels, side, _ = images.shape
    patches = F.unfold(images.reshape(-1, 1, side, side), 8, stride=4).transpose(1, 2)
    spectra = torch.fft.rfft2(patches.reshape(-1, 8, 8) * WINDOW, norm="ortho")
    return spectra.reshape(n, channels, -1, 40)


def amplitudes(images, basis=BASIS):
    """As ImageLoss of gtn-models defines them, (n, 3, 40, h, w)."""
    if basis is not None:
        images = torch.einsum("oc,nchw->nohw", basis, images)
    powers = coefficients(images).abs() ** 2
    n, channels, windows, _ = powers.shape
    powers = powers.transpose(2, 3).reshape(n * channels, 40, math.isqrt(windows), -1)
    pooled = (F.avg_pool2d(powers, 3, 1) + 1e-6).sqrt()
    return pooled.reshape(n, channels, 40, *pooled.shape[2:])


def spectrum(weight=WEIGHT, basis=BASIS):
    def loss(decode, target):
        output = decode()
        difference = (amplitudes(output, basis) - amplitudes(target, basis)).abs().mean()
        return F.mse_loss(output, target) + weight * difference

    return loss


def squares(scale):
    def loss(decode, target):
        output = decode()
        difference = ((amplitudes(output) - amplitudes(target)) ** 2 / scale).mean()
        return F.mse_loss(output, target) + WEIGHT * difference

    return loss


def expectile(decode, target):
    """Too little amplitude counts nearly twice as much as too much of it."""
    output = decode()
    missing = amplitudes(target) - amplitudes(output)
    return F.mse_loss(output, target) + WEIGHT * torch.maximum(1.3 * missing, -0.7 * missing).mean()


def energy(decode, target):
    """The energy score of each frequency of each window, a proper scoring rule for a decoder with noise."""
    first, second, real = coefficients(decode()), coefficients(decode()), coefficients(target)

    def distance(a, b):
        return (((a - b).abs() ** 2).sum(1) + 1e-8).sqrt().mean()

    return 0.5 * (distance(first, real) + distance(second, real) - distance(first, second))


def variants(train):
    scale = amplitudes(train[:500]).mean((0, 3, 4))[None, :, :, None, None]
    return {
        "squared-error": ({}, lambda decode, target: F.mse_loss(decode(), target)),
        "spectrum": ({}, spectrum()),
        "spectrum-rgb": ({}, spectrum(basis=None)),
        "spectrum-30": ({}, spectrum(weight=30.0)),
        "squares": ({}, squares(scale)),
        "expectile": ({}, expectile),
        "noise": ({"noise": True}, spectrum()),
        "energy": ({"noise": True}, energy),
        "deeper": ({"deeper": True}, spectrum()),
    }


def read(path):
    return np.asarray(Image.open(path).convert("RGB"), dtype=np.float32).transpose(2, 0, 1) / 127.5 - 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("variants", nargs="+")
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)

    paths = sorted(arguments.folder.iterdir())
    chosen = paths[: min(arguments.images, len(paths) - HELD_OUT)] + paths[-HELD_OUT:]
    images = torch.tensor(np.stack([read(path) for path in chosen]))
    train, held_out = images[:-HELD_OUT], images[-HELD_OUT:]
    np.save(arguments.out / "real.npy", held_out.numpy())
    weights = load_file(arguments.run / "checkpoints" / "autoencoder.best.safetensors")
    dim = weights["weights.encoder.linear.bias"].numel()

    def load(module, name):
        prefix = f"weights.{name}."
        layers = {"linear": "fc", "deconv1": "conv2", "deconv2": "conv1"}
        found = [key[len(prefix) :].split(".") for key in weights if key.startswith(prefix)]
        module.load_state_dict(
            {f"{layers.get(layer, layer)}.{kind}": weights[f"{prefix}{layer}.{kind}"] for layer, kind in found}
        )
        return module

    encoder = load(Encoder(3, 64, dim), "encoder")
    with torch.no_grad():
        latents = torch.cat([encoder(part) for part in images.split(200)])
    all_variants = variants(train)
    for name in arguments.variants:
        layers, loss = all_variants[name]
        model = Variant(load(Decoder(3, 64, dim), "decoder"), **layers)
        optimizer = torch.optim.Adam(model.parameters(), arguments.rate)
        batches = len(train) // arguments.batch
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, arguments.epochs * batches)
        started = time.process_time()
        for _ in range(arguments.epochs):
            for rows in torch.randperm(len(train))[: batches * arguments.batch].split(arguments.batch):
                optimizer.zero_grad()
                loss(lambda: model(latents[rows]), train[rows]).backward()
                optimizer.step()
                schedule.step()
        with torch.no_grad():
            decoded = torch.cat([model(part) for part in latents[-HELD_OUT:].split(200)])
        np.save(arguments.out / f"{name}.npy", decoded.numpy())
        error = F.mse_loss(decoded, held_out).item()
        print(f"{name}: mean squared error {error:.4f}, {time.process_time() - started:.0f} s of processor time", flush=True)


if __name__ == "__main__":
    main()
