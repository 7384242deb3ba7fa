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
WIDTH, LEFT, TOP, LANE, GAP, BOTTOM = 760, 110, 78, 11, 7, 44
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
    """A panel for each device. What lies beyond the axis stands at its end."""
    families = list(dict.fromkeys(dot.family for dot in dots))
    devices = [device for device in TITLES if any(dot.device == device for dot in dots)]
    height = TOP + BAND * len(families) + BOTTOM
    body = [f'<rect width="{WIDTH}" height="{height}" fill="white"/>', *_legend(), *_labels(families)]
    for panel, device in enumerate(devices):
        left, right = _sides(panel, len(devices))
        body += _axis(left, right, height - BOTTOM, TITLES[device])
        body += _marks([dot for dot in dots if dot.device == device], families, left, right)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            'font-family="DejaVu Sans, Verdana, sans-serif" font-size="12" fill="#222">',
            *body,
            "</svg>\n",
        ]
    )


def _sides(panel: int, panels: int) -> tuple[float, float]:
    width = (WIDTH - LEFT) / panels
    return LEFT + panel * width + 8, LEFT + (panel + 1) * width - 16


def _at(ratio: float, left: float, right: float) -> float:
    place = math.log(min(max(ratio, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return left + place * (right - left)


def _legend() -> Iterator[str]:
    for i, (colour, words) in enumerate(LANES.values()):
        x = LEFT + 8 + i * 205
        yield f'<circle cx="{x}" cy="18" r="4" fill="{colour}"/><text x="{x + 9}" y="22">{words}</text>'


def _labels(families: Iterable[str]) -> Iterator[str]:
    for i, family in enumerate(families):
        y = TOP + i * BAND + BAND / 2
        yield f'<text x="{LEFT - 4}" y="{y:.0f}" text-anchor="end">{family}</text>'


def _axis(left: float, right: float, bottom: float, title: str) -> Iterator[str]:
    middle = (left + right) / 2
    yield f'<text x="{middle:.0f}" y="46" text-anchor="middle" font-weight="bold">{title}</text>'
    for ratio in (0.1, 1, 10, 100):
        x = _at(ratio, left, right)
        colour, width = ("#222", 1.6) if ratio == 1 else ("#ccc", 1)
        yield f'<path d="M{x:.1f} {TOP - 6}V{bottom:.0f}" stroke="{colour}" stroke-width="{width}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 16:.0f}" text-anchor="middle">{ratio:g}</text>'
    x = _at(1, left, right)
    yield f'<text x="{x - 5:.0f}" y="64" text-anchor="end">lossfns slower</text>'
    yield f'<text x="{x + 5:.0f}" y="64">lossfns faster</text>'
    yield (
        f'<text x="{middle:.0f}" y="{bottom + 34:.0f}" text-anchor="middle">'
        "time of the other ÷ time of lossfns</text>"
    )


def _marks(dots: Sequence[Dot], families: Sequence[str], left: float, right: float) -> Iterator[str]:
    """The dots of a lane are one path: strokes of no length with round ends."""
    for lane, ((other, mode), (colour, _)) in enumerate(LANES.items()):
        tops = {family: TOP + i * BAND + LANE * (lane + 0.5) for i, family in enumerate(families)}
        places = [
            f"M{_at(dot.ratio, left, right):.1f} {tops[dot.family]:.1f}h0"
            for dot in dots
            if (dot.other, dot.mode) == (other, mode)
        ]
        yield (
            f'<path d="{"".join(places)}" stroke="{colour}" stroke-width="5.5" stroke-linecap="round" '
            'stroke-opacity="0.55"/>'
        )
