"""A curve of losses as a picture, with nothing but Pillow."""

from collections.abc import Mapping, Sequence
from math import inf

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 900, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 40  # margins
INK, GRID = (60, 60, 60), (222, 222, 222)
COLOURS = ((31, 119, 180), (255, 127, 14), (44, 160, 44), (148, 103, 189))
LINES = 5  # of the grid


def curve(series: Mapping[str, Sequence[tuple[float, float]]], least: float = inf) -> Image.Image:
    """Points (x, y) of each name, on common axes from x = 0 and from y = `least` or less."""
    paper = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(14)
    points = [point for some in series.values() for point in some]
    if not points:
        return paper
    furthest = max([x for x, _ in points] + [1])
    low, high = min(least, *(y for _, y in points)), max(y for _, y in points)
    span = high - low or 1

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (WIDTH - LEFT - RIGHT) * x / furthest,
            HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - low) / span,
        )

    for line in range(LINES):
        share = line / (LINES - 1)
        across, up = place(0, low + share * span), place(share * furthest, low)
        pen.line([across, (WIDTH - RIGHT, across[1])], GRID)
        pen.text((LEFT - 6, across[1]), f"{low + share * span:.3g}", INK, font, anchor="rm")
        pen.text((up[0], HEIGHT - BOTTOM + 6), f"{share * furthest:,.0f}", INK, font, anchor="ma")
    start = float(LEFT)
    for (name, some), colour in zip(series.items(), COLOURS, strict=False):
        places = [place(*point) for point in some]
        pen.line(places, colour, 2)
        for x, y in places[:1] + places[-1:]:  # a single point has no line
            pen.ellipse([x - 2, y - 2, x + 2, y + 2], colour)
        pen.text((start, TOP / 2), name, colour, font, anchor="lm")
        start += pen.textlength(name, font) + 24
    return paper


def stacked(panels: Sequence[Image.Image]) -> Image.Image:
    """Curves one above the other."""
    paper = Image.new("RGB", (WIDTH, HEIGHT * len(panels)))
    for number, panel in enumerate(panels):
        paper.paste(panel, (0, HEIGHT * number))
    return paper
