"""Rules: what they let through, at their ends, and turn into plain numbers; and how calls are refused."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

import lossfns
from lossfns import _rules
from tests.refused import refused

unchecked: Any = lossfns  # for calls that a type checker refuses, too

ACCEPTED: dict[str, tuple[Any, ...]] = {
    "positive": (1e-300, 1, 1e300, Fraction(1, 3), np.float32(2), np.int8(3)),
    "non_negative": (0, 0.0, 1e300, np.float16(0)),
    "open_unit_interval": (1e-300, 1 - 1e-16, Fraction(1, 2)),
    "unit_interval": (0, 0.5, 1, np.int64(1)),
    "half_open_unit_interval": (0, 1 - 1e-16),
    "extended_real": (math.inf, -math.inf, 0),
    "finite_number": (-1e308, 1e308),
    "boolean": (True, False, np.True_, np.False_),
    "integer": (-(2**63), 2**63 - 1, np.uint8(255)),
    "non_negative_integer": (0, 3, np.uint8(255)),
    "class_vector": (torch.ones(3),),
    "optional_class_vector": (torch.ones(3), None),
}


@pytest.mark.parametrize(("name", "values"), ACCEPTED.items(), ids=ACCEPTED)
def test_what_a_rule_lets_through(name: str, values: tuple[Any, ...]) -> None:
    rule = getattr(_rules, name)
    for value in values:
        plain = rule("name", value)
        assert plain is value or (type(plain) in (bool, int, float) and plain == float(value))
    for value in refused(rule):
        with pytest.raises(
            ValueError, match=f"name must be {rule.words}, got ".replace("(", r"\(").replace(")", r"\)")
        ):
            rule("name", value)


def test_every_rule_is_here() -> None:
    rules = {n for n, v in vars(_rules).items() if isinstance(v, _rules.Rule) and not n.startswith("_")}
    assert rules == set(ACCEPTED)


def test_numbers_of_numpy_and_fractions_are_numbers() -> None:
    x, y = torch.tensor([3.0]), torch.tensor([0.0])
    deltas: tuple[Any, ...] = (np.float32(2), np.int64(2), Fraction(2))
    for delta in deltas:
        assert lossfns.huber_loss(x, y, delta=delta) == lossfns.huber_loss(x, y, delta=2.0)
        assert repr(lossfns.HuberLoss(delta=delta)) in (
            "HuberLoss(delta=2.0, reduction='mean')",
            "HuberLoss(delta=2, reduction='mean')",
        )
    assert unchecked.hinge_loss(y, y, squared=np.True_) == lossfns.hinge_loss(y, y, squared=True)


def test_an_array_is_told_how_to_become_a_tensor() -> None:
    with pytest.raises(ValueError, match=r"class_weight must be .*; torch.as_tensor makes one"):
        unchecked.cross_entropy(torch.zeros(1, 2), torch.tensor([0]), class_weight=np.ones(2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: unchecked.huber_loss(x, x, 2.0), "all others are given by name, as in delta="),
        (lambda x: unchecked.mse_loss(x, x, x), "as in weight="),
        (lambda x: unchecked.mse_loss(x, x, "sum"), "as in reduction="),
        (lambda x: unchecked.huber_loss(x, x, detla=2.0), "no argument 'detla'; did you mean delta?"),
        (lambda x: unchecked.focal_loss(x, x, alpha=0.25), "no argument 'alpha'; did you mean class_weight?"),
        (lambda x: unchecked.mse_loss(x, x, colour=1), "it takes input, target, weight, reduction"),
    ],
)
def test_a_call_that_does_not_fit_says_what_is_meant(call: Any, words: str) -> None:
    with pytest.raises(TypeError) as error:
        call(torch.zeros(2))
    assert words in str(error.value)


def test_what_may_be_none_becomes_a_plain_number_otherwise() -> None:
    rule = _rules.optional(_rules.positive)
    assert rule("name", None) is None
    assert type(rule("name", Fraction(1, 3))) is float
