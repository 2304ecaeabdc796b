"""Golden values of intrinsic dimensions, for crates/gtn-metrics/tests/intrinsic_dimension.rs.

    pip install scikit-dimension==0.5.0 numpy
    python tests/golden/make_dimension.py

Prints the values that the test contains, and writes dimension.npz: `ball`, the test set of scikit-dimension (a ball of 5 dimensions in
10 columns), and larger sets of known dimension, drawn by published recipes (Hein and Audibert 2005; Campadelli et al. 2015):
`roll` (a swiss roll, 2 in 3), `sphere` (a 10-sphere, 10 in 11), `cube` (17 in 18), `curved` (a nonlinear manifold, 4 in 8).
"""

from pathlib import Path

import numpy as np
import skdim
from sklearn.neighbors import NearestNeighbors

folder = Path(__file__).parent


def ball():
    rows = np.zeros((30, 10))
    rows[:, :5] = skdim.datasets.hyperBall(n=30, d=5, radius=1, random_state=0)
    return rows


def sets():
    rng = np.random.default_rng(1)
    n = 1000
    angle, height = rng.uniform(1.5 * np.pi, 4.5 * np.pi, n), rng.uniform(0, 21, n)
    yield "roll", np.stack([angle * np.cos(angle), height, angle * np.sin(angle)], 1)
    normal = rng.normal(size=(n, 11))
    yield "sphere", normal / np.linalg.norm(normal, axis=1, keepdims=True)
    cube = np.zeros((n, 18))
    cube[:, :17] = rng.uniform(size=(n, 17))
    yield "cube", cube
    p = rng.uniform(size=(n, 4))
    circle = [p[:, (i + 1) % 4] * f(2 * np.pi * p[:, i]) for i in range(4) for f in (np.cos, np.sin)]
    yield "curved", np.stack(circle, 1)


def two_nn(rows, discarded):
    """With F = 0/N, 1/N, ...; scikit-dimension 0.5.0 starts at 1/N, earlier versions at 0."""
    distances, _ = NearestNeighbors(n_neighbors=3).fit(rows).kneighbors(rows)
    n = len(rows)
    x = np.sort(np.log(distances[:, 2] / distances[:, 1]))[: int(n * (1 - discarded))]
    y = -np.log(1 - np.arange(len(x)) / n)
    return (x @ y) / (x @ x)


def local_pca(rows, version, k):
    """The mean over neighborhoods of a point and its k nearest neighbors."""
    _, neighbors = NearestNeighbors(n_neighbors=k + 1).fit(rows).kneighbors(rows)
    return np.mean([skdim.id.lPCA(ver=version).fit(rows[members]).dimension_ for members in neighbors])


def main():
    arrays = {"ball": ball()} | dict(sets())
    # The estimates are of the same f32 values that the tests read.
    arrays = {name: rows.astype(np.float32) for name, rows in arrays.items()}
    np.savez_compressed(folder / "dimension.npz", **arrays)
    for name, rows in arrays.items():
        rows = rows.astype(np.float64)
        print(name)
        print("  TwoNN", [two_nn(rows, discarded) for discarded in (0.1, 0.05)])
        for k in (5, 20):
            for unbiased in (False, True):
                estimates = [
                    skdim.id.MLE(unbiased=unbiased).fit(rows, n_neighbors=k, comb=comb).dimension_
                    for comb in ("mle", "mean")
                ]
                print("  MLE", k, "unbiased" if unbiased else "biased", estimates)
        if name == "ball":
            print("  PCA of all", [skdim.id.lPCA(ver=version).fit(rows).dimension_ for version in ("FO", "Fan", "maxgap")])
        else:
            print("  local PCA", [local_pca(rows, version, 30) for version in ("FO", "Fan", "maxgap")])


main()
