"""Prints the tables of crates/gtn-metrics/tests/golden.rs: metrics of small samples, computed by SciPy.

    pip install scipy
    python tests/golden/make_metrics.py
"""

import numpy as np
import scipy
from scipy import optimize, stats
from scipy.spatial.distance import cdist


def sample(n, d, key):
    """n rows of d values each: multiples of 1/8 below 101/8, exact in f32 and f64."""
    return np.array([[((i * i * 37 + i * key + k * 29 + key) % 101) / 8 for k in range(d)] for i in range(n)])


def rational(x):
    """The distribution function F(x) = x / (1 + x) on the positive half-line."""
    return x / (1 + x)


def energy(x, y):
    return 2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean()


def wasserstein_2(x, y):
    """The 2-Wasserstein distance: optimal transport of squared distances, as a linear program over all couplings."""
    n, m = len(x), len(y)
    rows = np.kron(np.eye(n), np.ones((1, m)))
    columns = np.kron(np.ones((1, n)), np.eye(m))
    marginals = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    solution = optimize.linprog(cdist(x, y, "sqeuclidean").ravel(), A_eq=np.vstack([rows, columns]), b_eq=marginals)
    return np.sqrt(solution.fun)


print("scipy", scipy.__version__, "numpy", np.__version__)
print("n, m, ks_1samp of n, ks_2samp, energy_distance squared, W2")
for n, m in [(1, 4), (5, 5), (6, 9), (20, 20), (24, 36), (50, 31)]:
    x, y = sample(n, 1, 3), sample(m, 1, 58)
    one_sample = stats.ks_1samp(x.ravel(), rational).statistic
    two_sample = stats.ks_2samp(x.ravel(), y.ravel()).statistic
    root = stats.energy_distance(x.ravel(), y.ravel())
    values = [float(value) for value in (one_sample, two_sample, root**2, wasserstein_2(x, y))]
    print(f"({n}, {m}, {', '.join(map(repr, values))}),")
print("d, n, m, energy by cdist")
for d, n, m in [(2, 5, 8), (3, 20, 13), (17, 30, 30)]:
    print(f"({d}, {n}, {m}, {float(energy(sample(n, d, 3), sample(m, d, 58)))!r}),")
