"""The models that the package contains."""

from __future__ import annotations

from pathlib import Path

__all__ = ["weights"]

_FOLDER = Path(__file__).parent / "weights"


def weights(name: str) -> Path:
    """The path of a model that the package contains, for :func:`gtn.load`: ``"mnist-d5"``, ``"mnist-d12"`` or ``"mnist-d5-paper"``.

    Raises:
        ValueError: If there is no such model.
    """
    known = sorted(path.parent.name for path in _FOLDER.glob("*/config.toml"))
    if name not in known:
        raise ValueError(f"there are no weights named {name!r}; there are {', '.join(known) or 'none'}")
    return _FOLDER / name
