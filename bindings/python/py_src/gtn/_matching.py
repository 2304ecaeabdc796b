"""Algorithm 1: greedy matching by cosine similarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gtn import _gtn
from gtn._arrays import as_numpy, to_count, to_rows

__all__ = ["Matching", "match"]


@dataclass(frozen=True, eq=False)
class Matching:
    """Pairs of source and target rows.

    Attributes:
        assignment: The target row of each source row, int64, shape (n,). No target row occurs twice.
        order: The source rows in the order in which they chose, by ascending norm, int64, shape (n,).
        similarity: The cosine similarity of each pair, in the order of the source rows, float32, shape (n,).
    """

    assignment: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.assignment)

    def __repr__(self) -> str:
        mean = float(self.similarity.mean()) if len(self) else float("nan")
        return f"Matching({len(self):,} pairs, mean similarity {mean:.4f})"


def match(
    source: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    precision: Literal["double", "single"] = "double",
    threads: int | None = None,
    labels: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
) -> Matching:
    """Pair each row of ``source`` with a row of ``target`` of its own, greedily, by highest cosine similarity.

    This is Algorithm 1 of *Generative Topological Networks* (arXiv 2406.15152v2). The source rows choose in the order of their norms, and
    each takes the free target row of the highest cosine similarity. The result is exact, and the same on any number of threads. The
    matrix of similarities is never stored.

    Args:
        source: Rows y, shape (n, d): float32 or float64 in any layout; other real numbers become float64.
        target: Rows x, shape (m, d), with m >= n. If only one of the two is float64, the other becomes float64 too, which is exact.
        precision: ``"double"`` compares similarities as they are; ``"single"`` rounds them to float32 before, so that nearly equal
            directions tie and the shorter row is taken. It matters for d = 2.
        threads: The number of threads; by default one for each processor.
        labels: Integers from 0 to 2**32 - 1 for the rows of source and target, ``(of_source, of_target)``. Only rows of the same label are
            paired (Appendix C).

    Returns:
        The pairs. ``target[matching.assignment]`` are the partners of the source rows.

    Raises:
        ValueError: If the shapes do not fit, a value is not finite, or there are more source than target rows.
        TypeError: If the arrays do not hold real numbers.

    Examples:
        >>> import numpy as np
        >>> import gtn
        >>> y = np.array([[0.0, 2.0], [1.0, 0.0]])
        >>> x = np.array([[3.0, 0.1], [1.0, 1.0], [-0.2, 5.0]])
        >>> matching = gtn.match(y, x)
        >>> matching.assignment
        array([2, 0])
        >>> matching.order
        array([1, 0])
        >>> x[matching.assignment]
        array([[-0.2,  5. ],
               [ 3. ,  0.1]])
    """
    y, x = to_rows(source, "source"), to_rows(target, "target")
    if y.dtype != x.dtype:
        y, x = y.astype(np.float64, copy=False), x.astype(np.float64, copy=False)
    if threads is not None and to_count(threads, "threads") < 1:
        raise ValueError(f"threads is {threads}; it must be 1 or more, or None for all")
    pair = None if labels is None else tuple(_to_labels(labels, index) for index in (0, 1))
    found = _gtn.match_rows(y, x, precision=precision, threads=threads or 0, labels=pair)
    return Matching(*found)


def _to_labels(labels: Any, index: int) -> npt.NDArray[np.uint32]:
    name = ("source", "target")[index]
    try:
        of_source_and_target = tuple(labels)
    except TypeError:
        of_source_and_target = ()
    if len(of_source_and_target) != 2:
        raise ValueError("labels must be two arrays, those of the source rows and those of the target rows")
    array = as_numpy(of_source_and_target[index], f"the labels of the {name}")
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or array.size == 0):
        raise ValueError(f"the labels of the {name} must be integers in one axis, but they are {array.dtype} with shape {array.shape}")
    if array.size and (array.min() < 0 or array.max() >= 2**32):
        raise ValueError(f"the labels of the {name} must be from 0 to 2**32 - 1")
    return np.ascontiguousarray(array, dtype=np.uint32)
