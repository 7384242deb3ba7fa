"""The picture of all ratios: one dot each on a logarithmic axis, a band for each family. Plain SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

LOW, HIGH = 0.1, 100.0
LANES = {
    ("composite", "eager"): ("#0072B2", "the composite, eager"),
    ("composite", "compiled"): ("#D55E00", "the composite, both compiled"),
    ("library", "eager"): ("#007A5A", "other libraries, eager"),
}
TITLES = {"cpu": "on a CPU", "cuda": "on a GPU"}
WIDTH, LEFT, RIGHT, LEGEND, HEAD, LANE, GAP, FOOT = 460, 112, 444, 66, 44, 10, 6, 46
BAND = len(LANES) * LANE + GAP


@dataclass(frozen=True)
class Dot:
    """Somebody's time divided by ours."""

    family: str
    other: str
    device: str
    mode: str
    ratio: float


def draw(dots: Sequence[Dot]) -> str:
    """A panel for each device, one below the other. What lies beyond the axis stands at its end."""
    body, top = list(_legend()), LEGEND
    for device in TITLES:
        found = [dot for dot in dots if dot.device == device]
        families = list(dict.fromkeys(dot.family for dot in found))
        if found:
            body += _axis(top, top + HEAD + BAND * len(families), TITLES[device])
            body += [*_labels(families, top + HEAD), *_marks(found, families, top + HEAD)]
            top += HEAD + BAND * len(families) + FOOT
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" '
            f'height="{top}" font-family="DejaVu Sans, Verdana, sans-serif" font-size="13" fill="#222">',
            f'<rect width="{WIDTH}" height="{top}" fill="white"/>',
            *body,
            "</svg>\n",
        ]
    )


def _at(ratio: float) -> float:
    place = math.log(min(max(ratio, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LEFT + place * (RIGHT - LEFT)


def _legend() -> Iterator[str]:
    for i, (colour, words) in enumerate(LANES.values()):
        y = 18 + 18 * i
        yield f'<circle cx="{LEFT}" cy="{y - 4}" r="4" fill="{colour}"/>'
        yield f'<text x="{LEFT + 10}" y="{y}">{words}</text>'


def _labels(families: Iterable[str], top: float) -> Iterator[str]:
    for i, family in enumerate(families):
        y = top + i * BAND + BAND / 2 + 2
        yield f'<text x="{LEFT - 8}" y="{y:.0f}" text-anchor="end">{family}</text>'


def _axis(top: float, bottom: float, title: str) -> Iterator[str]:
    yield f'<text x="{LEFT - 8}" y="{top + 34:.0f}" text-anchor="end" font-weight="bold">{title}</text>'
    for ratio in (0.1, 1, 10, 100):
        x = _at(ratio)
        colour, width = ("#222", 1.6) if ratio == 1 else ("#ccc", 1)
        yield f'<path d="M{x:.1f} {top + HEAD - 6}V{bottom:.0f}" stroke="{colour}" stroke-width="{width}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 16:.0f}" text-anchor="middle">{ratio:g}</text>'
    x = _at(1)
    yield f'<text x="{x - 5:.0f}" y="{top + 28:.0f}" text-anchor="end">lossfns slower</text>'
    yield f'<text x="{x + 5:.0f}" y="{top + 28:.0f}">lossfns faster</text>'
    yield (
        f'<text x="{(LEFT + RIGHT) / 2:.0f}" y="{bottom + 34:.0f}" text-anchor="middle">'
        "time of the other ÷ time of lossfns</text>"
    )


def _marks(dots: Sequence[Dot], families: Sequence[str], top: float) -> Iterator[str]:
    """The dots of a lane are one path: strokes of no length with round ends."""
    for lane, ((other, mode), (colour, _)) in enumerate(LANES.items()):
        tops = {family: top + i * BAND + LANE * (lane + 0.5) for i, family in enumerate(families)}
        places = [
            f"M{_at(dot.ratio):.1f} {tops[dot.family]:.1f}h0"
            for dot in dots
            if (dot.other, dot.mode) == (other, mode)
        ]
        yield (
            f'<path d="{"".join(places)}" stroke="{colour}" stroke-width="5.5" stroke-linecap="round" '
            'stroke-opacity="0.55"/>'
        )
