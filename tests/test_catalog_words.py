"""The words of a claim, which the book prints, say what its value is, which the other tests hold.

value    = number, range or "finite", or: number " if " condition ", else " value
truth    = "yes", "no" or condition, after an "iff" or not
law      = "–" or its name, then " if " condition or not
condition = parts joined by " and " or ", or "; a part is a relation in TeX, or of a few words
"""

from __future__ import annotations

import inspect
import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from lossfns.catalog.card import MAXIMUM, Claim
from tests.cases import LossCase
from tests.latex import TEX_NAMES, evaluate, true
from tests.support import each_case

NUMBERS = (-math.inf, -4.0, -1.0, 0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 30.0, math.inf)
CHOICES: dict[str, tuple[Any, ...]] = {
    "class_weight": (None, torch.tensor([0.5, 3.0, 1.0])),
    "pos_weight": (None, 0.0, 0.25, 3.0),
    "label_smoothing": (0.0, 0.3),
    "class_prior": (torch.tensor([0.5, 0.25, 0.25]), torch.full((3,), 1 / 3)),
    "class_count": (torch.tensor([5.0, 100.0, 20.0]),),
    "variant": ("crammer-singer", "weston-watkins"),
    "squared": (False, True),
    "monotone": (False, True),
    "soft": (False, True),
    "distance": ("euclidean", "squared", "cosine"),
    "ignore_index": (-100,),
    "classes": (3,),
    "n": (2, 3, 7),
    "fair": (False, True),
}
"""Of hyper-parameters that are not numbers, or whose claims are for some numbers only."""

Hyper = dict[str, Any]


def settings(case: LossCase, claim: Claim[Any]) -> list[Hyper]:
    """Every combination of some admissible values of the hyper-parameters that the claim looks at."""
    looked_at = inspect.signature(claim.rule).parameters.values()
    names = [p.name for p in looked_at if p.kind is not p.VAR_KEYWORD]
    rules = case.rules
    values = [CHOICES.get(n) or [v for v in NUMBERS if rules[n].holds(v)] for n in names]
    return [dict(zip(names, combined, strict=True)) for combined in itertools.product(*values)]


def letters(case: LossCase, hyper: Hyper) -> Hyper:
    """What the letters in the words stand for."""
    own = {TEX_NAMES.get(name, name): value for name, value in hyper.items()}
    known = {n: v for n, v in hyper.items() if n in inspect.signature(case.function).parameters}
    own |= case.claims.tex_values(**{**case.required, **known})
    own |= {"C": hyper.get("classes"), "w": 1.0 if hyper.get("pos_weight") is None else hyper["pos_weight"]}
    own |= {"varepsilon": hyper.get("epsilon", hyper.get("label_smoothing"))}
    own |= {"t": hyper.get("logit_scale"), "b": hyper["logit_bias"]} if "logit_bias" in hyper else {}
    return {n: v for n, v in own.items() if v is not None}


PARTS: dict[str, Callable[[Hyper], Any]] = {
    "squared": lambda h: h["squared"],
    "not monotone": lambda h: not h["monotone"],
    "soft": lambda h: h["soft"],
    "fair": lambda h: h["fair"],
    "Euclidean": lambda h: h["distance"] == "euclidean",
    "not Euclidean": lambda h: h["distance"] != "euclidean",
    "cosines": lambda h: h["distance"] == "cosine",
    "a hinge of cosines": lambda h: h["distance"] == "cosine" and not h["soft"],
    "Weston–Watkins": lambda h: h["variant"] == "weston-watkins",
    "without class weights": lambda h: h["class_weight"] is None,
    "without positive weight": lambda h: h["pos_weight"] is None,
    r"without $\alpha$": lambda h: h["alpha"] is None,
    "without margin": lambda h: h["max_margin"] == 0,
    "both labels weigh alike": lambda h: h["alpha"] in (None, 0.5),
    r"$\pi^\tau$ is uniform": lambda h: len({p ** h["tau"] for p in h["class_prior"].tolist()}) == 1,
}


def fulfilled(condition: str, case: LossCase, hyper: Hyper) -> bool:
    def part(words: str) -> bool:
        if words in PARTS:
            return bool(PARTS[words](hyper))
        tex = re.fullmatch(r"(?:with )?\$(.*)\$", words)
        assert tex, words
        return true(tex[1], **letters(case, hyper))

    return any(all(map(part, either.split(" and "))) for either in re.split(",? or ", condition))


def said(words: str, case: LossCase, hyper: Hyper) -> Any:
    """What the words say for these hyper-parameters; None if it is no formula."""
    if words in ("yes", "no"):
        return words == "yes"
    choice = re.fullmatch(r"(.*?) if (.*?), else (.*)", words)
    if choice:
        return said(choice[1 if fulfilled(choice[2], case, hyper) else 3], case, hyper)
    condition = re.fullmatch("(?:iff? )?([^;]*?)(?:; always for the balanced error)?", words)
    if condition and not re.match(r"\$[^<>=]*\$|finite|maximum", words) and "[" not in words:
        return fulfilled(condition[1], case, hyper)
    if words in ("finite", MAXIMUM):
        return None
    interval = re.fullmatch(r"\$\[(.*), (.*?)[\])]\$|\$\((-\\infty), (\\infty)\)\$", words)
    if interval:
        return tuple(value(bound, case, hyper) for bound in interval.groups() if bound)
    number = re.fullmatch(
        r"\$([^$]*)\$(, times the largest class weight; with smoothing at most this|, of the positive weight "
        r"\$w\$| for \$n\$ (?:items|members|intervals))?",
        words,
    )
    assert number, words
    weight = hyper.get("class_weight")
    return value(number[1], case, hyper) * (1.0 if weight is None else float(weight.max()))


def said_of_law(words: str, case: LossCase, hyper: Hyper) -> bool:
    """Whether the words say that there is a law of this name for these hyper-parameters."""
    _, _, condition = words.partition(" if ")
    return fulfilled(condition, case, hyper) if condition else words != "–"


def value(tex: str, case: LossCase, hyper: Hyper) -> float:
    """Of the formula; where it is undefined, beside that."""
    try:
        number = evaluate(tex, **letters(case, hyper))
    except ZeroDivisionError:
        number = math.nan
    return value(tex, case, {n: beside(v) for n, v in hyper.items()}) if math.isnan(number) else number


def beside(setting: Any) -> Any:
    if not isinstance(setting, float):
        return setting
    return math.copysign(1e9, setting) if math.isinf(setting) else setting * (1 - 1e-9) or 1e-9


@each_case
def test_words_say_the_value(case: LossCase) -> None:
    for field, claim in vars(case.card).items():
        for hyper in settings(case, claim) if isinstance(claim, Claim) else ():
            read = said_of_law if field == "likelihood" else said
            ours, printed = claim.value(**hyper), read(claim.words, case, hyper)
            where = (field, claim.words, hyper)
            if printed is None:
                assert math.isnan(ours) == (claim.words == "finite"), where
            elif "at most this" in claim.words and hyper["label_smoothing"]:
                assert 0 < ours <= printed + 1e-12, where
            elif isinstance(printed, bool):
                assert ours is printed, where
            else:
                assert ours == pytest.approx(printed, rel=1e-6, abs=1e-8), where


@each_case
def test_the_word_on_influence(case: LossCase) -> None:
    claim = case.card.bounded_influence
    answers = {claim.value(**hyper) for hyper in settings(case, case.card.lipschitz)}
    assert {"yes": {True}, "no": {False}, "depends": {False, True}}[claim.words] == answers
