"""Writes torch_models.zip: small networks with the names of the authors' code, saved by PyTorch, and their results.

The tests in ../e2e/models.rs import them. For each case there are CASE.h.pt, CASE.autoencoder.pt and CASE.npz with
    source (n, d), latents (n, d): ĥ of the source
    decoded: every 37th value of the decoded latents
    images (n, C, H, W), encoded (n, d): the latents of the images
The weights of the autoencoder repeat after 509 values, so that the archive is small.

    pip install torch numpy
    python tests/golden/make_torch.py
"""

import io
import pathlib
import zipfile

import numpy as np
import torch
from torch_networks import Autoencoder, HDeep, HMnist, as_trained

torch.manual_seed(1)
torch.set_num_threads(1)
LEGACY = {"_use_new_zipfile_serialization": False}


def repeating(count, key):
    """Values in [-1, 1) that repeat after 509."""
    k = np.arange(count, dtype=np.int64) + key
    return torch.from_numpy(((k * 7919 % 509) / 256 - 0.994).astype(np.float32))


def autoencoder(channels, side, d):
    network = Autoencoder(channels, side, d)
    with torch.no_grad():
        for key, parameter in enumerate(network.parameters()):
            bound = 3 / parameter[0].numel() ** 0.5 if parameter.dim() > 1 else 0.1
            parameter.copy_((repeating(parameter.numel(), 31 * key) * bound).view(parameter.shape))
    return network.eval()


def saved(network, **options):
    out = io.BytesIO()
    torch.save(network.state_dict(), out, **options)
    return out.getvalue()


CASES = {
    "mnist": (HMnist(5, 12), (1, 28), {}, {}),
    "points": (HMnist(2, 9, layers=3), None, LEGACY, {}),
    "celeba": (HDeep(3, 8), (3, 64), LEGACY, {}),
    "hap": (HDeep(4, 12), (3, 96), {}, LEGACY),
}

with zipfile.ZipFile(pathlib.Path(__file__).parent / "torch_models.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for case, (h, images, h_options, autoencoder_options) in CASES.items():
        as_trained(h)
        d = h.fc1.in_features
        results = {"source": torch.randn(3, d)}
        archive.writestr(f"{case}.h.pt", saved(h, **h_options))
        with torch.no_grad():
            results["latents"] = h(results["source"])
            if images is not None:
                channels, side = images
                network = autoencoder(channels, side, d)
                archive.writestr(f"{case}.autoencoder.pt", saved(network, **autoencoder_options))
                results["decoded"] = network.decoder(results["latents"]).flatten()[::37]
                shape = (2, channels, side, side)
                results["images"] = repeating(int(np.prod(shape)), 7).view(shape).clamp(-1, 1)
                results["encoded"] = network.encoder(results["images"])
        out = io.BytesIO()
        np.savez(out, **{name: value.contiguous().numpy() for name, value in results.items()})
        archive.writestr(f"{case}.npz", out.getvalue())
        print(case, {name: (tuple(value.shape), float(value.abs().max())) for name, value in results.items()})
