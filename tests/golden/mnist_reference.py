"""The PyTorch reference of an MNIST run: repeats the training with the same initial weights, batches, latents and pairs.

    gtn config show mnist --protocol repo --epochs autoencoder=3,h=20 | sed "s/patience = 4/patience = 100/" > mnist.toml
    gtn reproduce mnist.toml --out RUN
    cargo run --release -p gtn-tests --example mnist_reference -- RUN REFERENCE.safetensors
    python tests/golden/mnist_reference.py RUN REFERENCE.safetensors DATASETS

It prints the validation losses of PyTorch and of GTN in Rust after each epoch, and the ratio of the final losses. It
requires torch, numpy and safetensors.
"""

import gzip
import json
import pathlib
import sys
import tomllib

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import nn

run, reference_file, datasets = map(pathlib.Path, sys.argv[1:])
config = tomllib.loads((run / "config.toml").read_text())["config"]
reference = load_file(reference_file)


def weights_of(prefix):
    arrays = {name.removeprefix(prefix): array for name, array in reference.items() if name.startswith(prefix)}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def rust_losses(stage):
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line["validation_loss"] for line in lines if line["kind"] == "epoch" and line["stage"] == stage]


def train(network, inputs, targets, validation, name, settings, rust_losses):
    """`inputs` and `targets` are functions of row indices, so that images need not be stored as floats."""
    adam = torch.optim.Adam(network.parameters(), lr=settings["learning_rate"], weight_decay=settings["weight_decay"])
    loss_of = nn.functional.mse_loss
    batch_size = settings["batch_size"]
    for epoch in range(1, len(rust_losses) + 1):
        network.train()
        rows = torch.from_numpy(reference[f"order.{name}.{epoch}"].astype(np.int64))
        last = len(rows) - len(rows) % batch_size if settings["drop_last"] else len(rows)
        for start in range(0, last, batch_size):
            indices = rows[start : min(start + batch_size, last)]
            loss = loss_of(network(inputs(indices)), targets(indices))
            adam.zero_grad()
            loss.backward()
            adam.step()
        network.eval()
        total, count = 0.0, 0
        with torch.no_grad():
            for x, y in validation:
                total += loss_of(network(x), y).item() * len(x)
                count += len(x)
        loss, rust_loss = total / count, rust_losses[epoch - 1]
        print(f"{name:12} epoch {epoch:3}: PyTorch {loss:.6f}, GTN in Rust {rust_loss:.6f}", flush=True)
    print(f"{name:12} ratio {rust_loss / loss:.4f}", flush=True)


def autoencoder():
    weights = weights_of("autoencoder.")
    dim = config["dim"]
    encoder = nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1), nn.ReLU(), nn.Conv2d(64, 128, 4, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(128 * 49, dim)
    )
    decoder = nn.Sequential(
        nn.Linear(dim, 128 * 49),
        nn.Unflatten(1, (128, 7, 7)),
        nn.ConvTranspose2d(128, 64, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, 2, 1),
        nn.Tanh(),
    )
    modules = {
        "encoder.conv1": encoder[0],
        "encoder.conv2": encoder[2],
        "encoder.linear": encoder[5],
        "decoder.linear": decoder[0],
        "decoder.deconv1": decoder[2],
        "decoder.deconv2": decoder[4],
    }
    with torch.no_grad():
        for name, module in modules.items():
            module.weight.copy_(weights[f"{name}.weight"])
            module.bias.copy_(weights[f"{name}.bias"])
    with gzip.open(datasets / "mnist" / "train-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read()[16:], dtype=np.uint8).reshape(-1, 1, 28, 28)
    pixels = torch.from_numpy(pixels.copy())
    names = ("train", "validation")
    splits = {name: torch.from_numpy(reference[f"split.{name}"].astype(np.int64)) for name in names}

    def images(rows):
        return pixels[rows].float() / 127.5 - 1.0

    def training(rows):
        return images(splits["train"][rows])

    settings = config["autoencoder"]["training"]
    validation = [(x, x) for x in map(images, splits["validation"].split(settings["batch_size"]))]
    network = nn.Sequential(encoder, decoder)
    train(network, training, training, validation, "autoencoder", settings, rust_losses("autoencode"))


class H(nn.Module):
    def __init__(self, settings):
        super().__init__()
        weights = weights_of("h.")
        self.negative_slope = settings["negative_slope"]
        layers, norm_layers = settings["hidden_layers"], settings["batch_norm_layers"]
        width, dim = settings["width"], config["dim"]
        self.linears = nn.ModuleList([nn.Linear(dim if k == 0 else width, width) for k in range(layers)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(width) for _ in range(norm_layers)])
        self.output = nn.Linear(width, dim)
        names = [(f"hidden.{k:03}.linear", linear) for k, linear in enumerate(self.linears)]
        with torch.no_grad():
            for name, linear in names + [("output", self.output)]:
                linear.weight.copy_(weights[f"{name}.weight"])
                linear.bias.copy_(weights[f"{name}.bias"])

    def forward(self, x):
        for k, linear in enumerate(self.linears):
            x = nn.functional.leaky_relu(linear(x), self.negative_slope)
            if k < len(self.norms):
                x = self.norms[k](x)
        return self.output(x)


def regression():
    latents = load_file(run / "latents" / "latents.safetensors")
    pairs = load_file(run / "pairs" / "pairs.safetensors")

    def pairs_of(split):
        targets = (latents[split] - latents["mean"]) / latents["std"]
        matching = pairs[f"{split}.matching"].astype(np.int64)
        return torch.from_numpy(pairs[f"{split}.source"]), torch.from_numpy(targets[matching])

    source, target = pairs_of("train")
    settings = config["h"]["training"]
    validation = list(zip(*(rows.split(settings["batch_size"]) for rows in pairs_of("validation"))))
    network, losses = H(config["h"]), rust_losses("fit")
    train(network, lambda rows: source[rows], lambda rows: target[rows], validation, "h", settings, losses)


autoencoder()
regression()
