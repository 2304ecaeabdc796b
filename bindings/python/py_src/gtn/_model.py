"""Trained models: sampling, encoding and decoding."""

from __future__ import annotations

import errno
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from gtn import _gtn
from gtn._arrays import to_array, to_count, to_rows

__all__ = ["Model", "load"]


class Model:
    """A trained Generative Topological Network, as :func:`load` reads it.

    Samples of the same seed are those of the program: ``gtn sample RUN -n N --seed S``.

    Attributes:
        dim: The dimension d of latents and normal vectors.
        components: The number of components of the source; 1 for most models.
        classes: The names of the components, if they are the classes of the data; otherwise empty.
        generates_images: Whether samples are images, and not vectors.
        path: Where the model was read.
    """

    def __init__(self, native: _gtn.Model) -> None:
        self._native = native
        self.dim: int = native.dim
        self.components: int = native.components
        self.classes: list[str] = native.classes
        self.generates_images: bool = native.generates_images
        self.path: str = os.fspath(native.path)

    def __repr__(self) -> str:
        what = "images" if self.generates_images else "vectors"
        return f"Model({self.path!r}, generates {what}, dim {self.dim})"

    def sample(
        self, n: int = 1, seed: int = 1, *, label: int | str | None = None, temperature: float = 1.0, steps: int = 1
    ) -> npt.NDArray[np.float32]:
        """Draw ``n`` samples.

        Args:
            n: The number of samples.
            seed: The seed of the normal vectors. A larger ``n`` with the same seed begins with the same samples.
            label: Only samples of this component: its number from 0, or the name of a class.
            temperature: Factor of the normal vectors. Below 1, samples are cleaner and vary less.
            steps: 1 for one pass of ĥ; more to follow the flow that its pairs come from.

        Returns:
            Images, shape (n, C, H, W), float32 in [-1, 1]; or vectors, shape (n, d), of a model without an autoencoder.

        Raises:
            ValueError: If a setting is outside of its range, or there is no such label.

        Examples:
            >>> import gtn
            >>> digits = gtn.load(gtn.weights("mnist-d5"))
            >>> digits.sample(3, seed=1).shape
            (3, 1, 28, 28)
        """
        latents = self.sample_latents(n, seed, label=label, temperature=temperature, steps=steps)
        return self.decode(latents) if self.generates_images else latents

    def sample_latents(
        self, n: int = 1, seed: int = 1, *, label: int | str | None = None, temperature: float = 1.0, steps: int = 1
    ) -> npt.NDArray[np.float32]:
        """Draw the latents of ``n`` samples, shape (n, d); the arguments are those of :meth:`sample`."""
        n, seed, steps = (to_count(value, name) for value, name in ((n, "n"), (seed, "seed"), (steps, "steps")))
        if not (label is None or isinstance(label, str)):
            label = to_count(label, "label")
        self._require_room(n)
        return self._native.sample_latents(n, seed, label, float(temperature), steps)

    def decode(self, latents: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Decode latents, shape (n, d), to images, shape (n, C, H, W) in [-1, 1].

        Raises:
            ValueError: If the model generates no images, or the latents do not have d columns.
        """
        return self._native.decode(to_rows(latents, "latents").astype(np.float32, copy=False))

    def encode(self, images: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Encode images, shape (n, C, H, W) in [-1, 1], to latents, shape (n, d).

        Raises:
            ValueError: If the model has no encoder, or the images have another shape or other values.
        """
        array = to_array(images, "images").astype(np.float32, copy=False)
        if array.ndim != 4:
            raise ValueError(f"images must have the shape (n, C, H, W), but it is {array.shape}")
        if array.size and not (array.min() >= -1.001 and array.max() <= 1.001):
            raise ValueError(f"images must be in [-1, 1], but they are in [{array.min():g}, {array.max():g}]")
        return self._native.encode(array)

    def interpolate(self, rows: int = 1, steps: int = 10, seed: int = 1) -> npt.NDArray[np.float32]:
        """Generate along straight lines between pairs of normal vectors, as ``gtn interpolate`` does.

        Returns:
            Images, shape (rows, steps, C, H, W); or vectors, shape (rows, steps, d), of a model without an autoencoder.
        """
        rows, steps, seed = (to_count(value, name) for value, name in ((rows, "rows"), (steps, "steps"), (seed, "seed")))
        self._require_room(rows * steps)
        latents = self._native.interpolate_latents(rows, steps, seed)
        samples = self.decode(latents) if self.generates_images else latents
        return samples.reshape((rows, steps, *samples.shape[1:]))

    def _require_room(self, n: int) -> None:
        """Raise MemoryError if the samples have no room; native code would end the process."""
        values = self._native.values_per_sample
        try:
            np.empty((n, max(values, self.dim)), dtype=np.float32)
        except (MemoryError, ValueError):
            raise MemoryError(f"{n} samples of {values} values do not fit into memory; draw fewer at a time") from None

    def __reduce__(self) -> tuple[Any, ...]:
        return load, (self.path,)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as one file (.safetensors), which :func:`load` and the program read. An existing file is replaced."""
        self._native.save(os.fspath(path))


def load(path: str | os.PathLike[str]) -> Model:
    """Read a trained model: the folder of a run, a folder of weights, or a model file.

    Raises:
        FileNotFoundError: If there is nothing at ``path``.
        ValueError: If it is no model, or a damaged one.
    """
    if not os.path.lexists(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path))
    return Model(_gtn.Model(os.fspath(path)))
