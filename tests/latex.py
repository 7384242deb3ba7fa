r"""Evaluate the TeX of a loss card, so that a test can hold the printed formula to the code.

Grammar: sums, products by juxtaposition or a slash, powers, ``\frac``, ``\sqrt``, ``\left( \right)``,
``\lvert \rvert``, a two- or three-way ``cases`` block, the functions of ``FUNCTIONS`` and, after
``\qquad`` or ``\quad``, definitions ``name = value``. Entries of vectors are ``z_k``, with ``\sum_k``,
``\sum_{k \ne y}`` and ``\max_{k \ne y}`` over all entries; ``[j = y]`` is 1 or 0.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import Any

from scipy.stats import norm


def softmax(z: list[float]) -> list[float]:
    powers = [math.exp(v - max(z)) for v in z]
    return [v / sum(powers) for v in powers]


# What the book calls hyper-parameters whose name is no letter.
TEX_NAMES = {"scale": "c", "epsilon": "varepsilon", "df": "nu"}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    r"\exp": math.exp,
    r"\log": lambda v: math.log(v) if v else -math.inf,
    r"\sigma": lambda v: 1 / (1 + math.exp(-v)),
    r"\softmax": softmax,
    r"\cosh": math.cosh,
    r"\tanh": math.tanh,
    r"\cos": math.cos,
    r"\sin": math.sin,
    r"\max": max,
    r"\min": min,
    r"\sign": lambda v: math.copysign(1, v) if v else 0.0,
    r"\Phi": norm.cdf,
    r"\varphi": norm.pdf,
}
RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
    r"\le": operator.le,
    r"\ge": operator.ge,
    r"\ne": operator.ne,
}
TOKEN = re.compile(
    r"\\hat y|\\\\|\\begin\{cases\}|\\end\{cases\}|\\text\{otherwise\}|\\[a-zA-Z]+|\d+\.?\d*|[a-zA-Z]|\S"
)


def evaluate(tex: str, **names: Any) -> float:
    r"""The value of a formula; ``names``: its symbols by their TeX without the backslash, ŷ as ``yhat``."""
    tex = re.sub(r"^\\ell\(.*?\) = ", "", tex)
    tex = re.sub(r"\\operatorname\{(sign|softmax)\}", r"\\\1", tex)
    tex = re.sub(r"\\partial_j \\?(\w+)", r"\\partial\1_j", tex)  # the derivative is a vector of its own
    symbols = {"e": math.e, r"\pi": math.pi, r"\infty": math.inf}
    symbols |= {_symbol(name): value for name, value in names.items()}
    formula, *definitions = [part.strip(" ,") for part in re.split(r"\\qquad|\\quad", tex)]
    for definition in reversed(definitions):  # a definition may refer to later ones
        name, value = definition.split("=", 1)
        symbols[name.strip()] = _Parser(value, symbols).whole()
    return _Parser(formula, symbols).whole()


def true(tex: str, **names: Any) -> bool:
    """Whether a relation of two formulas holds."""
    (relation,) = [token for token in TOKEN.findall(tex) if token in RELATIONS]
    left, right = (evaluate(side, **names) for side in tex.split(relation))
    return bool(RELATIONS[relation](left, right))


def _symbol(name: str) -> str:
    return r"\hat y" if name == "yhat" else name if len(name) == 1 else "\\" + name


class _Parser:
    def __init__(self, tex: str, symbols: dict[str, Any]) -> None:
        self.tokens: list[str] = [t for t in TOKEN.findall(tex) if t not in (r"\left", r"\right")]
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
        ends = ("", "+", "-", ")", "}", "]", "&", ",", "/", "^", "_", "=", "<", ">")
        return self.next not in (*ends, r"\rvert", r"\\", r"\le", r"\ge", r"\ne", r"\end{cases}")

    def power(self) -> float:
        base: float = self.entry()
        if self.next != "^":
            return base
        self.take()
        exponent = self.group() if self.next == "{" else self.atom()
        try:
            return float(base**exponent)
        except (OverflowError, ZeroDivisionError):
            return math.inf

    def entry(self) -> Any:
        value = self.atom()
        if self.next == "_":
            self.take()
            index = self.group() if self.next == "{" else self.symbols[self.take()]
            value = value[int(index)]
        return value

    def over(self, reduce: Callable[[list[float]], float]) -> float:
        """The terms that follow, for every value of an index (but one), summed or the like."""
        self.take("_")
        spec = [self.take()]
        while spec[0] == "{" and spec[-1] != "}":
            spec.append(self.take())
        name, but = (spec[1], self.symbols[spec[3]]) if len(spec) == 5 else (spec[0], None)
        size = max(len(v) for v in self.symbols.values() if isinstance(v, list))
        tokens, terms = self.tokens, []
        for index in range(size):
            self.tokens = list(tokens)
            inner = _Parser("", self.symbols | {name: index})
            inner.tokens = self.tokens
            term = inner.product()
            self.tokens = inner.tokens
            if index != but:
                terms.append(term)
        return reduce(terms)

    def group(self, opening: str = "{", closing: str = "}") -> float:
        self.take(opening)
        value = self.sum()
        self.take(closing)
        return value

    def atom(self) -> Any:
        if self.next == "(":
            return self.group("(", ")")
        if self.next == r"\lvert":
            return abs(self.group(r"\lvert", r"\rvert"))
        if self.next == r"\begin{cases}":
            return self.cases()
        if self.next == "[":
            return self.brackets()
        token = self.take()
        if token == r"\sum" or (token == r"\max" and self.next == "_"):
            return self.over(sum if token == r"\sum" else max)
        if token == r"\frac":
            return self.group() / self.group()
        if token == r"\sqrt":
            return math.sqrt(self.group())
        if token in FUNCTIONS and token not in self.symbols:
            return FUNCTIONS[token](*self.arguments())
        return float(token) if token[0].isdigit() else self.symbols[token]

    def brackets(self) -> float:
        """A pair of brackets, or 1 or 0 for the condition inside it."""
        self.take("[")
        value = self.sum()
        value = value if self.next == "]" else float(self.compare(value))
        self.take("]")
        return value

    def arguments(self) -> list[float]:
        if self.next != "(":
            return [self.entry()]
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
        return self.compare(self.sum())

    def compare(self, left: float) -> bool:
        return RELATIONS[self.take()](left, self.sum())
