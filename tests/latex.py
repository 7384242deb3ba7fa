r"""Evaluate the TeX of a loss card, so that a test can hold the printed formula to the code.

Grammar: sums, products by juxtaposition or a slash, powers, ``\frac``, ``\sqrt``, ``\left( \right)``,
``\lvert \rvert``, a two- or three-way ``cases`` block, the functions of ``FUNCTIONS`` and, after
``\qquad`` or ``\quad``, definitions ``name = value``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from scipy.stats import norm

FUNCTIONS: dict[str, Callable[..., float]] = {
    r"\log": math.log,
    r"\cosh": math.cosh,
    r"\tanh": math.tanh,
    r"\max": max,
    r"\min": min,
    r"\sign": lambda v: math.copysign(1, v) if v else 0.0,
    r"\Phi": norm.cdf,
    r"\varphi": norm.pdf,
}
TOKEN = re.compile(
    r"\\hat y|\\\\|\\begin\{cases\}|\\end\{cases\}|\\text\{otherwise\}|\\[a-zA-Z]+|\d+\.?\d*|[a-zA-Z]|\S"
)


def evaluate(tex: str, **names: float) -> float:
    r"""The value of a formula. ``names`` are its symbols: their TeX without the backslash, ŷ as ``yhat``."""
    tex = re.sub(r"^\\ell\(.*?\) = ", "", tex).replace(r"\operatorname{sign}", r"\sign")
    formula, *definitions = [part.strip(" ,") for part in re.split(r"\\qquad|\\quad", tex)]
    symbols = {"e": math.e, r"\pi": math.pi} | {_symbol(name): value for name, value in names.items()}
    for definition in reversed(definitions):  # a definition may refer to later ones
        name, value = definition.split("=")
        symbols[name.strip()] = _Parser(value, symbols).whole()
    return _Parser(formula, symbols).whole()


def _symbol(name: str) -> str:
    return r"\hat y" if name == "yhat" else name if len(name) == 1 else "\\" + name


class _Parser:
    def __init__(self, tex: str, symbols: dict[str, float]) -> None:
        self.tokens = [t for t in TOKEN.findall(tex) if t not in (r"\left", r"\right")]
        self.symbols = symbols

    def whole(self) -> float:
        value = self.sum()
        assert not self.tokens, f"left over: {self.tokens}"
        return value

    @property
    def next(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, expected: str = "") -> str:
        token = self.tokens.pop(0)
        assert not expected or token == expected, f"{token} where {expected} should be"
        return token

    def sum(self) -> float:
        value = -self.product() if self.next == "-" and self.take() else self.product()
        while self.next in ("+", "-"):
            value += self.product() if self.take() == "+" else -self.product()
        return value

    def product(self) -> float:
        value = self.power()
        while self.next == "/" or self.starts_factor():
            value = value / self.power() if self.next == "/" and self.take() else value * self.power()
        return value

    def starts_factor(self) -> bool:
        ends = ("", "+", "-", ")", "}", "&", ",", "/", "^", "=", "<", ">")
        return self.next not in (*ends, r"\rvert", r"\\", r"\le", r"\end{cases}")

    def power(self) -> float:
        base = self.atom()
        if self.next != "^":
            return base
        self.take()
        exponent = self.group() if self.next == "{" else float(self.take())
        try:
            return float(base**exponent)
        except OverflowError:
            return math.inf

    def group(self, opening: str = "{", closing: str = "}") -> float:
        self.take(opening)
        value = self.sum()
        self.take(closing)
        return value

    def atom(self) -> float:
        if self.next == "(":
            return self.group("(", ")")
        if self.next == r"\lvert":
            return abs(self.group(r"\lvert", r"\rvert"))
        if self.next == r"\begin{cases}":
            return self.cases()
        token = self.take()
        if token == r"\frac":
            return self.group() / self.group()
        if token == r"\sqrt":
            return math.sqrt(self.group())
        if token in FUNCTIONS:
            return FUNCTIONS[token](*self.arguments())
        return float(token) if token[0].isdigit() else self.symbols[token]

    def arguments(self) -> list[float]:
        if self.next != "(":
            return [self.atom()]
        self.take()
        values = [self.sum()]
        while self.next == ",":
            self.take()
            values.append(self.sum())
        self.take(")")
        return values

    def cases(self) -> float:
        self.take(r"\begin{cases}")
        chosen: float | None = None
        while True:
            value = self.sum()
            self.take("&")
            if self.condition() and chosen is None:
                chosen = value
            if self.take() == r"\end{cases}":
                assert chosen is not None
                return chosen

    def condition(self) -> bool:
        if self.next == r"\text{otherwise}":
            self.take()
            return True
        left, relation, right = self.sum(), self.take(), self.sum()
        return {"<": left < right, ">": left > right, "=": left == right, r"\le": left <= right}[relation]
