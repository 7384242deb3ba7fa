"""A printed call is what is run: its value, and its derivative with respect to each input."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.peers.libraries import LIBRARIES, namespace

Array = NDArray[Any]


@dataclass(frozen=True)
class Result:
    """What a call returned. A result that is no number is differentiated along a fixed direction."""

    value: Array
    slopes: dict[str, Array]


def names_in(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code, mode="eval")) if isinstance(node, ast.Name)}


def direction(shape: tuple[int, ...]) -> Array:
    """1 for a number; otherwise weights that differ, so that no error in one entry hides behind another."""
    return np.cos(np.arange(np.prod(shape, dtype=int))).reshape(shape) if shape else np.ones(())


def evaluate(
    code: str, inputs: Mapping[str, Any], *, library: str = "PyTorch", slopes: Collection[str] = ()
) -> Result:
    """Run a call of a ``library`` on ``inputs``; it is differentiated with respect to ``slopes``."""
    run = {"torch": with_torch, "numpy": with_numpy, "jax": with_jax}[LIBRARIES[library].arrays]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of others, about themselves
        return run(code, inputs, slopes)


def with_torch(code: str, inputs: Mapping[str, Any], slopes: Collection[str]) -> Result:
    leaves = {name: inputs[name].detach().clone().requires_grad_() for name in slopes}
    value = eval(code, namespace() | dict(inputs) | leaves)
    if not isinstance(value, Tensor):
        return Result(np.asarray(value), {})
    found: dict[str, Array] = {}
    if leaves:
        along = torch.from_numpy(direction(tuple(value.shape))).to(value.dtype)
        gradients = torch.autograd.grad(value, list(leaves.values()), along, allow_unused=True)
        zero = {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
        found = {
            name: (zero[name] if gradient is None else gradient).double().numpy()
            for name, gradient in zip(leaves, gradients, strict=True)
        }
    return Result(value.detach().double().numpy(), found)


def with_numpy(code: str, inputs: Mapping[str, Any], slopes: Collection[str]) -> Result:
    """Such a library gives values only."""
    arrays = {name: v.numpy() if isinstance(v, Tensor) else v for name, v in inputs.items()}
    return Result(np.asarray(eval(code, namespace() | arrays)), {})


def with_jax(code: str, inputs: Mapping[str, Any], slopes: Collection[str]) -> Result:
    jax, jnp = namespace()["jax"], namespace()["jnp"]
    arrays = {name: jnp.asarray(v.numpy()) if isinstance(v, Tensor) else v for name, v in inputs.items()}

    def call(*leaves: Any) -> Any:
        return eval(code, namespace() | arrays | dict(zip(slopes, leaves, strict=True)))

    value, pull_back = jax.vjp(call, *(arrays[name] for name in slopes))
    along = jnp.asarray(direction(value.shape), dtype=value.dtype)
    gradients = pull_back(along) if slopes else ()
    found = {name: np.asarray(gradient) for name, gradient in zip(slopes, gradients, strict=True)}
    return Result(np.asarray(value), found)
