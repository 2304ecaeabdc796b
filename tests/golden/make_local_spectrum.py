"""Writes local_spectrum.npz: the loss with local spectra of two small batches of images in PyTorch, and its gradient.

The test in crates/gtn-models/tests/ops.rs compares them.

    pip install torch numpy
    python tests/golden/make_local_spectrum.py
"""

import pathlib

import numpy as np
import torch
import torch.nn.functional as F

WEIGHT = 3.0
torch.manual_seed(1)

hann = torch.hann_window(10, periodic=False, dtype=torch.float64)[1:-1]
window = torch.outer(hann, hann)
# Luminance and two differences of colors.
basis = torch.tensor([[1.0, 1, 1], [1, -1, 0], [1, 1, -2]], dtype=torch.float64)
basis /= basis.norm(dim=1, keepdim=True)


def amplitudes(images):
    n, channels, side, _ = images.shape
    images = torch.einsum("oc,nchw->nohw", basis, images)
    count = (side - 8) // 4 + 1
    patches = F.unfold(images.reshape(-1, 1, side, side), 8, stride=4).transpose(1, 2).reshape(-1, 8, 8)
    powers = torch.fft.rfft2(patches * window, norm="ortho").abs() ** 2
    powers = powers.reshape(n * channels, count, count, 40).permute(0, 3, 1, 2)
    return (F.avg_pool2d(powers, 3, 1) + 1e-6).sqrt()


out = {}
for side in (16, 28):
    target = torch.rand(2, 3, side, side, dtype=torch.float64) * 2 - 1
    output = (target + 0.3 * torch.randn_like(target)).clamp(-1, 1).float().double().requires_grad_()
    target = target.float().double()
    loss = F.mse_loss(output, target) + WEIGHT * (amplitudes(output) - amplitudes(target)).abs().mean()
    loss.backward()
    for name, value in [("output", output), ("target", target), ("loss", loss.reshape(1)), ("gradient", output.grad)]:
        out[f"{name}_{side}"] = value.detach().numpy().astype(np.float32)

path = pathlib.Path(__file__).with_name("local_spectrum.npz")
np.savez(path, **out)
print(path.stat().st_size, "bytes")
