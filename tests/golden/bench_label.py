"""The PyTorch reference of `gtn bench label`: Algorithm 1 as a loop like the authors', one source row at a time.

    python bench_label.py FOLDER

FOLDER contains y.npy and x.npy, f32 arrays with the same number of rows. `cargo xtask bench label` starts this script.
Its first line of output is "ready VERSION". For each line on standard input it prints how long the loop takes:

- "SECONDS" if the full loop was timed;
- "~SECONDS", an estimate, if the full loop would take more than a minute. In that case only 1,000 steps (fewer if they
  would take more than a minute) are timed at the start, at 1/4, 1/2 and 3/4 of the way and at the end, and the time per
  step is interpolated linearly;
- "-" if even 100 steps would take more than a minute.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch

MAX_SECONDS = 60.0
MAX_STEPS = 1000
MIN_STEPS = 100


def sorted_by_norm(rows):
    return rows[torch.argsort(torch.linalg.vector_norm(rows, dim=1))]


def loop(source, remaining):
    """Matches each source row with the remaining target row of the highest cosine similarity."""
    matched = []
    for y in source:
        best = int(torch.argmax(torch.nn.functional.cosine_similarity(remaining, y[None])))
        matched.append(remaining[best].clone())
        remaining = torch.cat([remaining[:best], remaining[best + 1 :]])
    return matched


def seconds(source, target):
    start = time.perf_counter()
    loop(source, target)
    return time.perf_counter() - start


def measure(source, target):
    rows = len(source)
    first_steps = min(rows, 20)
    # Warm-up: the first steps load code and allocate memory.
    loop(source[:first_steps], target)
    step = min(seconds(source[:first_steps], target) for _ in range(3)) / first_steps
    # The time of a step is proportional to the number of remaining rows, so the average step takes half as long as the
    # first.
    if rows <= MAX_STEPS or step * rows / 2 <= MAX_SECONDS:
        return f"{seconds(source, target)}"
    steps = min(MAX_STEPS, int(MAX_SECONDS / step))
    if steps < MIN_STEPS:
        return "-"
    starts = [rows * quarter // 4 for quarter in range(4)] + [rows - steps]
    per_step = [seconds(source[start : start + steps], target[start:]) / steps for start in starts]
    bounds = [*starts[:4], rows]
    segments = zip(zip(bounds, bounds[1:]), zip(per_step, per_step[1:]))
    return f"~{sum((end - start) * (a + b) / 2 for (start, end), (a, b) in segments)}"


source, target = (torch.from_numpy(np.load(Path(sys.argv[1]) / name)) for name in ("y.npy", "x.npy"))
source, target = sorted_by_norm(source), sorted_by_norm(target)
print(f"ready {torch.__version__}", flush=True)
for _ in sys.stdin:
    print(measure(source, target), flush=True)
