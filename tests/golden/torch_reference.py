"""Compares gtn with PyTorch on the three networks of the paper at full size, with random weights.

For each network, in both formats of torch.save: import, ĥ, decode, encode; then an exported file in gtn, and in PyTorch through
the module in docs/pytorch.md. Prints the largest differences divided by the largest values. Each network must be within 1e-5; both
networks in a row must be as near to the result in float64, or no further from it than twice the distance of PyTorch.

Exported files are also compared of a residual ĥ with 30 components in all coordinates, with random weights, and of short runs of
`gtn reproduce` with two components: by Algorithm 1, and with `--protocol flow`.

    pip install torch numpy safetensors
    python tests/golden/torch_reference.py target/debug/gtn
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import safetensors.torch
import torch
from torch_networks import Autoencoder, HDeep, HMnist, as_trained

program = pathlib.Path(sys.argv[1]).resolve()
documentation = pathlib.Path(__file__).parents[2] / "docs/pytorch.md"
module = next(block for block in re.findall(r"```python\n(.*?)```", documentation.read_text(), re.S) if "class Model" in block)
exported = {}
exec(module, exported)

NETWORKS = {
    "MNIST, 6 x 50, d = 5, 1 x 28 x 28": lambda: (HMnist(5, 50), (1, 28), 5),
    "CelebA, 25 x 1200, d = 100, 3 x 64 x 64": lambda: (HDeep(100, 1200), (3, 64), 100),
    "HaP, 25 x 600, d = 50, 3 x 96 x 96": lambda: (HDeep(50, 600), (3, 96), 50),
}


def gtn(*arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"gtn {' '.join(map(str, arguments))}: {done.stderr}")


def error(found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def compare_exported(name, model, at, y, k=None):
    """Samples of a model in gtn, and of its exported file in PyTorch. Returns whether they agree. k has the components of rows."""
    gtn("export", model, "--format", "torch", "--out", at("torch.safetensors"))
    weights = safetensors.torch.load_file(at("torch.safetensors"))
    module = exported["Model"](weights).eval()
    module.load_state_dict(weights)
    decode = (lambda x: module.autoencoder.decode(x)) if hasattr(module, "autoencoder") else lambda x: x
    generated = decode(module.h(y, k))
    exact = decode(module.double().h(y.double(), k))
    module.float()
    # gtn takes the component as a last column.
    np.save(at("source.npy"), y.numpy() if k is None else np.column_stack([y.numpy(), k.numpy().astype(np.float32)]))
    gtn("sample", model, "--source", at("source.npy"), "--out", at("samples.npy"))
    samples = np.load(at("samples.npy"))
    of_file = error(samples, generated)
    distances = error(samples, exact), error(generated, exact)
    to_exact = f"from those in float64: {distances[0]:.1e} and {distances[1]:.1e}"
    # A state dict that the module saved, and the exported file: bit-equal samples.
    torch.save(module.state_dict(), at("module.pt"))
    for key, path in [("file", "torch.safetensors"), ("module", "module.pt")]:
        gtn("import", "--torch-h", at(path), "--out", at(f"{key}.safetensors"))
        gtn("sample", at(f"{key}.safetensors"), "--source", at("source.npy"), "--out", at(f"{key}.npy"))
        assert np.array_equal(np.load(at(f"{key}.npy")), samples), f"{name}, {key}"
    print(f"{name}: samples of the exported file in PyTorch and in gtn differ by {of_file:.1e} ({to_exact}); imported again: equal")
    return distances[0] <= max(1e-5, 2 * distances[1])


def residual(system, d=5, width=512, blocks=4, components=30):
    """Random tensors of a residual ĥ, under the names of an exported file."""
    w = {}

    def linear(name, rows, columns):
        w[f"h.{name}.weight"], w[f"h.{name}.bias"] = torch.randn(rows, columns) / columns**0.5, torch.randn(rows) / 10

    def norm(name):
        w[f"h.{name}.weight"], w[f"h.{name}.bias"] = 1 + torch.randn(width) / 10, torch.randn(width) / 10

    linear("fc_in", width, d + components)
    for block in range(blocks):
        norm(f"blocks.{block}.norm")
        linear(f"blocks.{block}.fc1", width, width + components)
        linear(f"blocks.{block}.fc2", width, width)
    norm("norm")
    linear("fc_out", d, width)
    factors = torch.randn(components, d, d).tril(-1) / 5 + torch.diag_embed(torch.rand(components, d) + 0.2)
    arrays = {"weights": torch.rand(components).softmax(0), "means": 2 * torch.randn(components, d), "factors": factors}
    w |= {f"h.components.{system}.{name}": array for name, array in arrays.items()}
    return w | {"h.mean": torch.randn(d), "h.std": torch.rand(d) + 0.5}


worst, failed = 0.0, False
torch.manual_seed(1)
with torch.no_grad():
    for name, network in NETWORKS.items():
        h, (channels, side), d = network()
        as_trained(h)
        autoencoder = as_trained(Autoencoder(channels, side, d))
        with tempfile.TemporaryDirectory() as folder:
            at = pathlib.Path(folder).joinpath
            y, images = torch.randn(64, d), torch.rand(16, channels, side, side) * 2 - 1
            latents = h(y)
            # As after training, few pixels are saturated.
            autoencoder.decoder.conv1.weight /= torch.atanh(autoencoder.decoder(latents).double().clamp(-1 + 1e-9, 1 - 1e-9)).std()
            expected = {"h": latents, "decode": autoencoder.decoder(latents), "encode": autoencoder.encoder(images)}
            for key, value in [("y", y), ("images", images), ("latents", latents)]:
                np.save(at(f"{key}.npy"), value.numpy())
            for format, options in [("zip", {}), ("legacy", {"_use_new_zipfile_serialization": False})]:
                torch.save(h.state_dict(), at("h.pt"), **options)
                torch.save(autoencoder.state_dict(), at("ae.pt"), **options)
                model = at(f"{format}.safetensors")
                gtn("import", "--torch-h", at("h.pt"), "--torch-autoencoder", at("ae.pt"), "--out", model)
                gtn("sample", model, "--source", at("y.npy"), "--latent", "--out", at("h.npy"), "--force")
                gtn("decode", model, "--latents", at("latents.npy"), "--out", at("decode.npy"), "--force")
                gtn("encode", model, "--images", at("images.npy"), "--out", at("encode.npy"), "--force")
                errors = {key: error(np.load(at(f"{key}.npy")), value) for key, value in expected.items()}
                worst = max(worst, *errors.values())
                print(f"{name}, {format}: " + ", ".join(f"{key} {value:.1e}" for key, value in errors.items()))

            failed |= not compare_exported(name, at("zip.safetensors"), at, y)

    for system in ["normalized", "scaled", "whitened", "covariance"]:
        with tempfile.TemporaryDirectory() as folder:
            at = pathlib.Path(folder).joinpath
            torch.save(residual(system), at("residual.pt"))
            gtn("import", "--torch-h", at("residual.pt"), "--out", at("residual.safetensors"))
            name = f"residual, 4 x 512, d = 5, 30 components, {system}"
            failed |= not compare_exported(name, at("residual.safetensors"), at, torch.randn(300, 5), torch.arange(300) % 30)

    for protocol in ["paper", "flow"]:
        with tempfile.TemporaryDirectory() as folder:
            at = pathlib.Path(folder).joinpath
            options = ["--protocol", protocol, "--components", 2, "--limit", 2400, "--epochs", 3, "--quick", "--no-tensorboard"]
            gtn("reproduce", "disjoint-uniform", *options, "--out", at("run"))
            name = f"disjoint-uniform, --protocol {protocol} --components 2"
            failed |= not compare_exported(name, at("run"), at, torch.randn(500, 2), torch.arange(500) % 2)
print(f"largest error of a network: {worst:.1e}")
sys.exit(failed or worst > 1e-5)
