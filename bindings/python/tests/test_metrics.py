"""Metrics beside their definitions in NumPy."""

import gtn
import numpy as np
import pytest
from gtn import metrics


def sets(n: int = 300, d: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, d)).astype(np.float32), rng.normal(0.3, 0.8, size=(n - 50, d)).astype(np.float32)


def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.norm(x[:, None].astype(np.float64) - y[None].astype(np.float64), axis=2)


def test_energy_distance() -> None:
    x, y = sets()
    expected = 2 * distances(x, y).mean() - distances(x, x).mean() - distances(y, y).mean()
    assert metrics.energy_distance(x, y) == pytest.approx(expected, rel=1e-5)


def test_frechet_distance() -> None:
    from scipy.linalg import sqrtm

    x, y = (rows.astype(np.float64) for rows in sets())
    a, b = np.cov(x.T), np.cov(y.T)
    root = sqrtm(a @ b).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root)
    assert metrics.frechet_distance(x, y) == pytest.approx(expected, rel=1e-5)


def test_neighborhoods() -> None:
    x, y = sets()
    radius = np.sort(distances(x, x), axis=1)[:, 3]
    expected = (distances(y, x) <= radius[None]).any(axis=1).mean()
    found = metrics.precision_recall(x, y)
    assert found.precision == pytest.approx(expected, abs=0.01) and 0 < found.recall <= 1
    assert metrics.precision_recall(x, x) == (1.0, 1.0)
    assert metrics.density_coverage(x, x).coverage == 1.0


def test_variance_and_memorization() -> None:
    x, y = sets()
    expected = y.astype(np.float64).var(axis=0, ddof=1).sum() / x.astype(np.float64).var(axis=0, ddof=1).sum()
    assert metrics.variance_kept(x, y) == pytest.approx(expected, rel=1e-5)
    copies = metrics.memorization(x[:200], x[200:], x[:100])
    assert copies.median_distance_ratio == 0 and copies.near_copy_fraction == 1


def test_random_metrics_are_the_same_for_the_same_seed() -> None:
    x, y = sets()
    assert metrics.sliced_wasserstein(x, y, seed=2) == metrics.sliced_wasserstein(x, y, seed=2)
    assert metrics.sliced_wasserstein(x, y, seed=2) != metrics.sliced_wasserstein(x, y, seed=3)
    found = metrics.kernel_distance(x, y, subset_size=100, subsets=10)
    assert found.mean > 0 and found.std > 0


def test_errors_are_sentences() -> None:
    x, _ = sets()
    with pytest.raises(ValueError, match="columns"):
        metrics.energy_distance(x, x[:, :2])
    with pytest.raises(ValueError, match="generated"):
        metrics.energy_distance(x, np.full((5, 4), np.inf))
    with pytest.raises(ValueError, match="two axes"):
        metrics.energy_distance(x, x[0])


def test_dimension_of_a_plane() -> None:
    rng = np.random.default_rng(2)
    found = gtn.dimension(rng.normal(size=(1_000, 2)) @ rng.normal(size=(2, 20)))
    assert set(found) >= {"two_nn", "maximum_likelihood", "local_pca"}
    for estimate in found.values():
        assert estimate.low <= estimate.value <= estimate.high
    assert found["two_nn"].value == pytest.approx(2, abs=0.3) and found["local_pca"].value == pytest.approx(2, abs=0.1)
