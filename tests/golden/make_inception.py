"""Makes inception.safetensors: outputs of InceptionV3 in PyTorch, for random weights and images that a formula gives.

    python make_inception.py [--save FOLDER] [--folded FILE]

It needs torch, torchvision, pytorch-fid, torch-fidelity and safetensors. The networks are pytorch-fid's and torchvision's own; the
tests compute the same weights by the same formula. For each block, the file has every 997th value of its output, and then the
features and the logits. With --save, the two state dicts are saved to that folder in PyTorch's format, for
`gtn evaluate --fid-weights` and `--is-weights`. With --folded, inception_folded.safetensors is made instead: the first three
features of pytorch-fid's network with the weights in FILE, as for fid_reference.py.
"""

import argparse
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import torchvision
from pytorch_fid import inception
from safetensors.numpy import save_file

BLOCKS = ["Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"]
BLOCKS += ["Mixed_7a", "Mixed_7b", "Mixed_7c"]


def uniform(name, count):
    """`count` numbers in [-1, 1) that depend on the name."""
    key = 2166136261
    for byte in name.encode():
        key = (key ^ byte) * 16777619 % 2**32
    x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(key)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return x.astype(np.float64) / 2.0**31 - 1.0


def values(name, shape):
    x = uniform(name, int(np.prod(shape)))
    if name.endswith("conv.weight") or name == "fc.weight":
        x *= np.sqrt(6.0 / np.prod(shape[1:]))
    elif name.endswith("bn.weight"):
        x = 1.0 + 0.25 * x
    elif name.endswith("running_var"):
        x = 1.0 + 0.5 * x
    else:
        x *= 0.25
    return torch.from_numpy(x.astype(np.float32).reshape(shape))


def load_random(network):
    state = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    network.load_state_dict({name: values(name, tensor.shape) for name, tensor in state.items()}, strict=False)
    return network.eval()


def images(name, shape):
    return torch.from_numpy(uniform(name, int(np.prod(shape))).astype(np.float32).reshape(shape))


def fid_network():
    # pytorch-fid downloads its weights when it builds the network.
    with mock.patch.object(inception, "load_state_dict_from_url", lambda *_, **__: None):
        with mock.patch.object(torchvision.models.Inception3, "load_state_dict", lambda *_, **__: None):
            return inception.fid_inception_v3()


def outputs(network, x):
    found = {}
    x = torch.nn.functional.interpolate(x, size=(299, 299), mode="bilinear", align_corners=False)
    x = network.Conv2d_2b_3x3(network.Conv2d_2a_3x3(network.Conv2d_1a_3x3(x)))
    found["Conv2d_1a_3x3"] = x = torch.nn.functional.max_pool2d(x, 3, 2)
    found["64"] = x.mean((2, 3))
    x = network.Conv2d_4a_3x3(network.Conv2d_3b_1x1(x))
    found["Conv2d_3b_1x1"] = x = torch.nn.functional.max_pool2d(x, 3, 2)
    found["192"] = x.mean((2, 3))
    for block in BLOCKS:
        found[block] = x = getattr(network, block)(x)
        if block == "Mixed_6e":
            found["768"] = x.mean((2, 3))
    found["2048"] = x = x.mean((2, 3))
    found["logits"] = network.fc(x)
    return {name: y.flatten()[::997].numpy().copy() if y.ndim == 4 else y.numpy().copy() for name, y in found.items()}


def folded(path):
    from fid_reference import state_dict

    network = fid_network()
    network.load_state_dict(state_dict(path))
    with torch.no_grad():
        found = outputs(network.eval(), images("images", (2, 3, 64, 48)))
    save_file({dims: found[dims] for dims in ["64", "192", "768"]}, Path(__file__).with_name("inception_folded.safetensors"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--save", type=Path)
    parser.add_argument("--folded", type=Path)
    arguments = parser.parse_args()
    if arguments.folded:
        return folded(arguments.folded)
    networks = {
        "fid": load_random(fid_network()),
        "torchvision": load_random(torchvision.models.inception_v3(weights=None, init_weights=False)),
    }
    golden = {}
    with torch.no_grad():
        for variant, network in networks.items():
            for name, x in outputs(network, images("images", (2, 3, 64, 48))).items():
                golden[f"{variant}.{name}"] = x
            x = images("image", (1, 3, 299, 299))
            # The networks themselves give what the blocks above give.
            np.testing.assert_allclose(outputs(network, x)["logits"], network(x).numpy(), rtol=1e-5, atol=1e-6)
            if arguments.save:
                path = arguments.save / f"inception-{variant}-random.pth"
                torch.save(network.state_dict(), path)
                print(path)
    save_file(golden, Path(__file__).with_name("inception.safetensors"))


if __name__ == "__main__":
    main()
