"""Domains: what they let through, at their ends."""

from __future__ import annotations

import math

import pytest
import torch

from lossfns import _check

DOMAINS = {
    "finite": ((-1e30, 0.0), (math.nan, math.inf, -math.inf)),
    "above_minus_one": ((-1 + 1e-6, 1e30), (-1.0, math.inf, math.nan)),
    "finite_non_negative": ((0.0, 1e30), (-1e-30, math.inf, math.nan)),
    "probability": ((0.0, 0.5, 1.0), (-1e-30, 1 + 1e-6, math.nan)),
    "below_infinity": ((-math.inf, 1e30), (math.inf, math.nan)),
    "positive": ((1e-30, 1e30), (0.0, -1.0, math.inf, math.nan)),
}


def test_every_domain_is_here() -> None:
    assert {name for name, value in vars(_check).items() if isinstance(value, _check.Domain)} == set(DOMAINS)


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
