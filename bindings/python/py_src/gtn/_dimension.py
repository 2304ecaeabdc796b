"""Estimates of the intrinsic dimension."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gtn import _gtn
from gtn._arrays import to_rows

__all__ = ["DimensionEstimate", "dimension"]


class DimensionEstimate(NamedTuple):
    """An estimate, and its bootstrap interval of the confidence 0.95, which shows only how much the rows matter."""

    value: float
    low: float
    high: float


def dimension(
    rows: npt.ArrayLike, *, neighbors: int = 20, pca_neighbors: int = 100, queries: int = 2000, seed: int = 1
) -> dict[str, DimensionEstimate]:
    """Estimate in how many dimensions rows, shape (n, d), vary. The estimates are those of ``gtn dimension``.

    Args:
        rows: The rows, for example flattened images.
        neighbors: Neighbors of each row for maximum likelihood.
        pca_neighbors: Neighbors of each row for local PCA.
        queries: The neighbors of at most this many rows are searched, among all.
        seed: The seed of the intervals.

    Returns:
        Estimates by their names: ``two_nn``, ``maximum_likelihood``, ``maximum_likelihood_mean``, ``maximum_likelihood_unbiased`` and
        ``local_pca``. They differ, since none is exact on finite data; compare estimates of the same kind.

    Examples:
        >>> import numpy as np
        >>> import gtn
        >>> rng = np.random.default_rng(0)
        >>> plane = rng.normal(size=(1000, 2)) @ rng.normal(size=(2, 10))
        >>> round(gtn.dimension(plane)["two_nn"].value)
        2
    """
    array = to_rows(rows, "rows").astype(np.float32, copy=False)
    found = _gtn.dimension(array, neighbors, pca_neighbors, queries, seed)
    return {name: DimensionEstimate(value, low, high) for name, value, low, high in found}
