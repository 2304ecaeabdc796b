"""From a wheel to results, each step in seconds: a new virtual environment, digits, a matching of 100,000 × 5, a fit of 1,000 images.

    python first_minutes.py WHEEL [--images DIR] [--time-budget 2m]

Without --images, the images are colored squares that the script draws.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DIGITS = """
import gtn, numpy as np
images = gtn.load(gtn.weights("mnist-d5")).sample(64)
np.save("digits.npy", images)
"""

PICTURE = "from gtn.__main__ import main; import sys; sys.argv = ['gtn', 'sample', str(__import__('gtn').weights('mnist-d5')), '-n', '64', '--out', 'digits.png']; main()"

MATCHING = """
import gtn, numpy as np
rng = np.random.default_rng(0)
matching = gtn.match(rng.normal(size=(100_000, 5)), rng.normal(size=(100_000, 5)))
print(f"mean cosine {matching.similarity.mean():.4f}")
"""

FIT = """
import gtn, numpy as np
rng = np.random.default_rng(0)
images = np.zeros((1_000, 64, 64, 3), dtype=np.uint8)
for image in images:
    for _ in range(3):
        (top, left), side = rng.integers(0, 44, 2), rng.integers(8, 20)
        image[top:top + side, left:left + side] = rng.integers(60, 256, 3)
model = gtn.fit({data}, out="run", time_budget="{budget}")
np.save("samples.npy", model.sample(64))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--images", type=Path, help="a folder of images to fit")
    parser.add_argument("--time-budget", default="2m")
    arguments = parser.parse_args()
    wheel = arguments.wheel.resolve()
    data = "images" if arguments.images is None else repr(str(arguments.images.resolve()))
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        python = str(Path(folder) / "venv/bin/python")
        # Nothing of Rust, and nothing of this environment.
        variables = {"PATH": "/usr/bin:/bin", "HOME": folder}

        def step(name: str, *command: str) -> None:
            started = time.perf_counter()
            subprocess.run(command, check=True, env=variables)
            print(f"{time.perf_counter() - started:7.1f} s  {name}", flush=True)

        step("python -m venv", sys.executable, "-m", "venv", "venv")
        step("pip install WHEEL", python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel))
        step("64 digits as an array", python, "-c", DIGITS)
        step("64 digits as a picture", python, "-c", PICTURE)
        step("a matching of 100,000 × 5", python, "-c", MATCHING)
        step(f"a fit of images, time budget {arguments.time_budget}", python, "-c", FIT.format(data=data, budget=arguments.time_budget))


if __name__ == "__main__":
    main()
