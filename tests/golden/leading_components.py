"""Measures how much work gtn-label would save by pruning with leading principal components.

    python tests/golden/leading_components.py

The inner product of two unit rows is the inner product of their leading k principal components plus that of the rest.
By the Cauchy-Schwarz inequality the latter is at most the product of the norms of the rest. A pair is excluded if this
upper bound is below the best cosine similarity of the row. For each k the script prints the fraction of pairs that are
not excluded, and the fraction of all multiplications that remain. It compares 500 normal rows with 20,000 rows of 100
columns.
"""

import numpy as np

rng = np.random.default_rng(1)
rows, columns = 20_000, 100
for data in ["normal", "decaying"]:
    y, x = rng.standard_normal((500, columns)), rng.standard_normal((rows, columns))
    if data == "decaying":
        x = (x + 0.3) * np.arange(1, columns + 1) ** -0.5
    y /= np.linalg.norm(y, axis=1)[:, None]
    x /= np.linalg.norm(x, axis=1)[:, None]
    axes = np.linalg.eigh(x.T @ x)[1][:, ::-1]
    y, x = y @ axes, x @ axes
    best = (y @ x.T).max(1)
    for k in [16, 32, 48, 64, 80]:
        rest = np.linalg.norm(y[:, k:], axis=1)[:, None] * np.linalg.norm(x[:, k:], axis=1)[None]
        kept = (y[:, :k] @ x[:, :k].T + rest >= best[:, None]).mean()
        work = k / columns + kept * (1 - k / columns)
        print(f"{data}, {k} components: {kept:.1%} of pairs remain, {work:.0%} of multiplications")
