"""Compares `gtn evaluate` with pytorch-fid and torch-fidelity on images of faces and hands.

    pip install pytorch-fid torch-fidelity safetensors pillow
    python tests/golden/fid_reference.py GTN WEIGHTS DATA_DIR [--images 1000] [--dims 64,192,768]

GTN is the program, WEIGHTS a file of FID's Inception network as .safetensors with BatchNorm folded into the convolutions, which
may be incomplete, and DATA_DIR the folder of the data sets (CelebA, 11K Hands). Nothing is downloaded.

Images are written as PNG files to a temporary folder: faces of CelebA's validation and test sets, and hands, as the program
scales them to 64 x 64 (faces cropped to 148 x 148 before), and at their original size. For each pair of sets, the script prints

- FID of pytorch-fid's own code, with the same weights, and of `gtn`, and the relative difference (the networks differ by
  rounding);
- from the features that `gtn` computed: FID of pytorch-fid's formula, KID, precision and recall of torch-fidelity, and those of
  `gtn`; and from logits, for which random weights of torchvision's network are used, the Inception Score.

It ends with the exit code 1 if a difference is too large: 1e-3 for FID by different networks, 1e-6 for equal features.
"""

import argparse
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
import torchvision
from PIL import Image
from pytorch_fid import fid_score, inception
from safetensors.numpy import load_file
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kernel_mmd
from torch_fidelity.metric_prc import prc_features_to_metric

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import images_reference  # noqa: E402

FACES = "celeba"
KID = {"kid_kernel": "poly", "kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None, "kid_kernel_poly_coef0": 1}


def names(data_dir, split, count):
    """The first images of CelebA's split (0 training, 1 validation, 2 test), or hands."""
    folder = pathlib.Path(data_dir) / ("hap" if split == "hands" else FACES)
    if split == "hands":
        return images_reference.listed("hap", folder)[:count]
    rows = [line.split() for line in open(folder / "list_eval_partition.txt")]
    existing = {pathlib.PurePath(entry).name for entry in images_reference.archive(folder).namelist()}
    return [name for name, of_split in rows if of_split == split and name in existing][:count]


def write_images(data_dir, split, count, out, scaled):
    """Writes images as PNG files, in the order of their names."""
    data_set = "hap" if split == "hands" else FACES
    folder = pathlib.Path(data_dir) / data_set
    out.mkdir()
    for index, name in enumerate(names(data_dir, split, count)):
        jpeg = images_reference.read(data_set, folder, name)
        if scaled:
            image = Image.fromarray(images_reference.by_pillow(data_set, jpeg))
        else:
            image = Image.open(io.BytesIO(jpeg)).convert("RGB")
        image.save(out / f"{index:05}.png")
    return out


def state_dict(weights):
    """A state dict of pytorch-fid's network with folded weights: BatchNorm adds the bias and does nothing else."""
    folded = {name: torch.from_numpy(value) for name, value in load_file(weights).items()}
    network = inception._inception_v3(num_classes=1008, aux_logits=False, weights=None)
    for block, patched, arguments in [
        ("Mixed_5b", inception.FIDInceptionA, (192, 32)), ("Mixed_5c", inception.FIDInceptionA, (256, 64)),
        ("Mixed_5d", inception.FIDInceptionA, (288, 64)), ("Mixed_6b", inception.FIDInceptionC, (768, 128)),
        ("Mixed_6c", inception.FIDInceptionC, (768, 160)), ("Mixed_6d", inception.FIDInceptionC, (768, 160)),
        ("Mixed_6e", inception.FIDInceptionC, (768, 192)), ("Mixed_7b", inception.FIDInceptionE_1, (1280,)),
        ("Mixed_7c", inception.FIDInceptionE_2, (2048,)),
    ]:
        setattr(network, block, patched(*arguments))
    state = network.state_dict()
    missing = []
    for name in state:
        if name.endswith("num_batches_tracked"):
            continue
        layer, _, kind = name.rpartition(".")
        if layer.endswith(".bn"):
            found = folded.get(f"{layer[:-3]}.bias")
            # PyTorch adds eps = 1e-3 to the variance.
            state[name] = {"weight": torch.ones_like(state[name]), "running_mean": torch.zeros_like(state[name]),
                           "running_var": torch.full_like(state[name], 1 - 1e-3), "bias": found}[kind]
            found = state[name]
        else:
            found = folded.get(name.replace(".conv.weight", ".weight"))
        if found is None:
            missing.append(name)
            found = torch.randn_like(network.state_dict()[name]) * 0.01
        state[name] = found
    print(f"{len(missing)} tensors are missing and random: {', '.join(missing)}")
    return state


def reference_network(dims, state):
    inception.load_state_dict_from_url = lambda *_, **__: state
    return inception.InceptionV3([inception.InceptionV3.BLOCK_INDEX_BY_DIM[dims]]).eval()


class Program:
    """Calls of `gtn`."""

    def __init__(self, path, temporary, weights):
        self.path, self.temporary, self.weights = path, temporary, weights

    def evaluate(self, real, generated, dims, metrics, cache, *options):
        command = [self.path, "evaluate", "--json", "--metrics", metrics, "--real", real, "--generated", generated]
        command += ["--fid-weights", self.weights, "--inception-dims", str(dims), "--cache-dir", cache, *options]
        start = time.time()
        result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(result.stderr)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        return {line["metric"]: line for line in lines}, time.time() - start

    def outputs(self, images, dims, metric, *options):
        """The outputs of a network that `gtn` stores in its cache, for one set of images."""
        cache = pathlib.Path(tempfile.mkdtemp(dir=self.temporary))
        # The same set on both sides is one file.
        self.evaluate(images, images, dims, metric, cache, *options)
        (file,) = (cache / "features").iterdir()
        return load_file(file)["features"]


class Comparison:
    is_close = True

    def line(self, what, expected, actual, tolerance):
        error = abs(actual - expected) / max(abs(expected), 1e-12)
        verdict = "" if error <= tolerance else f"  LARGER THAN {tolerance:.0e}"
        self.is_close &= not verdict
        print(f"{what:<44} {expected:>16.9f} {actual:>16.9f} {error:>10.1e}{verdict}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("gtn")
    parser.add_argument("weights")
    parser.add_argument("data_dir")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--dims", default="64,192,768")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only-scaled", action="store_true", help="leave out images of the original size")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    comparison = Comparison()
    with tempfile.TemporaryDirectory() as temporary:
        temporary = pathlib.Path(temporary)
        program = Program(arguments.gtn, temporary, arguments.weights)
        state = state_dict(arguments.weights)
        cache = temporary / "cache"
        print(f"{'':<44} {'reference':>16} {'gtn':>16} {'difference':>10}")
        for scaled in [True] if arguments.only_scaled else [True, False]:
            size = "64 x 64" if scaled else "original"
            sets = {}
            for name, split in [("validation", "1"), ("test", "2"), ("hands", "hands")]:
                # 11K Hands has images of 1600 x 1200 pixels; fewer of them suffice.
                count = min(arguments.images, 100) if split == "hands" and not scaled else arguments.images
                sets[name] = write_images(arguments.data_dir, split, count, temporary / f"{name}-{scaled}", scaled)
            for dims in map(int, arguments.dims.split(",")):
                network = reference_network(dims, state)
                statistics = {}
                start = time.time()
                for name, path in sets.items():
                    statistics[name] = fid_score.compute_statistics_of_path(str(path), network, 50, dims, "cpu", 1)
                seconds, ours = time.time() - start, 0
                for other in ["test", "hands"]:
                    expected = fid_score.calculate_frechet_distance(*statistics["validation"], *statistics[other])
                    found, taken = program.evaluate(sets["validation"], sets[other], dims, "fid", cache)
                    ours += taken
                    comparison.line(f"FID {dims}, {size}, faces and {other}", expected, found["fid"]["value"], 1e-3)
                print(f"  seconds for 3 sets: pytorch-fid {seconds:.0f}, gtn {ours:.0f}")
            if not scaled:
                continue
            # Formulas, from the same features.
            dims = int(arguments.dims.split(",")[-1])
            features = {name: program.outputs(path, dims, "fid") for name, path in sets.items()}
            for other in ["test", "hands"]:
                x, y = features["validation"].astype(float), features[other].astype(float)
                found, _ = program.evaluate(sets["validation"], sets[other], dims, "fid,kid,precision,recall", cache)
                moments = [value for rows in (x, y) for value in (rows.mean(0), np.cov(rows, rowvar=False))]
                expected = {"fid": fid_score.calculate_frechet_distance(*moments)}
                if len(x) <= 1000 and len(x) == len(y):
                    # Each subset consists of all rows.
                    expected["kid"] = float(kernel_mmd(x, y, **KID))
                result = prc_features_to_metric(
                    torch.from_numpy(y), torch.from_numpy(x), prc_neighborhood=3, prc_batch_size=10000, verbose=False)
                expected |= {"precision": result["precision"], "recall": result["recall"]}
                for metric, value in expected.items():
                    comparison.line(f"{metric} of equal features, {other}", value, found[metric]["value"], 1e-6)
            weights = temporary / "is.pth"
            network = torchvision.models.inception_v3(weights=None, aux_logits=True, init_weights=True)
            # Logits of random weights are so large that torch-fidelity takes the logarithm of 0.
            with torch.no_grad():
                spread = network.eval()(torch.rand(8, 3, 299, 299) * 2 - 1).std()
                network.fc.weight.mul_(3 / spread)
                network.fc.bias.mul_(3 / spread)
            torch.save(network.state_dict(), weights)
            option = ["--is-weights", weights]
            logits = program.outputs(sets["test"], dims, "is", *option)
            found, _ = program.evaluate(sets["validation"], sets["test"], dims, "is", cache, *option)
            score = isc_features_to_metric(torch.from_numpy(logits), splits=10, shuffle=False)
            comparison.line("is of equal logits", score["inception_score_mean"], found["is"]["value"], 1e-6)
            comparison.line("  its deviation over splits", score["inception_score_std"], found["is"]["std"], 1e-6)
    return 0 if comparison.is_close else 1


if __name__ == "__main__":
    sys.exit(main())
