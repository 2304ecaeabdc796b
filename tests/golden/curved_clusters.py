"""Vectors of a curved distribution with separate parts of unequal weight, to compare `gtn fit --latents` with mixtures of Gaussians.

    python curved_clusters.py OUT --dim 40 --rows 20000

writes OUT/x.npy, and as many rows for comparison to OUT/held_out.npy: three curved sheets and a ring, with the weights 0.5, 0.3, 0.15
and 0.05, bent in `dim` dimensions, with noise. With --mixture 30 it also writes OUT/mixture.npy, rows of scikit-learn's mixture of 30
Gaussians with full covariances that is fitted to x.
"""

import argparse
from pathlib import Path

import numpy as np


def draw(rows, dim, maps, rng):
    part = rng.choice(4, rows, p=[0.5, 0.3, 0.15, 0.05])
    u, v = rng.uniform(-1, 1, rows), rng.uniform(-1, 1, rows)
    angle = np.pi * u
    sheets = np.stack([np.sin(2 * u), np.cos(2 * u) * v, u * v, v ** 2, np.sin(3 * v), u], 1)
    ring = np.stack([np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle), np.zeros(rows), np.zeros(rows)], 1)
    flat = np.where((part == 3)[:, None], ring, sheets)
    x = np.empty((rows, dim))
    for k in range(4):
        of_part = part == k
        x[of_part] = np.tanh(flat[of_part] @ maps[k]["first"]) @ maps[k]["second"] + maps[k]["center"]
    return (x + 0.05 * rng.normal(size=x.shape)).astype(np.float32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--dim", type=int, default=40)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--mixture", type=int)
    arguments = parser.parse_args()
    rng, dim = np.random.default_rng(1), arguments.dim
    maps = [{
        "first": rng.normal(size=(6, 2 * dim)) / 2,
        "second": rng.normal(size=(2 * dim, dim)) / np.sqrt(2 * dim),
        "center": 3 * rng.normal(size=dim) / np.sqrt(dim) * np.sqrt(8),
    } for _ in range(4)]
    arguments.out.mkdir(parents=True, exist_ok=True)
    x = draw(arguments.rows, dim, maps, rng)
    np.save(arguments.out / "x.npy", x)
    np.save(arguments.out / "held_out.npy", draw(arguments.rows, dim, maps, rng))
    if arguments.mixture:
        from sklearn.mixture import GaussianMixture
        mixture = GaussianMixture(arguments.mixture, random_state=1).fit(x)
        np.save(arguments.out / "mixture.npy", rng.permutation(mixture.sample(arguments.rows)[0]).astype(np.float32))


main()
