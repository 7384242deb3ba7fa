"""Domains: what they let through, at their ends."""

from __future__ import annotations

import asyncio
import math
import threading
from concurrent.futures import ThreadPoolExecutor

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


def refuses_nan() -> bool:
    """Whether values are checked."""
    try:
        _check.finite("name", torch.tensor(math.nan))
    except ValueError:
        return True
    return False


def test_threads_are_strict_each_for_itself() -> None:
    """They overlap, and the one that came first leaves first."""
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()
    seen: dict[str, bool] = {}

    def first() -> None:
        with _check.strict():
            first_in.set()
            assert second_in.wait(10)
            seen["first inside"] = refuses_nan()
        seen["first after"] = refuses_nan()
        first_out.set()

    def second() -> None:
        assert first_in.wait(10)
        seen["second before"] = refuses_nan()
        with _check.strict():
            second_in.set()
            assert first_out.wait(10)
            seen["second inside"] = refuses_nan()

    with ThreadPoolExecutor(2) as pool:
        for task in [pool.submit(first), pool.submit(second)]:
            task.result()
    assert seen == EACH_FOR_ITSELF
    assert not refuses_nan()


def test_coroutines_are_strict_each_for_itself() -> None:
    """The same on one thread."""
    seen: dict[str, bool] = {}

    async def both() -> None:
        first_in, second_in, first_out = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def first() -> None:
            with _check.strict():
                first_in.set()
                await second_in.wait()
                seen["first inside"] = refuses_nan()
            seen["first after"] = refuses_nan()
            first_out.set()

        async def second() -> None:
            await first_in.wait()
            seen["second before"] = refuses_nan()
            with _check.strict():
                second_in.set()
                await first_out.wait()
                seen["second inside"] = refuses_nan()

        await asyncio.wait_for(asyncio.gather(first(), second()), 10)

    asyncio.run(both())
    assert seen == EACH_FOR_ITSELF
    assert not refuses_nan()


EACH_FOR_ITSELF = {
    "first inside": True,
    "first after": False,
    "second before": False,
    "second inside": True,
}


def test_indices() -> None:
    domain = _check.index_below(3)
    assert domain.holds(torch.tensor([-1, 0, 2, 3])).tolist() == [False, True, True, False]
    assert domain.words == "an index from 0 to 2"


def test_a_tensor_of_another_layout_is_told_which() -> None:
    with pytest.raises(ValueError, match="x must be .*layout torch.sparse_coo"):
        _check.is_tensor(x=torch.eye(2).to_sparse())
