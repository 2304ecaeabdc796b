"""Writes tests/golden/images.zip: small JPEG files of many kinds, and the 64x64 image that Pillow makes of each.

    pip install pillow numpy
    python tests/golden/make_images.py

NAME.jpg is the JPEG file. NAME.whole.rgb is the full image, and NAME.148.rgb is the center crop of 148x148, both
resized with Pillow's BILINEAR filter as torchvision's Resize does for PIL images: (64, 64, 3) bytes.
"""

import io
import os
import zipfile

import numpy as np
from PIL import Image, ImageDraw

CROP, IMAGE_SIZE = 148, 64


def draw(width, height, key):
    """Waves, a head with eyes, fine lines and hard edges."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    waves = [127 + 120 * np.sin((7 + key) * x + 3 * channel) * np.cos((5 + 2 * channel) * y + key) for channel in range(3)]
    image = Image.fromarray(np.stack(waves, axis=-1).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    at = lambda *fractions: [fraction * (width, height)[index % 2] for index, fraction in enumerate(fractions)]
    pen.ellipse(at(0.3, 0.25, 0.7, 0.8), fill=(224, 172, 105 + 10 * key), outline=(90, 40, 20))
    for eye in (0.4, 0.56):
        pen.ellipse(at(eye, 0.42, eye + 0.06, 0.46), fill=(20, 30, 60))
    pen.arc(at(0.4, 0.5, 0.6, 0.7), 20, 160, fill=(180, 30, 40), width=3)
    for line in range(0, width // 4, 3):
        pen.line((line, 0, line, height // 6), fill=(255, 255, 255) if line % 2 else (0, 0, 0))
    pen.rectangle(at(0.75, 0.75, 0.95, 0.9), fill=(255, 0, 0))
    return image


def images():
    rotated = Image.Exif()
    rotated[0x0112] = 6
    yield "portrait", draw(178, 218, 1), {"quality": 90}
    yield "best", draw(178, 218, 2), {"quality": 92, "subsampling": 0}
    yield "worst", draw(178, 218, 3), {"quality": 20}
    yield "landscape", draw(320, 240, 4), {"quality": 80, "subsampling": 1}
    yield "large", draw(1600, 1200, 5), {"quality": 30}
    yield "odd", draw(179, 221, 6), {"quality": 90}
    yield "odder", draw(151, 153, 7), {"quality": 90, "subsampling": 1}
    yield "grey", draw(178, 218, 8).convert("L"), {"quality": 90}
    yield "progressive", draw(200, 200, 9), {"quality": 85, "progressive": True}
    yield "small", draw(40, 30, 10), {"quality": 90}
    yield "same", draw(64, 64, 11), {"quality": 90}
    yield "stored_as_rgb", draw(160, 150, 12), {"quality": 85, "keep_rgb": True}
    yield "restarts", draw(178, 218, 13), {"quality": 85, "restart_marker_rows": 1}
    yield "on_its_side", draw(178, 218, 14), {"quality": 85, "exif": rotated}
    yield "cmyk", draw(40, 30, 15).convert("CMYK"), {"quality": 85}


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "images.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:

        def add(name, content):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)

        for name, original, options in images():
            jpeg = io.BytesIO()
            original.save(jpeg, "JPEG", **options)
            add(f"{name}.jpg", jpeg.getvalue())
            if name == "cmyk":
                continue
            image = Image.open(jpeg).convert("RGB")
            crop = CROP if CROP <= min(image.size) < IMAGE_SIZE * 3 else "whole"
            if crop == CROP:
                left, top = (int(round((length - CROP) / 2.0)) for length in image.size)
                image = image.crop((left, top, left + CROP, top + CROP))
            add(f"{name}.{crop}.rgb", image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.BILINEAR).tobytes())


if __name__ == "__main__":
    main()
