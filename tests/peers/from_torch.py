"""Calls of torch and torchvision whose numbers mean something else here: the box on the API page.

Each is held to its numbers, and what is said to give the number of the other library gives it. The box is
written with the page on other libraries (see ``tests.peers.page``).
"""

from __future__ import annotations

import re
import textwrap
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import lossfns
from tests.peers.libraries import import_torchvision

PAGE = Path(__file__).parents[2] / "book" / "reference" / "api.md"
BOX = re.compile(r"(?<=<!-- from torch -->\n).*?(?=<!-- end -->)", re.DOTALL)
WIDTH = 120

INPUTS = """\
x, y = tensor([1.0, 2.0]), tensor([0.0, 1.0])
w = tensor([1.0, 3.0])  # weights, or variances
p = tensor([0.9, 0.2])  # probabilities of a 1
z = tensor([[1.0, 0.5, 0.0], [0.0, 2.0, 1.0], [0.0, 1.0, 1.5]])  # logits
k = tensor([1, 0, 1])
t = tensor([[0.2, 0.8, 0.0], [0.7, 0.2, 0.1], [0.0, 0.1, 0.9]])
c = tensor([1.0, 2.0, 4.0])  # weights of classes
b = tensor([0.0, 0.0, 1e-4, 1e-4])  # a box
"""


@dataclass(frozen=True)
class Row:
    """A call of the other library, the call of ours in its words, and the one that gives its number."""

    title: str
    theirs: str
    ours: str
    translated: str
    """A call of ours, or none: then why says why not."""
    why: str


TRAPS = (
    Row(
        "A variance, not its logarithm",
        "F.gaussian_nll_loss(x, y, w)",
        "gaussian_nll_loss(x, y, log_var=w)",
        "gaussian_nll_loss(x, y, log_var=w.log())",
        "The third argument of torch is a variance. Here it is the logarithm, and refused unless it is "
        "given by name.",
    ),
    Row(
        "`weight` is for samples",
        "F.cross_entropy(z, k, weight=c)",
        "cross_entropy(z, k, weight=c)",
        "cross_entropy(z, k, class_weight=c)",
        "Weights of classes are `class_weight`. As `weight` they are refused unless there are as many "
        "samples as classes, as here.",
    ),
    Row(
        "Logits, not probabilities",
        "F.binary_cross_entropy(p, y)",
        "binary_cross_entropy(p, y)",
        "binary_cross_entropy(p.logit(), y)",
        "The same as torch's `binary_cross_entropy_with_logits`. Take the model's last sigmoid away.",
    ),
)

OTHERS = (
    Row(
        "Probabilities with class weights",
        "F.cross_entropy(z, t, weight=c)",
        "cross_entropy(z, t, class_weight=c)",
        'cross_entropy(z, t, class_weight=c, reduction="sum") / 3',
        "For an index torch divides by the weights of the labels, for probabilities by the number of "
        "samples. Here one-hot rows and indices give the same number.",
    ),
    Row(
        "Label smoothing with class weights",
        "F.cross_entropy(z, k, weight=c, label_smoothing=0.5)",
        "cross_entropy(z, k, class_weight=c, label_smoothing=0.5)",
        'cross_entropy(z, k, class_weight=c, label_smoothing=0.5, reduction="sum") / c[k].sum()',
        "Torch divides by the weights that the labels had before the smoothing.",
    ),
    Row(
        "Probabilities to be ignored",
        "F.cross_entropy(z, t.where(k.unsqueeze(1) > 0, -100.0))",
        "cross_entropy(z, t.where(k.unsqueeze(1) > 0, -100.0))",
        "",
        "Torch looks for `ignore_index` among indices only. Here a row full of it is left out.",
    ),
    Row(
        "Everything ignored",
        "F.cross_entropy(z, 0 * k - 100)",
        "cross_entropy(z, 0 * k - 100)",
        "",
        "A mean of nothing is 0 here, with gradient 0; so it is of an empty batch.",
    ),
    Row(
        "Weights of binary labels",
        "F.binary_cross_entropy_with_logits(x, y, weight=w)",
        "binary_cross_entropy(x, y, weight=w)",
        'binary_cross_entropy(x, y, weight=w, reduction="sum") / 2',
        "Torch divides by the number of elements, not by the sum of their weights.",
    ),
    Row(
        "Weights in Huber's loss",
        "F.huber_loss(x, y, weight=w)",
        "huber_loss(x, y, weight=w)",
        'huber_loss(x, y, weight=w, reduction="sum") / 2',
        "Likewise. The means of `mse_loss` and `l1_loss` divide by the sum of the weights in torch, too.",
    ),
    Row(
        "The mean of a divergence",
        "F.kl_div(z.log_softmax(1), t)",
        "kl_divergence(z, t)",
        "kl_divergence(z, t) / 3",
        "Torch's mean divides by the number of classes as well; its `batchmean` is the mean here. The first "
        "argument may be log-probabilities, which are logits, too.",
    ),
    Row(
        "The hinge of several classes",
        "F.multi_margin_loss(z, k)",
        "multiclass_hinge_loss(z, k)",
        'multiclass_hinge_loss(z, k, variant="weston-watkins") / 3',
        "Torch sums over the classes and divides by their number; the default here takes the largest.",
    ),
    Row(
        "The normaliser of counts",
        "F.poisson_nll_loss(x, 2 * y, full=True)",
        "poisson_nll_loss(x, 2 * y, full=True)",
        "",
        "Torch has Stirling's approximation of log y! above 1; here it is exact.",
    ),
    Row(
        "Tiny variances",
        "F.gaussian_nll_loss(x, x, 1e-9 * w)",
        "gaussian_nll_loss(x, x, log_var=(1e-9 * w).log())",
        "gaussian_nll_loss(x, x, log_var=tensor([1e-6, 1e-6]).log())",
        "Torch takes every variance below 10⁻⁶ for 10⁻⁶.",
    ),
    Row(
        "Distances",
        "F.triplet_margin_loss(0 * z, 0 * z, 1e-6 * z, margin=1e-5)",
        "triplet_loss(0 * z, 0 * z, 1e-6 * z, margin=1e-5)",
        "",
        "Torch adds 10⁻⁶ to every difference (`eps`); here equal rows have distance 0 and gradient 0.",
    ),
    Row(
        "Half precision",
        "F.mse_loss(300 * x.half(), y.half())",
        "mse_loss(300 * x.half(), y.half())",
        "",
        "Torch computes in the dtype of its arguments; here in float32 at least.",
    ),
    Row(
        "Focal loss",
        "torchvision.ops.sigmoid_focal_loss(x, y)",
        "binary_focal_loss(x, y)",
        'binary_focal_loss(x, y, alpha=0.25, reduction="none")',
        "Torchvision weighs the labels with α = 0.25 unless told otherwise, and does not reduce.",
    ),
    Row(
        "Focal loss of soft labels",
        'torchvision.ops.sigmoid_focal_loss(x, p, alpha=-1, reduction="mean")',
        "binary_focal_loss(x, p)",
        "",
        "Here a soft label t gives t times the loss of a 1 plus 1 − t times the loss of a 0.",
    ),
    Row(
        "Boxes",
        "torchvision.ops.generalized_box_iou_loss(b, b)",
        "giou_loss(b, b)",
        "",
        "Torchvision adds 10⁻⁷ to every denominator, so its losses depend on the unit; and it does not "
        "reduce unless told to.",
    ),
)

ROWS = (*TRAPS, *OTHERS)

NOT_HERE = (
    "cosine_embedding_loss",
    "ctc_loss",
    "hinge_embedding_loss",
    "multilabel_margin_loss",
    "nll_loss",
    "triplet_margin_with_distance_loss",
)
"""Losses of torch that have no equal here."""


def namespace(call: str) -> dict[str, Any]:
    names: dict[str, Any] = {"torch": torch, "tensor": torch.tensor, "F": F, **vars(lossfns)}
    exec(INPUTS, names)
    if "torchvision" in call:
        import_torchvision()
        exec("import torchvision", names)
    return names


def evaluate(call: str) -> tuple[Tensor, Tensor]:
    """The value of a printed call and the gradient of its sum, with respect to the prediction."""
    names = namespace(call)
    prediction = next(name for name in ("x", "z", "b", "p") if re.search(rf"\b{name}\b", call))
    leaf = names[prediction].requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about itself
        value: Tensor = eval(call, names)
    (gradient,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach(), gradient


def show(value: Tensor) -> str:
    """Four significant digits."""
    entries = ", ".join(f"{entry:.4g}" for entry in value.flatten().tolist())
    return f"[{entries}]" if value.ndim else entries


def block(row: Row) -> str:
    """What the box says of one row."""
    other = "torchvision" if "torchvision" in row.theirs else "torch"
    calls = {other: row.theirs, "here": row.ours, "instead": row.translated}
    lines = [f"- {who}: `{call}` is {show(evaluate(call)[0])}" for who, call in calls.items() if call]
    return "\n".join([paragraph(f"**{row.title}.** {row.why}"), "", *lines, ""])


def paragraph(text: str) -> str:
    return textwrap.fill(text, WIDTH)


def render() -> str:
    not_here = ", ".join(f"`{name}`" for name in NOT_HERE)
    return "\n".join(
        [
            "`````{admonition} Coming from torch",
            ":class: important",
            "",
            paragraph(
                "A loss of the same name gives torch's number, but for the calls below: first the call of "
                "torch or torchvision, then the same words here, then what to say instead, where that gives "
                "the number of the first. The inputs are these:"
            ),
            "",
            "```python",
            INPUTS.rstrip(),
            "```",
            "",
            "Look out for three:",
            "",
            *map(block, TRAPS),
            "````{dropdown} The other calls",
            "",
            *map(block, OTHERS),
            "````",
            "",
            paragraph(f"Of torch's losses {not_here} are not in the package."),
            "",
            "`````",
            "",
        ]
    )


def write() -> None:
    """Write the box into the page."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BOX.sub(lambda _: render(), text), encoding="utf-8")
