"""What crates/gtn-data/examples/photos.rs does, with Pillow: how fast, and how far the results are apart.

    pip install pillow numpy        (and torch, torchvision for --torchvision)
    python tests/golden/pictures_twin.py celeba|hap DATA_DIR [--compare OUT.npy] [--processes 2] [--torchvision]
"""

import argparse
import csv
import io
import multiprocessing
import os
import time
import zipfile

import numpy as np
from PIL import Image

CROP, SIDE = 148, 64


def listed(name, folder):
    """Names of the images that are there, training images first."""
    if name == "celeba":
        rows = [line.split() for line in open(os.path.join(folder, "list_eval_partition.txt"))]
        there = {os.path.basename(entry) for entry in archive(folder).namelist()}
        return [row[0] for part in "012" for row in rows if row[1] == part and row[0] in there]
    lists = [os.path.join(folder, f"hands_kaggle-{part}.csv") for part in ("train", "val", "test")]
    names = [row["Filename"] for path in lists for row in csv.DictReader(open(path))]
    return [image for image in names if os.path.exists(os.path.join(folder, "Hands", image))]


OPEN = {}


def archive(folder):
    """One archive for each process."""
    if os.getpid() not in OPEN:
        OPEN[os.getpid()] = zipfile.ZipFile(os.path.join(folder, "img_align_celeba.zip"))
    return OPEN[os.getpid()]


def read(name, folder, image):
    if name == "celeba":
        return archive(folder).read(f"img_align_celeba/{image}")
    with open(os.path.join(folder, "Hands", image), "rb") as file:
        return file.read()


def by_pillow(name, jpeg):
    """(SIDE, SIDE, 3), as torchvision's CenterCrop and Resize on a PIL image."""
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    if name == "celeba":
        left, top = (int(round((length - CROP) / 2.0)) for length in image.size)
        image = image.crop((left, top, left + CROP, top + CROP))
    return np.asarray(image.resize((SIDE, SIDE), Image.BILINEAR))


def by_torchvision(name, jpeg):
    """The authors' transform, up to tensors in [-1, 1]."""
    from torchvision import transforms

    if name not in OPEN:
        crop = [transforms.CenterCrop(CROP)] if name == "celeba" else []
        to_numbers = [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
        OPEN[name] = transforms.Compose([*crop, transforms.Resize((SIDE, SIDE)), *to_numbers])
    return OPEN[name](Image.open(io.BytesIO(jpeg)).convert("RGB")).numpy()


def work(task):
    name, folder, images, make = task
    return np.stack([make(name, read(name, folder, image)) for image in images])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=["celeba", "hap"])
    parser.add_argument("data_dir")
    parser.add_argument("--compare")
    parser.add_argument("--means", action="store_true", help="print the mean of each channel of the first 200")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--torchvision", action="store_true")
    args = parser.parse_args()
    folder = os.path.join(args.data_dir, args.name)
    names = listed(args.name, folder)
    if args.compare:
        ours = np.load(args.compare).astype(int)
        theirs = work((args.name, folder, names[: len(ours)], by_pillow)).transpose(0, 3, 1, 2).astype(int)
        apart = np.abs(ours - theirs)
        print(f"{args.name}: {len(ours)} images, mean difference {apart.mean():.3f}, largest {apart.max()} of 255")
        return
    if args.means:
        for image, pixels in zip(names, work((args.name, folder, names[:200], by_pillow))):
            print(image, *(f"{mean:.3f}" for mean in pixels.reshape(-1, 3).mean(axis=0)))
        return
    make = by_torchvision if args.torchvision else by_pillow
    tasks = [(args.name, folder, names[start : start + 256], make) for start in range(0, len(names), 256)]
    with multiprocessing.Pool(args.processes) as pool:
        pool.map(work, [task[:2] + (task[2][:8], make) for task in tasks[:4]])
        start = time.perf_counter()
        count = sum(len(images) for images in pool.imap(work, tasks))
    seconds = time.perf_counter() - start
    print(f"{args.name}: {count} images, {args.processes} processes, {seconds:.3f} s, {count / seconds:.0f} a second")


if __name__ == "__main__":
    main()
