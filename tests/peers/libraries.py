"""The other libraries: how they are imported, which arrays they take, their versions.

They are installed by ``make peers`` into a folder of their own, which comes last on the path: they see the
versions of this project. One that cannot be imported is an error.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch

FOLDER = Path(os.environ.get("PEERS", Path(sys.prefix) / "peers"))
sys.path.append(str(FOLDER.resolve()))


@dataclass(frozen=True)
class Library:
    """A library with losses: its distribution, the line that imports it, the arrays it takes."""

    distribution: str
    imports: str
    arrays: Literal["torch", "numpy", "jax"] = "torch"
    rtol: float = 1e-10
    """How closely its numbers agree with ours where nothing else is said: those of float64."""
    note: str = ""

    @property
    def version(self) -> str:
        return version(self.distribution).split("+")[0]


VALUES = "values only, no gradients"

LIBRARIES = {
    "PyTorch": Library("torch", "import torch.nn.functional as F"),
    "torchvision": Library("torchvision", "import torchvision"),
    "timm": Library("timm", "import timm.loss"),
    "SMP": Library("segmentation-models-pytorch", "import segmentation_models_pytorch as smp"),
    "MONAI": Library("monai", "import monai.losses"),
    "kornia": Library("kornia", "import kornia.losses"),
    "PML": Library(
        "pytorch-metric-learning",
        "from pytorch_metric_learning import distances, losses, miners, reducers",
    ),
    "lightly": Library("lightly", "import lightly.loss"),
    "info-nce": Library("info-nce-pytorch", "from info_nce import info_nce"),
    "Keras": Library(
        "keras", "import keras", rtol=1e-6, note="on torch, its means are in float32 even of float64"
    ),
    "optax": Library("optax", "import optax", arrays="jax", note="takes arrays of JAX"),
    "scikit-learn": Library("scikit-learn", "import sklearn.metrics", arrays="numpy", note=VALUES),
    "SciPy": Library(
        "scipy", "import scipy.special, scipy.spatial, scipy.stats", arrays="numpy", note=VALUES
    ),
    "statsmodels": Library(
        "statsmodels", "from statsmodels.robust import norms", arrays="numpy", note=VALUES
    ),
}

OURS = "from lossfns import *"


@functools.cache
def namespace() -> dict[str, Any]:
    """The names that the printed calls use, made by the printed imports."""
    os.environ["KERAS_BACKEND"] = "torch"
    names: dict[str, Any] = {}
    import_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of others, about others
        for library in LIBRARIES.values():
            exec(library.imports, names)
    exec(OURS, names)
    exec(
        "import numpy as np\nimport jax\nimport jax.numpy as jnp\nimport torch\nfrom torch import tensor",
        names,
    )
    names["jax"].config.update("jax_enable_x64", True)
    return names


def import_torchvision() -> None:
    """Import torchvision, also where its compiled part does not load beside this build of torch.

    Its losses are Python; only the import asks for the operators. So they are declared, without a body.
    """
    try:
        importlib.import_module("torchvision")
        return
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    for operator in ("nms", "qnms"):
        torch.library.define(f"torchvision::{operator}", "() -> ()")
    importlib.import_module("torchvision")
