"""Writes statistics.npz: mean and covariance of three features, as `pytorch-fid --save-stats` writes them.

The test in ../../crates/gtn-io/tests/feature_statistics.rs reads them. The values are exact in f32.

    pip install numpy
    python tests/golden/make_statistics.py
"""

import pathlib

import numpy as np

mu = np.array([0.5, -1.25, 3.0])
sigma = np.array([[2.0, 0.5, -0.25], [0.5, 1.0, 0.125], [-0.25, 0.125, 4.0]])
# pytorch-fid's save_fid_stats calls the same function with the same names.
np.savez_compressed(pathlib.Path(__file__).with_name("statistics.npz"), mu=mu, sigma=sigma)
