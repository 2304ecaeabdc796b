"""How close generated samples are to real ones.

All functions take rows, shapes (n, d) and (m, d): vectors, latents, or flattened images. They compute with float32 values and float64
sums. Compare a value with the *noise floor*: the same between two sets of real data.

Examples:
    >>> import numpy as np
    >>> from gtn import metrics
    >>> rng = np.random.default_rng(0)
    >>> real, other, shrunk = (rng.normal(scale=s, size=(500, 3)) for s in (1.0, 1.0, 0.4))
    >>> metrics.energy_distance(real, shrunk) > 5 * metrics.energy_distance(real, other)
    True
    >>> round(metrics.variance_kept(real, shrunk), 1)
    0.2
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gtn import _gtn
from gtn._arrays import to_rows

__all__ = [
    "DensityCoverage",
    "KernelDistance",
    "Memorization",
    "PrecisionRecall",
    "density_coverage",
    "energy_distance",
    "frechet_distance",
    "kernel_distance",
    "memorization",
    "precision_recall",
    "sliced_wasserstein",
    "variance_kept",
]


class PrecisionRecall(NamedTuple):
    """Fractions of generated rows near real ones, and of real rows near generated ones."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """How many neighborhoods of real rows contain a generated row (1 for equal distributions), and the fraction that contains any."""

    density: float
    coverage: float


class KernelDistance(NamedTuple):
    """The mean over subsets, and their standard deviation."""

    mean: float
    std: float


class Memorization(NamedTuple):
    """How much nearer generated rows are to the training rows than held-out rows are.

    ``median_distance_ratio`` is below 1 if they are nearer; ``closer_probability`` is 0.5 if they are as far; ``near_copy_fraction`` is 0.01
    for real data.
    """

    median_distance_ratio: float
    closer_probability: float
    near_copy_fraction: float


def frechet_distance(real: npt.ArrayLike, generated: npt.ArrayLike) -> float:
    """The Fréchet distance of the Gaussians with their means and covariances; FID if the rows are Inception features."""
    return _gtn.frechet_distance(_rows(real, "real"), _rows(generated, "generated"))


def energy_distance(real: npt.ArrayLike, generated: npt.ArrayLike) -> float:
    """The energy distance: 0 for equal distributions, in the unit of the data. It takes time in proportion to (n + m)²."""
    return _gtn.energy_distance(_rows(real, "real"), _rows(generated, "generated"))


def sliced_wasserstein(real: npt.ArrayLike, generated: npt.ArrayLike, *, projections: int = 200, seed: int = 1) -> float:
    """The root mean square, over random directions, of the Wasserstein-2 distance of the projections."""
    return _gtn.sliced_wasserstein(_rows(real, "real"), _rows(generated, "generated"), projections, seed)


def kernel_distance(
    real: npt.ArrayLike, generated: npt.ArrayLike, *, subset_size: int = 1000, subsets: int = 100, seed: int = 1
) -> KernelDistance:
    """The squared maximum mean discrepancy of a cubic kernel, unbiased; KID if the rows are Inception features."""
    sizes = (subset_size, subsets)
    return KernelDistance(*_gtn.kernel_distance(_rows(real, "real"), _rows(generated, "generated"), sizes, seed))


def precision_recall(real: npt.ArrayLike, generated: npt.ArrayLike, *, k: int = 3) -> PrecisionRecall:
    """Precision and recall by k nearest neighbors."""
    return PrecisionRecall(*_gtn.precision_recall(_rows(real, "real"), _rows(generated, "generated"), k))


def density_coverage(real: npt.ArrayLike, generated: npt.ArrayLike, *, k: int = 5) -> DensityCoverage:
    """Density and coverage by k nearest neighbors, which outliers disturb less than precision and recall."""
    return DensityCoverage(*_gtn.density_coverage(_rows(real, "real"), _rows(generated, "generated"), k))


def variance_kept(real: npt.ArrayLike, generated: npt.ArrayLike) -> float:
    """The total variance of the generated rows, by that of the real ones."""
    return _gtn.variance_kept(_rows(real, "real"), _rows(generated, "generated"))


def memorization(training: npt.ArrayLike, held_out: npt.ArrayLike, generated: npt.ArrayLike) -> Memorization:
    """Whether generated rows are copies of training rows."""
    sets = (_rows(training, "training"), _rows(held_out, "held_out"), _rows(generated, "generated"))
    return Memorization(*_gtn.memorization(*sets))


def _rows(values: npt.ArrayLike, name: str) -> npt.NDArray[np.float32]:
    return to_rows(values, name).astype(np.float32, copy=False)
