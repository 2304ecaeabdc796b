"""Training generators of own images and vectors."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gtn import _gtn
from gtn._arrays import as_numpy, to_array, to_count
from gtn._model import Model, load

__all__ = ["Progress", "fit"]

_RUNS = Path("runs")


class Progress(NamedTuple):
    """What :func:`fit` tells its ``progress`` callback, at most ten times a second.

    ``done`` of ``total`` units of the stage are completed: images or rows, over all epochs. ``loss`` is the mean training loss of the epoch
    so far, ``validation_loss`` that of the last epoch; stages that do not train have neither, and no ``epoch``.
    """

    stage: str
    done: int
    total: int
    epoch: int | None
    epochs: int | None
    loss: float | None
    validation_loss: float | None


def fit(
    data: Any,
    *,
    labels: Any = None,
    out: str | os.PathLike[str] | None = None,
    dim: int | None = None,
    time_budget: str | float | None = None,
    epochs: int | Mapping[str, int] | None = None,
    side: int | None = None,
    resize: str = "crop",
    background: str = "ffffff",
    flip: bool = False,
    max_unreadable: float = 0.05,
    limit: int | None = None,
    pairing: str = "flow",
    components: int | str | None = None,
    autoencoder: str | os.PathLike[str] | None = None,
    seed: int = 1,
    extend: str | float | None = None,
    force: bool = False,
    keep_checkpoints: bool = False,
    tensorboard: bool = False,
    explorer: bool = True,
    verbose: bool = True,
    progress: Callable[[Progress], object] | None = None,
) -> Model:
    """Train a generator of your own images or vectors, as ``gtn fit`` does.

    The run is a folder with the weights, a report (``report.html``) and, for images, a page that generates them in the browser
    (``explore.html``). Ctrl-C saves the state before it raises ``KeyboardInterrupt``; the same call, or ``fit(FOLDER)``, resumes.

    Args:
        data: One of

            - a folder, or a .zip or .tar archive, of images of any sizes; its subfolders are classes;
            - a .npy, .npz or .safetensors file of vectors, shape (n, d); ``FILE:NAME`` selects one of several arrays;
            - an array of vectors, shape (n, d);
            - an array of images, shape (n, H, W) or (n, H, W, 3) of uint8, or (n, C, H, W) of floats in [-1, 1] as :meth:`Model.sample`
              returns;
            - the folder of a run, which is resumed.

            An array is written beside the run, into ``OUT-data``, so that the run can be resumed. Nothing there is ever overwritten.
        labels: The class of each vector: an array of n whole numbers, or a file with one.
        out: The folder of the run. The default is ``runs/NAME-dDIM-seedSEED`` for files, and ``runs/array-seedSEED`` for arrays.
        dim: The latent dimension of images; None chooses it by their number and size.
        time_budget: Seconds, or a text such as ``"90s"``, ``"10m"`` or ``"1h 30m"``. Training may end earlier. The default is 30 minutes for
            images, 15 for vectors.
        epochs: The maximum number of epochs, or one for each of ``"autoencoder"``, ``"decoder"``, ``"flow"`` and ``"h"``.
        side: Height and width to which images are scaled, a multiple of 4 up to 256. The default is 64, or the side of an array's images
            if they are such squares.
        resize: How images become squares: ``"crop"``, ``"fit"`` or ``"stretch"``.
        background: The color behind transparent pixels, six hexadecimal digits.
        flip: Train on mirror images as well.
        max_unreadable: The largest fraction of files that may be unreadable. They are named and skipped.
        limit: Use at most so many images or vectors.
        pairing: How normal vectors and data are paired: ``"flow"``, ``"greedy"`` (Algorithm 1) or another name of the program.
        components: Components of the source (Appendix C): a number, ``"auto"`` or ``"labels"``.
        autoencoder: A run on the same images whose autoencoder is used.
        seed: The random seed. The same seed and numbers of epochs give the same weights.
        extend: Train a run that has ended for this time longer; ``data`` is its folder.
        force: Overwrite a different run.
        keep_checkpoints: Keep what only resuming needs after the run has ended.
        tensorboard: Write TensorBoard events.
        explorer: Write the page that generates images in the browser.
        verbose: Print a line a minute, and a few for each stage, to ``sys.stderr``.
        progress: Called with a :class:`Progress`. An exception that it raises ends the run, which can be resumed.

    Returns:
        The trained model; its ``path`` is the folder of the run.

    Raises:
        FileNotFoundError: If there are no such data.
        ValueError: If the data or the settings are not usable.
        OSError: If the machine fails.
        KeyboardInterrupt: On Ctrl-C, after the state was saved.

    Examples:
        >>> import tempfile
        >>> import numpy as np
        >>> import gtn
        >>> angle, radius = np.random.default_rng(0).uniform(size=(2, 500)) * [[2 * np.pi], [0.2]] + [[0], [1]]
        >>> ring = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model = gtn.fit(ring, out=f"{folder}/ring", epochs=2, verbose=False)
        ...     model.sample(100).shape
        (100, 2)
    """
    options: list[tuple[str, Any]] = [
        ("dim", dim),
        ("time-budget", _time(time_budget)),
        ("epochs", _epochs(epochs)),
        ("resize", None if resize == "crop" else resize),
        ("background", None if background == "ffffff" else background),
        ("max-unreadable", None if max_unreadable == 0.05 else max_unreadable),
        ("limit", limit),
        ("pairing", None if pairing == "flow" else pairing),
        ("components", components),
        ("autoencoder", None if autoencoder is None else _path(autoencoder)),
        ("seed", None if seed == 1 else seed),
        ("extend", _time(extend)),
    ]
    flags = [
        ("flip", flip),
        ("force", force),
        ("keep-checkpoints", keep_checkpoints),
        ("no-tensorboard", not tensorboard),
        ("no-explorer", not explorer),
    ]
    lines = _print_line if verbose else None
    called = None if progress is None else lambda *event: progress(Progress(*event))
    source = _source(data, labels, None if out is None else _path(out), to_count(seed, "seed"))
    options += [("labels", source.labels), ("out", source.out), ("side", source.side if side is None else side)]
    arguments = [*source.arguments, *(f"--{name}={value}" for name, value in options if value is not None)]
    arguments += [f"--{name}" for name, is_set in flags if is_set]
    try:
        return load(_gtn.fit(arguments, lines, called))
    except BaseException:
        # A call that began no run leaves nothing. Where the program names the run, it may have begun.
        if source.out is not None and not (Path(source.out) / "config.toml").is_file():
            for folder in source.written:
                shutil.rmtree(folder, ignore_errors=True)
        raise


class _Source(NamedTuple):
    """The arguments that name the data, the file of labels, the folder of the run, the side of images, and folders that were written."""

    arguments: list[str]
    labels: str | None
    out: str | None
    side: int | None
    written: list[Path]


def _print_line(line: str) -> None:
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        # A reader that has disappeared never stops the work.
        pass


def _source(data: Any, labels: Any, out: str | None, seed: int) -> _Source:
    if isinstance(data, (str, bytes, os.PathLike)):
        path = _path(data)
        if (Path(path) / "config.toml").is_file():
            return _with_labels(_Source([path], None, out, None, []), labels, out or path)
        is_array = any(path.endswith(ending) or f"{ending}:" in path for ending in (".npy", ".npz", ".safetensors"))
        if labels is not None and not is_array:
            raise ValueError("labels are those of vectors; images have classes if they are in subfolders")
        option = "--latents" if is_array else "--images"
        return _with_labels(_Source([f"{option}={path}"], None, out, None, []), labels, out or str(_RUNS / Path(path).stem))
    out = out or str(_RUNS / f"array-seed{seed}")
    name = Path(out).name
    array = as_numpy(data, "data")
    if array.ndim == 2:
        rows = to_array(array, "data").astype(np.float32, copy=False)
        file, written = _keep(out, rows, lambda folder: _save(folder / f"{name}.npy", rows), f"{name}.npy")
        return _with_labels(_Source([f"--latents={file}"], None, out, None, written), labels, out)
    if labels is not None:
        raise ValueError("labels are those of vectors; images have classes if they are in subfolders")
    images = _to_pixels(array)

    def write(folder: Path) -> None:
        (folder / name).mkdir()
        _gtn.write_images(images, os.fspath(folder / name))

    file, written = _keep(out, images, write, name)
    height, width = images.shape[1:3]
    side = height if height == width and height % 4 == 0 and height <= 256 else None
    return _Source([f"--images={file}"], None, out, side, written)


def _with_labels(source: _Source, labels: Any, out: str) -> _Source:
    if labels is None:
        return source
    if isinstance(labels, (str, bytes, os.PathLike)):
        return source._replace(labels=_path(labels))
    array = as_numpy(labels, "labels")
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"labels must be integers in one axis, but they are {array.dtype} with shape {array.shape}")
    if array.size and int(array.max()) >= 2**63:
        raise ValueError("labels must be below 2**63")
    whole = array.astype(np.int64)
    file, written = _keep(out, whole, lambda folder: _save(folder / "labels.npy", whole), "labels.npy")
    return source._replace(labels=file, written=[*source.written, *written])


def _keep(out: str, array: npt.NDArray[Any], write: Callable[[Path], None], name: str) -> tuple[str, list[Path]]:
    """Write an array beside the run, into a folder that is named by its content, and return the path of ``name`` in it.

    Nothing is ever overwritten: the same content is there already, and another one has another folder.
    """
    found = hashlib.sha256(f"{array.shape} {array.dtype.str}".encode())
    found.update(np.ascontiguousarray(array).data)
    folder = Path(f"{out}-data") / found.hexdigest()[:12]
    if folder.is_dir():
        return os.fspath(folder / name), []
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Under its name, the folder is complete.
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as temporary:
        written = Path(temporary) / "data"
        written.mkdir()
        write(written)
        try:
            written.rename(folder)
        except OSError:
            # Another process was faster.
            if not folder.is_dir():
                raise
    return os.fspath(folder / name), [folder]


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    np.save(path, np.ascontiguousarray(array))


def _path(path: str | bytes | os.PathLike[Any]) -> str:
    return os.path.expanduser(os.fsdecode(path))


def _to_pixels(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Images, shape (n, H, W, C) of uint8."""
    if 0 in array.shape:
        raise ValueError(f"images have the shape {array.shape}; no axis may be empty")
    if array.dtype == np.uint8 and array.ndim in (3, 4):
        pixels = array if array.ndim == 4 else array[..., np.newaxis]
        if pixels.shape[3] not in (1, 3):
            raise ValueError(f"images of uint8 must have the shape (n, H, W), (n, H, W, 1) or (n, H, W, 3), but it is {array.shape}")
        return np.ascontiguousarray(pixels)
    if array.dtype.kind == "f" and array.ndim == 4:
        if array.shape[1] not in (1, 3):
            raise ValueError(f"images of floats must have the shape (n, C, H, W) with 1 or 3 channels, but it is {array.shape}")
        low, high = float(array.min()), float(array.max())
        if not (low >= -1 and high <= 1):
            raise ValueError(f"images of floats must be in [-1, 1], but they are in [{low:g}, {high:g}]")
        if low >= 0:
            text = f"images are in [{low:g}, {high:g}], so that none is darker than gray; pass 2 * x - 1 if 0 is black"
            warnings.warn(text, UserWarning, stacklevel=4)
        pixels = np.rint((np.moveaxis(array, 1, 3) + 1) * 127.5).astype(np.uint8)
        return np.ascontiguousarray(pixels)
    raise ValueError(
        "data must be a path, vectors of shape (n, d), or images of shape (n, H, W) or (n, H, W, 3) of uint8 or (n, C, H, W) of floats; "
        f"it is {array.dtype} with shape {array.shape}"
    )


def _time(value: str | float | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if not (value >= 1 and math.isfinite(value)):
        raise ValueError(f"a time is {value} s; it must be 1 s or more")
    return f"{round(value)}s"


def _epochs(value: int | Mapping[str, int] | None) -> str | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return ",".join(f"{name}={count}" for name, count in value.items())
    return str(value)
