"""gtn.match beside a loop in NumPy and SciPy's optimal assignment: seconds, and the mean cosine of the pairs.

    python matching.py                    # 2,000 and 10,000 rows of 50 columns
    python matching.py --overhead PROGRAM # gtn.match beside the library

PROGRAM is that of `cargo build --release -p gtn-label --example match_seconds`: target/release/examples/match_seconds.

The loop is Algorithm 1 as one would write it; the optimal assignment maximizes the sum of the cosines, which Algorithm 1 does not.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import gtn
import numpy as np


def loop(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Algorithm 1 in NumPy: in the order of the norms, each y takes the free x with the highest cosine."""
    directions = x / np.linalg.norm(x, axis=1, keepdims=True)
    taken = np.zeros(len(x))
    assignment = np.empty(len(y), dtype=np.int64)
    for row in np.argsort(np.linalg.norm(y, axis=1), kind="stable"):
        best = int(np.argmax(directions @ y[row] + taken))
        assignment[row], taken[best] = best, -np.inf
    return assignment


def optimal(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    from scipy.optimize import linear_sum_assignment

    directions = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (y, x)]
    return linear_sum_assignment(directions[0] @ directions[1].T, maximize=True)[1]


def mean_cosine(y: np.ndarray, x: np.ndarray, assignment: np.ndarray) -> float:
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (y, x[assignment]))
    return float((a * b).sum(axis=1).mean())


def data(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal vectors, and vectors with decaying variances, as latents have."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, d)), rng.normal(size=(n, d)) / np.sqrt(1 + np.arange(d))


def seconds(function, *arguments) -> tuple[float, np.ndarray]:
    started = time.perf_counter()
    found = function(*arguments)
    return time.perf_counter() - started, found


def compare() -> None:
    methods = {
        "gtn.match": lambda y, x: gtn.match(y, x).assignment,
        "loop in NumPy": loop,
        "SciPy linear_sum_assignment": optimal,
    }
    print("| rows × columns | method | seconds | mean cosine | equal to gtn.match |\n|---|---|---|---|---|")
    for n, d in ((2_000, 50), (10_000, 50)):
        y, x = data(n, d)
        gtn.match(y[:100], x[:100])
        first = None
        for name, method in methods.items():
            taken, assignment = seconds(method, y, x)
            first = assignment if first is None else first
            equal = f"{(assignment == first).mean():.1%}"
            print(f"| {n:,} × {d} | {name} | {taken:.3f} | {mean_cosine(y, x, assignment):.4f} | {equal} |", flush=True)


def overhead(program: Path, repetitions: int) -> None:
    """The time of the call beside that of the library, measured by `match_seconds` in turns."""
    print("| rows × columns | type | gtn.match | library | difference |\n|---|---|---|---|---|")
    for n, d in ((20_000, 100), (100_000, 5), (2_000, 50)):
        y, x = (rows.astype(np.float32) for rows in data(n, d))
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / name for name in ("y.f32", "x.f32")]
            for path, rows in zip(paths, (y, x), strict=True):
                rows.tofile(path)
            of_call: dict[str, list[float]] = {"float32": [], "float64": []}
            of_library: dict[str, list[float]] = {"float32": [], "float64": []}
            for _ in range(repetitions):
                printed = subprocess.run([program, *paths, str(d), "3"], check=True, capture_output=True, text=True).stdout
                for dtype, line in zip(of_call, printed.split(), strict=True):
                    of_library[dtype].append(float(line))
                    source, target = y.astype(dtype), x.astype(dtype)
                    of_call[dtype].append(statistics.median(seconds(gtn.match, source, target)[0] for _ in range(3)))
        for dtype in of_call:
            a, b = statistics.median(of_call[dtype]), statistics.median(of_library[dtype])
            print(f"| {n:,} × {d} | {dtype} | {1e3 * a:.1f} ms | {1e3 * b:.1f} ms | {1e3 * (a - b):+.1f} ms, {a / b - 1:+.1%} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--overhead", type=Path, metavar="PROGRAM", help="the overhead of Python over the library")
    parser.add_argument("--repetitions", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.overhead is None:
        compare()
    else:
        overhead(arguments.overhead, arguments.repetitions)


if __name__ == "__main__":
    main()
