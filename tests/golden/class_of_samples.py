"""Whether samples of a class are what they should be, and whether components without classes find them.

    gtn sample RUN --class faces -n 1000 --latent --out faces.npy
    gtn sample RUN --class hands -n 1000 --latent --out hands.npy
    python class_of_samples.py RUN faces.npy hands.npy

prints for each file, in the order of the classes, the fraction of its rows whose nearest training latent belongs to the class. RUN is a
run of `gtn fit` whose components are its classes. With `--components OTHER`, a run on the same latents with other components, it prints
the purity of those: the fraction of the latents that belong to the most frequent class of their component.

Needs numpy, safetensors and scikit-learn.
"""

import argparse
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from sklearn.neighbors import NearestNeighbors


def latents_and_components(run):
    """The training latents of a run, and the component of each."""
    latents = load_file(run / "latents" / "latents.safetensors")["train"]
    pairs = load_file(run / "pairs" / "pairs.safetensors")
    components = np.full(len(latents), -1)
    components[pairs["train.matching"].astype(int)] = pairs["train.component"]
    assert (components >= 0).all(), "every latent has a pair"
    return latents, components


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("samples", type=Path, nargs="*")
    parser.add_argument("--components", type=Path)
    arguments = parser.parse_args()
    latents, classes = latents_and_components(arguments.run)
    neighbors = NearestNeighbors(n_neighbors=1).fit(latents)
    for index, file in enumerate(arguments.samples):
        nearest = neighbors.kneighbors(np.load(file), return_distance=False)[:, 0]
        print(f"{file}: {(classes[nearest] == index).mean():.4f}")
    if arguments.components:
        others, components = latents_and_components(arguments.components)
        assert np.array_equal(latents, others), "the runs have other latents"
        counts = [np.bincount(classes[components == k]).max() for k in np.unique(components)]
        print(f"purity of {len(counts)} components: {sum(counts) / len(latents):.4f}")


main()
