"""Arrays of other libraries as arrays of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def as_numpy(values: Any, name: str) -> npt.NDArray[Any]:
    """The array of NumPy, without a copy where that is possible: torch tensors, also on a GPU or with gradients, pandas, lists."""
    if hasattr(values, "detach"):
        values = values.detach()
    if hasattr(values, "cpu"):
        values = values.cpu()
    if str(getattr(values, "dtype", "")) == "torch.bfloat16":
        values = values.float()
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values; fill them, or leave their rows out")
    array = np.asarray(values)
    if array.dtype == object and hasattr(values, "to_numpy"):
        # Types of pandas that can miss values.
        array = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return array


def to_array(values: Any, name: str) -> npt.NDArray[Any]:
    """An array of float32 or float64 that native code can read."""
    array = as_numpy(values, name)
    if array.dtype.kind in "iub":
        array = array.astype(np.float64)
    if array.dtype.kind != "f":
        raise TypeError(f"{name} must hold real numbers, but it holds {array.dtype}")
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    native = np.dtype(np.float32 if array.dtype.itemsize == 4 else np.float64)
    # Also from big-endian and from longer numbers.
    array = array.astype(native, copy=False)
    # A field of a packed record may begin between two numbers.
    is_packed = not array.flags.aligned or any(stride % native.itemsize for stride in array.strides)
    return array.copy(order="C") if is_packed else array


def to_rows(values: Any, name: str) -> npt.NDArray[Any]:
    """Rows, shape (n, d), float32 or float64."""
    array = to_array(values, name)
    if array.ndim != 2:
        raise ValueError(f"{name} must have two axes, rows and columns, but its shape is {array.shape}")
    return array


def to_count(value: Any, name: str) -> int:
    """A whole number from 0 to 2**64 - 1."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be a whole number, but it is {value!r}")
    number = int(value.__index__())
    if not 0 <= number < 2**64:
        raise ValueError(f"{name} is {number}; it must not be negative, and must be below 2**64")
    return number
