"""Rules and domains: what they let through, at their ends; what they refuse is tested loss by loss."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch

from lossfns import _check

ACCEPTED: dict[str, tuple[Any, ...]] = {
    "positive": (1e-300, 1, 1e300),
    "non_negative": (0, 0.0, 1e300),
    "fraction": (1e-300, 1 - 1e-16),
    "zero_to_one": (0, 0.5, 1),
    "below_one": (0, 1 - 1e-16),
    "extended": (math.inf, -math.inf, 0),
    "finite_number": (-1e308, 1e308),
    "flag": (True, False),
}
DOMAINS = {
    "finite": ((-1e30, 0.0), (math.nan, math.inf, -math.inf)),
    "above_minus_one": ((-1 + 1e-6, 1e30), (-1.0, math.inf, math.nan)),
    "finite_non_negative": ((0.0, 1e30), (-1e-30, math.inf, math.nan)),
    "probability": ((0.0, 0.5, 1.0), (-1e-30, 1 + 1e-6, math.nan)),
    "below_infinity": ((-math.inf, 1e30), (math.inf, math.nan)),
    "positive_tensor": ((1e-30, 1e30), (0.0, -1.0, math.inf, math.nan)),
}


@pytest.mark.parametrize(("name", "values"), ACCEPTED.items(), ids=ACCEPTED)
def test_what_a_rule_lets_through(name: str, values: tuple[Any, ...]) -> None:
    rule = getattr(_check, name)
    for value in values:
        rule("name", value)
    for value in rule.refused:
        with pytest.raises(ValueError, match=f"name must be {rule.words}, got "):
            rule("name", value)


def test_every_rule_and_domain_is_here() -> None:
    known = {type(v): set[str]() for v in (_check.positive, _check.finite)}
    for name, value in vars(_check).items():
        if type(value) in known:
            known[type(value)].add(name)
    assert list(known.values()) == [set(ACCEPTED), set(DOMAINS)]


@pytest.mark.parametrize(("name", "values"), DOMAINS.items(), ids=DOMAINS)
def test_what_a_domain_holds(name: str, values: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    domain, (inside, outside) = getattr(_check, name), values
    assert domain.holds(torch.tensor(inside)).all()
    assert not domain.holds(torch.tensor(outside)).any()
    domain("name", torch.tensor(outside))  # looked at under strict() alone
    with _check.strict():
        domain("name", torch.tensor(inside))
        domain("name", torch.tensor(outside), torch.zeros(len(outside)))
        for value in outside:
            with pytest.raises(ValueError, match=f"name must be {domain.words}, got {value:g} at index "):
                domain("name", torch.tensor([inside[0], value]))


def test_indices() -> None:
    domain = _check.index_below(3)
    assert domain.holds(torch.tensor([-1, 0, 2, 3])).tolist() == [False, True, True, False]
    assert domain.words == "an index from 0 to 2"


@pytest.mark.parametrize("thing", [_check.positive, _check.finite])
def test_nobody_changes_a_rule(thing: Any) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        thing.words = "anything"
