"""Draws a folder of small landscapes in colored pencil: images of another kind than faces and hands, which anybody can make again.

    python drawings.py OUT --count 1500

writes OUT/0000.png and so on, 64 × 64 pixels: a sky, a hill, a house, a tree and a sun or moon, each hatched by strokes of its own
direction. Positions, sizes and colors are random. Needs Pillow.
"""

import argparse
import math
import random
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw

SCALE = 4
SIDE = 64 * SCALE


def shade(color, amount):
    return tuple(max(0, min(255, round(value + amount))) for value in color)


def hatch(image, mask, color, angle, spacing):
    """Strokes of a pencil in the white parts of the mask."""
    strokes = Image.new("L", image.size, 0)
    draw = ImageDraw.Draw(strokes)
    dx, dy = math.cos(angle), math.sin(angle)
    for step in range(-SIDE, SIDE, spacing * SCALE):
        offset = step + random.uniform(-0.3, 0.3) * spacing * SCALE
        x, y = SIDE / 2 - dy * offset, SIDE / 2 + dx * offset
        reach = SIDE * random.uniform(0.8, 1.2)
        draw.line((x - dx * reach, y - dy * reach, x + dx * reach, y + dy * reach), fill=random.randint(150, 255), width=SCALE)
    image.paste(Image.new("RGB", image.size, color), mask=ImageChops.multiply(strokes, mask))


def part(image, shape, color, angle, spacing=3):
    """A part of the drawing: `shape` draws it into a mask."""
    mask = Image.new("L", image.size, 0)
    shape(ImageDraw.Draw(mask))
    image.paste(Image.new("RGB", image.size, shade(color, 25)), mask=mask)
    hatch(image, mask, shade(color, -45), angle + random.uniform(-0.15, 0.15), spacing)


def drawing():
    image = Image.new("RGB", (SIDE, SIDE), "white")
    night = random.random() < 0.25
    sky = (60, 70, 130) if night else (150 + random.randint(-20, 30), 195, 235)
    part(image, lambda draw: draw.rectangle((0, 0, SIDE, SIDE), fill=255), sky, 0.0, 4)
    light = (245, 240, 200) if night else (250, 205, 60)
    x, y, r = random.uniform(0.1, 0.9) * SIDE, random.uniform(0.08, 0.25) * SIDE, random.uniform(0.05, 0.1) * SIDE
    part(image, lambda draw: draw.ellipse((x - r, y - r, x + r, y + r), fill=255), light, 0.8, 2)
    ground, slope, phase = random.uniform(0.6, 0.75), random.uniform(0.02, 0.08), random.uniform(0, 6.3)
    height = lambda at: SIDE * (ground - slope * math.sin(phase + 4 * at / SIDE))
    hill = [(at, height(at)) for at in range(0, SIDE + 1, 4)] + [(SIDE, SIDE), (0, SIDE)]
    green = (90 + random.randint(-30, 60), 150 + random.randint(-30, 20), 70)
    part(image, lambda draw: draw.polygon(hill, fill=255), green, 1.2)

    left, width = random.uniform(0.08, 0.5) * SIDE, random.uniform(0.22, 0.34) * SIDE
    wall, roof = random.uniform(0.16, 0.24) * SIDE, random.uniform(0.1, 0.18) * SIDE
    foot = height(left + width / 2) + 0.04 * SIDE
    walls = random.choice([(225, 205, 170), (200, 120, 95), (235, 225, 220), (190, 195, 160)])
    tiles = random.choice([(175, 65, 50), (95, 80, 90), (130, 90, 60)])
    part(image, lambda draw: draw.rectangle((left, foot - wall, left + width, foot), fill=255), walls, 1.57)
    corners = [(left - 0.1 * width, foot - wall), (left + 0.5 * width, foot - wall - roof), (left + 1.1 * width, foot - wall)]
    part(image, lambda draw: draw.polygon(corners, fill=255), tiles, 0.5, 2)
    pane = (250, 225, 120) if night else (110, 150, 185)
    for at in (0.18, 0.62):
        box = (left + at * width, foot - 0.75 * wall, left + (at + 0.2) * width, foot - 0.4 * wall)
        part(image, lambda draw, box=box: draw.rectangle(box, fill=255), pane, 0.0, 2)

    trunk, size = random.uniform(0.62, 0.9) * SIDE, random.uniform(0.1, 0.17) * SIDE
    base = height(trunk) + 0.06 * SIDE
    part(image, lambda draw: draw.rectangle((trunk - 4, base - 1.2 * size, trunk + 4, base), fill=255), (110, 75, 45), 1.5, 2)
    crown = random.choice([(60, 120, 55), (85, 145, 60), (190, 120, 50)])
    top = base - 1.9 * size
    if random.random() < 0.5:
        part(image, lambda draw: draw.ellipse((trunk - size, top - size, trunk + size, top + size), fill=255), crown, -0.8, 2)
    else:
        needle = [(trunk - size, base - 0.8 * size), (trunk, top - 1.2 * size), (trunk + size, base - 0.8 * size)]
        part(image, lambda draw: draw.polygon(needle, fill=255), crown, -0.8, 2)
    return image.resize((64, 64), Image.LANCZOS)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for index in range(arguments.count):
        drawing().save(arguments.out / f"{index:04}.png")


if __name__ == "__main__":
    main()
