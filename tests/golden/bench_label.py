"""A loop like the authors', to be timed beside `gtn bench label`: Algorithm 1 in PyTorch, one source row at a time.

    python bench_label.py FOLDER

FOLDER holds y.npy and x.npy, as many rows of f32 in each. `cargo xtask bench label` starts it. The first line that it writes is
"ready VERSION". Each time a line comes in it says how many seconds the loop takes; "~SECONDS" if that would be more than a
minute, so that only 1,000 steps (fewer, if these would take more than a minute) at the start, at 1/4, 1/2 and 3/4 of the way
and at the end were done, and the time between them was taken to run straight from one to the next; "-" if even 100 steps
would take more than a minute.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch

LONG = 60.0
MOST_STEPS = 1000
LEAST_STEPS = 100


def sorted_by_norm(rows):
    return rows[torch.argsort(torch.linalg.vector_norm(rows, dim=1))]


def loop(source, remaining):
    """Gives each source row the remaining target row of the highest cosine similarity."""
    taken = []
    for y in source:
        best = int(torch.argmax(torch.nn.functional.cosine_similarity(remaining, y[None])))
        taken.append(remaining[best].clone())
        remaining = torch.cat([remaining[:best], remaining[best + 1 :]])
    return taken


def seconds(source, target):
    begun = time.perf_counter()
    loop(source, target)
    return time.perf_counter() - begun


def measure(source, target):
    rows = len(source)
    few = min(rows, 20)
    # The first steps load code and find memory.
    loop(source[:few], target)
    step = min(seconds(source[:few], target) for _ in range(3)) / few
    # A step takes as long as there are rows remaining: the whole loop half as long as if all remained.
    if rows <= MOST_STEPS or step * rows / 2 <= LONG:
        return f"{seconds(source, target)}"
    steps = min(MOST_STEPS, int(LONG / step))
    if steps < LEAST_STEPS:
        return "-"
    starts = [rows * quarter // 4 for quarter in range(4)] + [rows - steps]
    each = [seconds(source[at : at + steps], target[at:]) / steps for at in starts]
    places = [*starts[:4], rows]
    parts = zip(zip(places, places[1:]), zip(each, each[1:]))
    return f"~{sum((to - at) * (a + b) / 2 for (at, to), (a, b) in parts)}"


source, target = (torch.from_numpy(np.load(Path(sys.argv[1]) / name)) for name in ("y.npy", "x.npy"))
source, target = sorted_by_norm(source), sorted_by_norm(target)
print(f"ready {torch.__version__}", flush=True)
for _ in sys.stdin:
    print(measure(source, target), flush=True)
