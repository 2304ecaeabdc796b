"""Arrays of other libraries as arrays of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def to_array(values: Any, name: str) -> npt.NDArray[Any]:
    """The array of NumPy, without a copy where that is possible: torch tensors, also on a GPU or with gradients, pandas, lists."""
    if hasattr(values, "detach"):
        values = values.detach()
    if hasattr(values, "cpu"):
        values = values.cpu()
    array = np.asarray(values)
    if array.dtype.kind in "iub":
        array = array.astype(np.float64)
    if array.dtype.kind != "f":
        raise TypeError(f"{name} must hold real numbers, but it holds {array.dtype}")
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    native = np.float32 if array.dtype.itemsize == 4 else np.float64
    # Also from big-endian and from longer numbers.
    return array.astype(native, copy=False)


def to_rows(values: Any, name: str) -> npt.NDArray[Any]:
    """Rows, shape (n, d), float32 or float64."""
    array = to_array(values, name)
    if array.ndim != 2:
        raise ValueError(f"{name} must have two axes, rows and columns, but its shape is {array.shape}")
    return array
