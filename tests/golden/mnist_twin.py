"""Repeats the training of an MNIST run in PyTorch: same initial weights, batches, latents and pairs.

    gtn config show mnist --protocol repo --epochs autoencoder=3,h=20 | sed "s/patience = 4/patience = 100/" > twin.toml
    gtn reproduce twin.toml --out RUN
    cargo run --release -p gtn-tests --example twin -- RUN TWIN.safetensors
    python tests/golden/mnist_twin.py RUN TWIN.safetensors DATASETS

prints the validation losses of both after each epoch, and the ratio of the last ones. It needs torch, numpy and safetensors.
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

run, twin_file, datasets = map(pathlib.Path, sys.argv[1:])
config = tomllib.loads((run / "config.toml").read_text())["config"]
twin = load_file(twin_file)


def part(prefix):
    return {name[len(prefix) :]: torch.from_numpy(array) for name, array in twin.items() if name.startswith(prefix)}


def ours(stage):
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line["validation_loss"] for line in lines if line["kind"] == "epoch" and line["stage"] == stage]


def train(network, inputs, targets, validation, order, settings, theirs):
    """`inputs` and `targets` are functions of rows, so that images need not be kept as floats."""
    adam = torch.optim.Adam(network.parameters(), lr=settings["learning_rate"], weight_decay=settings["l2"])
    loss_of = nn.functional.mse_loss
    batch = settings["batch"]
    for epoch in range(1, len(theirs) + 1):
        network.train()
        rows = torch.from_numpy(twin[f"order.{order}.{epoch}"].astype(np.int64))
        last = len(rows) - len(rows) % batch if settings["drop_last"] else len(rows)
        for start in range(0, last, batch):
            picked = rows[start : min(start + batch, last)]
            loss = loss_of(network(inputs(picked)), targets(picked))
            adam.zero_grad()
            loss.backward()
            adam.step()
        network.eval()
        total, count = 0.0, 0
        with torch.no_grad():
            for x, y in validation:
                total += loss_of(network(x), y).item() * len(x)
                count += len(x)
        print(f"{order:12} epoch {epoch:3}: PyTorch {total / count:.6f}, GTN in Rust {theirs[epoch - 1]:.6f}", flush=True)
    print(f"{order:12} ratio {theirs[epoch - 1] / (total / count):.4f}", flush=True)


def autoencoder():
    weights = part("autoencoder.")
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
    places = {
        "encoder.conv1": encoder[0],
        "encoder.conv2": encoder[2],
        "encoder.linear": encoder[5],
        "decoder.linear": decoder[0],
        "decoder.deconv1": decoder[2],
        "decoder.deconv2": decoder[4],
    }
    with torch.no_grad():
        for name, module in places.items():
            module.weight.copy_(weights[f"{name}.weight"])
            module.bias.copy_(weights[f"{name}.bias"])
    with gzip.open(datasets / "mnist" / "train-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read()[16:], dtype=np.uint8).reshape(-1, 1, 28, 28)
    pixels = torch.from_numpy(pixels.copy())
    split = {side: torch.from_numpy(twin[f"split.{side}"].astype(np.int64)) for side in ("train", "validation")}

    def images(rows):
        return pixels[rows].float() / 127.5 - 1.0

    def training(rows):
        return images(split["train"][rows])

    settings = config["autoencoder"]["training"]
    validation = [(x, x) for x in map(images, split["validation"].split(settings["batch"]))]
    train(nn.Sequential(encoder, decoder), training, training, validation, "autoencoder", settings, ours("autoencode"))


class H(nn.Module):
    def __init__(self, settings):
        super().__init__()
        weights = part("h.")
        self.slope = settings["slope"]
        layers, normed = settings["hidden_layers"], settings["batch_norm_layers"]
        width, dim = settings["width"], config["dim"]
        self.linears = nn.ModuleList([nn.Linear(dim if k == 0 else width, width) for k in range(layers)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(width) for _ in range(normed)])
        self.output = nn.Linear(width, dim)
        names = [(f"hidden.{k:03}.linear", linear) for k, linear in enumerate(self.linears)]
        with torch.no_grad():
            for name, linear in names + [("output", self.output)]:
                linear.weight.copy_(weights[f"{name}.weight"])
                linear.bias.copy_(weights[f"{name}.bias"])

    def forward(self, x):
        for k, linear in enumerate(self.linears):
            x = nn.functional.leaky_relu(linear(x), self.slope)
            if k < len(self.norms):
                x = self.norms[k](x)
        return self.output(x)


def regression():
    latents = load_file(run / "latents" / "latents.safetensors")
    pairs = load_file(run / "pairs" / "pairs.safetensors")

    def side(name):
        targets = (latents[name] - latents["center"]) / latents["scale"]
        matching = pairs[f"{name}.matching"].astype(np.int64)
        return torch.from_numpy(pairs[f"{name}.source"]), torch.from_numpy(targets[matching])

    source, target = side("train")
    settings = config["h"]["training"]
    validation = list(zip(*(rows.split(settings["batch"]) for rows in side("validation"))))
    train(H(config["h"]), lambda rows: source[rows], lambda rows: target[rows], validation, "h", settings, ours("fit"))


autoencoder()
regression()
