"""Prints the tables of crates/gtn-metrics/tests/golden.rs: metrics of small samples, computed by SciPy.

    pip install scipy scikit-learn torch torch-fidelity
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


# Metrics of features and logits, by torch-fidelity.
import torch  # noqa: E402
from torch_fidelity.metric_isc import isc_features_to_metric  # noqa: E402
from torch_fidelity.metric_kid import kernel_mmd  # noqa: E402
from torch_fidelity.metric_prc import prc_features_to_metric  # noqa: E402


def features(n, d, key):
    """Like Inception features: not negative, and many of them 0. Multiples of 1/64, exact in f32 and f64."""
    i, k = np.arange(n)[:, None], np.arange(d)[None, :]
    mixed = (i * i * 37 + i * key + k * 29 + i * k * (key + 7) + k * k * 3 + key) % 10007
    return np.maximum(mixed % 101 - 60, 0) * (mixed % 7 + 1) / 64


def logits(n, classes, key):
    i, k = np.arange(n)[:, None], np.arange(classes)[None, :]
    return ((i * i * 37 + i * key + k * 29 + i * k * 13 + key) % 10007 % 401 - 200) / 16


def inception_score(x, splits):
    """The formula, with contiguous splits."""
    scores = []
    for i in range(splits):
        part = x[i * len(x) // splits : (i + 1) * len(x) // splits]
        p = np.exp(part - part.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        q = p.mean(0)
        scores.append(np.exp((p * np.log(p / q)).sum(1).mean()))
    return np.mean(scores), np.std(scores)


def frechet(x, y):
    """pytorch-fid's formula."""
    from scipy import linalg

    (a, b) = (np.cov(x, rowvar=False), np.cov(y, rowvar=False))
    cross = linalg.sqrtm(a.dot(b))
    difference = x.mean(0) - y.mean(0)
    return difference.dot(difference) + np.trace(a) + np.trace(b) - 2 * np.trace(cross.real)


print("n, classes, splits, Inception Score of torch-fidelity: mean, std")
for n, classes, splits in [(1, 3, 1), (10, 8, 10), (203, 40, 10), (500, 1008, 7)]:
    x = logits(n, classes, 5)
    score = isc_features_to_metric(torch.from_numpy(x).float(), splits=splits, shuffle=False)
    values = [score["inception_score_mean"], score["inception_score_std"]]
    assert np.allclose(values, inception_score(x, splits), rtol=1e-9, atol=1e-12)
    print(f"({n}, {classes}, {splits}, {', '.join(map(repr, values))}),")

print("n, m, d, size, KID of torch-fidelity for three subsets")
for n, m, d, size in [(60, 50, 8, 20), (300, 300, 64, 300), (400, 350, 2048, 150)]:
    x, y = features(n, d, 3), features(m, d, 58)
    values = []
    for subset in range(3):
        rows = [[(i * 7 + subset * 13) % total for i in range(size)] for total in (n, m)]
        options = {"kid_kernel": "poly", "kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None, "kid_kernel_poly_coef0": 1}
        values.append(float(kernel_mmd(x[rows[0]], y[rows[1]], **options)))
    print(f"({n}, {m}, {d}, {size}, {values}),")

print("n, m, d, precision and recall of torch-fidelity, k = 3; Fréchet distance of SciPy's matrix square root")
for n, m, d in [(300, 300, 64), (250, 400, 64), (400, 300, 16)]:
    x, y = features(n, d, 3), features(m, d, 58) * 0.9
    score = prc_features_to_metric(torch.from_numpy(y), torch.from_numpy(x), prc_neighborhood=3, prc_batch_size=10000, verbose=False)
    print(f"({n}, {m}, {d}, {score['precision']!r}, {score['recall']!r}, {float(frechet(x, y))!r}),")


# Pairs (y, x), by scikit-learn and SciPy.
from sklearn.mixture import GaussianMixture  # noqa: E402
from sklearn.neighbors import KNeighborsRegressor  # noqa: E402


def scattered(n, d, key):
    """Rows without equal distances: multiples of 1/64 below 157, exact in f32 and f64."""
    i, k = np.arange(n)[:, None], np.arange(d)[None, :]
    return (i * i * 37 + i * key + k * 29 + i * k * (key + 7) + k * k * 3 + key) % 10007 / 64


def pairs(n, d, columns, key):
    """y, and an x that is a function of y plus noise. Exact in f32."""
    y, k = scattered(n, d, key), np.arange(columns)
    return y, 2 * y[:, k % d] - y[:, (k + 1) % d] + scattered(n, columns, key + 11) / 4


print("n, m, d, columns of x, noise of pairs")
for n, m, d, columns in [(40, 10, 1, 1), (200, 50, 2, 3), (300, 60, 5, 5), (150, 150, 40, 2)]:
    (y, x), (held_out_y, held_out_x) = pairs(n, d, columns, 3), pairs(m, d, columns, 58)
    distances = np.sort(cdist(held_out_y, y), axis=1)
    assert (distances[:, 1] > distances[:, 0]).all()  # scikit-learn takes any of several nearest rows
    predicted = KNeighborsRegressor(1, algorithm="brute").fit(y, x).predict(held_out_y).reshape(m, columns)
    value = ((predicted - held_out_x) ** 2).sum(1).mean() / held_out_x.var(0, ddof=1).sum()
    print(f"({n}, {m}, {d}, {columns}, {float(value)!r}),")

print("n, d, largest |mean|, largest |variance - 1|, largest and mean KS distance from N(0, 1)")
for n, d in [(2, 1), (50, 3), (400, 20)]:
    y = sample(n, d, 3) / 4 - 1.5
    ks = [stats.ks_1samp(column, stats.norm.cdf).statistic for column in y.T]
    values = [np.abs(y.mean(0)).max(), np.abs(y.var(0, ddof=1) - 1).max(), max(ks), np.mean(ks)]
    print(f"({n}, {d}, {', '.join(repr(float(value)) for value in values)}),")

print("n, d, K, EM from labels i % K: iterations, mean log-likelihood, rows of each component, sum of i times its component")
for n, d, components in [(60, 1, 2), (300, 3, 4), (500, 5, 3)]:
    x = scattered(n, d, 3) / 16
    mixture = GaussianMixture(components)
    start = np.eye(components)[np.arange(n) % components]
    # The initial responsibilities are given: `fit` begins with the maximization step that they lead to.
    mixture._initialize_parameters = lambda x, random_state, **options: mixture._initialize(x, start, **options)
    mixture.fit(x)
    labels = mixture.predict(x)
    counts = np.bincount(labels, minlength=4).tolist()
    print(f"([{n}, {d}, {components}], {mixture.n_iter_}, {float(mixture.score(x))!r}, {counts}, {int((np.arange(n) * labels).sum())}),")
