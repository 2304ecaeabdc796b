"""What a PyTorch user builds in an afternoon, to compare `gtn fit` with: an autoencoder, and a mixture of Gaussians on its latents.

    python peer_fit.py FOLDER OUT --dim 64 --minutes 20

trains on the images in FOLDER for the given minutes in all, and writes 2,000 samples to OUT/generated, as many decoded held-out images
as there are to OUT/decoded, and the training images, cut to 64 × 64 pixels, to OUT/real. The autoencoder has the layers of the paper's
(as gtn-models has them), and Adam with batches of 64 and a learning rate of 5e-4, or --batch and --rate. The mixture has the best number of
components of 1, 3, 10 and 30 on held-out latents. Then

    gtn evaluate --real OUT/real --generated OUT/generated --metrics fid --inception-dims 768 --fid-weights FILE

Needs torch, scikit-learn and Pillow.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from sklearn.mixture import GaussianMixture
from torch import nn

from torch_networks import Decoder, Encoder

SIDE = 64


def read(path):
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    return ImageOps.fit(image, (SIDE, SIDE), Image.BILINEAR)


class Autoencoder(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.encoder, self.decoder = Encoder(3, SIDE, dim), Decoder(3, SIDE, dim)

    def forward(self, x):
        return self.decoder(self.encoder(x))


def save(images, folder):
    folder.mkdir(parents=True, exist_ok=True)
    pixels = ((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    for index, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{index:05}.png")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=5e-4)
    arguments = parser.parse_args()
    started = time.time()
    torch.manual_seed(arguments.seed)
    endings = {".jpg", ".jpeg", ".png"}
    paths = sorted(path for path in arguments.folder.rglob("*") if path.suffix.lower() in endings)
    pixels = np.stack([np.asarray(read(path)) for path in paths])
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    order = torch.randperm(len(images))
    train, held_out = images[order[len(order) // 10:]], images[order[:len(order) // 10]]
    print(f"{len(train)} training images, {time.time() - started:.0f} s")

    # The mixture needs little time, so the autoencoder has nearly all of it.
    model, end = Autoencoder(arguments.dim), started + 60 * arguments.minutes * 0.9
    optimizer = torch.optim.Adam(model.parameters(), lr=arguments.rate, weight_decay=1e-5)
    best, best_state, epoch = float("inf"), None, 0
    while time.time() < end:
        epoch += 1
        for batch in torch.randperm(len(train)).split(arguments.batch):
            if time.time() > end:
                break
            loss = nn.functional.mse_loss(model(train[batch]), train[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            loss = sum(nn.functional.mse_loss(model(x), x).item() * len(x) for x in held_out.split(64)) / len(held_out)
        if loss < best:
            best, best_state = loss, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(best_state)
    print(f"autoencoder: {epoch} epochs, best validation loss {best:.4f}, {time.time() - started:.0f} s")

    with torch.no_grad():
        latents, of_held_out = (torch.cat([model.encoder(x) for x in part.split(256)]).numpy() for part in (train, held_out))
    mixtures = [GaussianMixture(k, random_state=arguments.seed, reg_covar=1e-3).fit(latents) for k in (1, 3, 10, 30)]
    mixture = max(mixtures, key=lambda mixture: mixture.score(of_held_out))
    sampled = torch.from_numpy(mixture.sample(arguments.samples)[0]).float()
    sampled = sampled[torch.randperm(len(sampled))]
    with torch.no_grad():
        save(torch.cat([model.decoder(z) for z in sampled.split(256)]), arguments.out / "generated")
        save(torch.cat([model(x) for x in held_out.split(256)]), arguments.out / "decoded")
    print(f"mixture of {mixture.n_components}, {time.time() - started:.0f} s in all")
    save(train[:arguments.samples], arguments.out / "real")


main()
