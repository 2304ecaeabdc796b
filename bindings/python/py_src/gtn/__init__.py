"""Generative Topological Networks (arXiv 2406.15152): train a generator in minutes, sample in one pass, match point sets exactly."""

from gtn import metrics
from gtn._dimension import DimensionEstimate, dimension
from gtn._fitting import Progress, fit
from gtn._gtn import __version__
from gtn._matching import Matching, match
from gtn._model import Model, load
from gtn._weights import weights

__all__ = [
    "DimensionEstimate",
    "Matching",
    "Model",
    "Progress",
    "__version__",
    "dimension",
    "fit",
    "load",
    "match",
    "metrics",
    "weights",
]
