"""The Pillow reference of crates/gtn-data/examples/load_images.rs: times reading a data set, and compares the results.

    pip install pillow numpy        (and torch, torchvision for --torchvision)
    python tests/golden/images_reference.py celeba|hap DATA_DIR [--compare OUT.npy] [--processes 2] [--torchvision]
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

CROP, IMAGE_SIZE = 148, 64


def listed(name, folder):
    """The names of the images that exist, training images first."""
    if name == "celeba":
        rows = [line.split() for line in open(os.path.join(folder, "list_eval_partition.txt"))]
        existing = {os.path.basename(entry) for entry in archive(folder).namelist()}
        return [row[0] for split in "012" for row in rows if row[1] == split and row[0] in existing]
    lists = [os.path.join(folder, f"hands_kaggle-{split}.csv") for split in ("train", "val", "test")]
    names = [row["Filename"] for path in lists for row in csv.DictReader(open(path))]
    return [image for image in names if os.path.exists(os.path.join(folder, "Hands", image))]


OPEN = {}


def archive(folder):
    """The archive of CelebA, opened once per process."""
    if os.getpid() not in OPEN:
        OPEN[os.getpid()] = zipfile.ZipFile(os.path.join(folder, "img_align_celeba.zip"))
    return OPEN[os.getpid()]


def read(name, folder, image):
    if name == "celeba":
        return archive(folder).read(f"img_align_celeba/{image}")
    with open(os.path.join(folder, "Hands", image), "rb") as file:
        return file.read()


def by_pillow(name, jpeg):
    """Does what torchvision's CenterCrop and Resize do for PIL images; returns (IMAGE_SIZE, IMAGE_SIZE, 3)."""
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    if name == "celeba":
        left, top = (int(round((length - CROP) / 2.0)) for length in image.size)
        image = image.crop((left, top, left + CROP, top + CROP))
    return np.asarray(image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.BILINEAR))


def by_torchvision(name, jpeg):
    """The authors' transform, including the conversion to tensors in [-1, 1]."""
    from torchvision import transforms

    if name not in OPEN:
        crop = [transforms.CenterCrop(CROP)] if name == "celeba" else []
        to_tensor = [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
        OPEN[name] = transforms.Compose([*crop, transforms.Resize((IMAGE_SIZE, IMAGE_SIZE)), *to_tensor])
    return OPEN[name](Image.open(io.BytesIO(jpeg)).convert("RGB")).numpy()


def work(task):
    name, folder, images, transform = task
    return np.stack([transform(name, read(name, folder, image)) for image in images])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=["celeba", "hap"])
    parser.add_argument("data_dir")
    parser.add_argument("--compare", metavar="OUT.npy", help="compare with the images that load_images.rs wrote")
    parser.add_argument("--means", action="store_true", help="print the mean of each channel of the first 200 images")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--torchvision", action="store_true")
    args = parser.parse_args()
    folder = os.path.join(args.data_dir, args.name)
    names = listed(args.name, folder)
    if args.compare:
        actual = np.load(args.compare).astype(int)
        expected = work((args.name, folder, names[: len(actual)], by_pillow)).transpose(0, 3, 1, 2).astype(int)
        difference = np.abs(actual - expected)
        mean, maximum = difference.mean(), difference.max()
        print(f"{args.name}: {len(actual)} images, mean difference {mean:.3f}, maximum {maximum} of 255")
        return
    if args.means:
        for image, pixels in zip(names, work((args.name, folder, names[:200], by_pillow))):
            print(image, *(f"{mean:.3f}" for mean in pixels.reshape(-1, 3).mean(axis=0)))
        return
    transform = by_torchvision if args.torchvision else by_pillow
    tasks = [(args.name, folder, names[start : start + 256], transform) for start in range(0, len(names), 256)]
    with multiprocessing.Pool(args.processes) as pool:
        pool.map(work, [task[:2] + (task[2][:8], transform) for task in tasks[:4]])
        start = time.perf_counter()
        count = sum(len(images) for images in pool.imap(work, tasks))
    seconds = time.perf_counter() - start
    print(f"{args.name}: {count} images, {args.processes} processes, {seconds:.3f} s, {count / seconds:.0f} images/s")


if __name__ == "__main__":
    main()
