"""One card for each loss: what it is, and what is true of it.

Every field that is a claim is held by a test, and the tables of the book are made from the cards.

>>> card = cards()["huber_loss"]
>>> card.convex.value(), card.lipschitz.value(delta=2.0), card.lipschitz.words
(True, 2.0, '$\\\\delta$')
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

import lossfns
from lossfns._module import LossModule
from lossfns.verify import minimiser

T = TypeVar("T")


@dataclass(frozen=True)
class Claim(Generic[T]):
    """A property that may depend on the hyper-parameters: ``value(**hyperparameters)``, and its words."""

    words: str
    value: Callable[..., T]


def always(value: T, words: str) -> Claim[T]:
    """A property that no hyper-parameter changes."""
    return Claim(words, lambda **hyperparameters: value)


YES, NO = always(True, "yes"), always(False, "no")
FINITE = always(math.nan, "finite")
ONE, TWO, UNBOUNDED = always(1.0, "$1$"), always(2.0, "$2$"), always(math.inf, r"$\infty$")
NON_NEGATIVE = always((0.0, math.inf), r"$[0, \infty)$")
REAL = always((-math.inf, math.inf), r"$(-\infty, \infty)$")


@dataclass(frozen=True)
class LossCard:
    """What a loss is and what is true of it as a function of its predictions, all of them at once.

    ``gradient`` is the derivative with respect to the first prediction, in TeX. ``lipschitz`` and
    ``smoothness`` are the best constants: the suprema of the gradient and of the curvature in size.
    NaN stands for a finite one without a simple form. ``likelihood`` names the law whose −log density is
    the loss, up to terms without the prediction.
    """

    name: str
    title: str
    family: str
    gradient: str
    domain: str
    range: Claim[tuple[float, float]]
    estimates: str
    likelihood: str | None
    convex: Claim[bool]
    c1: Claim[bool]
    c2: Claim[bool]
    lipschitz: Claim[float]
    smoothness: Claim[float]
    proper: Claim[bool] | None = None
    calibrated: Claim[bool] | None = None

    @property
    def function(self) -> Callable[..., Any]:
        """The loss itself."""
        function: Callable[..., Any] = getattr(lossfns, self.name)
        return function

    @property
    def module(self) -> type[LossModule]:
        """Its Module twin."""
        return next(twin for twin in LossModule.__subclasses__() if twin.function is self.function)

    @property
    def formula(self) -> str:
        """The formula of the docstring, in TeX."""
        block = re.search(r"\.\. math::(.*?)\n\n", inspect.getdoc(self.function) or "", re.DOTALL)
        assert block, f"{self.name} has no formula in its docstring"
        return " ".join(block[1].split())

    @property
    def hyperparameters(self) -> dict[str, tuple[Any, str]]:
        """Default (``inspect.Parameter.empty`` if there is none) and admissible values of each one."""
        rules = self.function.rules  # type: ignore[attr-defined]
        parameters = inspect.signature(self.function).parameters
        return {n: (parameters[n].default, rule.words) for n, rule in rules.items() if n != "reduction"}

    @property
    def bounded_influence(self) -> Claim[bool]:
        """Whether one observation can pull only so hard, however far off it is."""
        lipschitz = self.lipschitz
        words = "yes" if r"\infty" not in lipschitz.words else "no" if lipschitz is UNBOUNDED else "depends"
        return Claim(words, lambda **hyperparameters: lipschitz.value(**hyperparameters) != math.inf)


def _barron_lipschitz(alpha: float = 1.0, scale: float = 1.0) -> float:
    if alpha > 1:
        return math.inf
    if alpha == 1:
        return 1 / scale
    if alpha == -math.inf:
        return math.exp(-0.5) / scale
    return float(((alpha - 2) / (alpha - 1)) ** ((alpha - 1) / 2)) / scale


def _barron_range(alpha: float = 1.0, scale: float = 1.0) -> tuple[float, float]:
    return 0.0, 1 - 2 / alpha if alpha < 0 else math.inf


def _inverse(beta: float = 1.0) -> float:
    return 1 / beta if beta else math.inf


ANY = "real numbers"

_REGRESSION = (
    LossCard(
        name="mse_loss",
        title="Squared error",
        family="regression",
        gradient=r"2 (\hat y - y)",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="mean",
        likelihood="normal, variance ½",
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=TWO,
    ),
    LossCard(
        name="l1_loss",
        title="Absolute error",
        family="regression",
        gradient=r"\operatorname{sign}(\hat y - y)",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="median",
        likelihood="Laplace",
        convex=YES,
        c1=NO,
        c2=NO,
        lipschitz=ONE,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="huber_loss",
        title="Huber loss",
        family="regression",
        gradient=r"\max(-\delta, \min(\delta, \hat y - y))",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="M-estimate",
        likelihood="normal core, exponential tails",
        convex=YES,
        c1=YES,
        c2=NO,
        lipschitz=Claim(r"$\delta$", lambda delta=1.0: delta),
        smoothness=ONE,
    ),
    LossCard(
        name="smooth_l1_loss",
        title="Smooth L1 loss",
        family="regression",
        gradient=r"\max(-1, \min(1, \frac{\hat y - y}{\beta}))",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="M-estimate",
        likelihood="normal core, exponential tails",
        convex=YES,
        c1=Claim(r"iff $\beta > 0$", lambda beta=1.0: beta > 0),
        c2=NO,
        lipschitz=ONE,
        smoothness=Claim(r"$1/\beta$ if $\beta > 0$, else $\infty$", _inverse),
    ),
    LossCard(
        name="log_cosh_loss",
        title="Log-cosh loss",
        family="regression",
        gradient=r"\tanh(\hat y - y)",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="M-estimate",
        likelihood="hyperbolic secant",
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=ONE,
        smoothness=ONE,
    ),
    LossCard(
        name="msle_loss",
        title="Squared logarithmic error",
        family="regression",
        gradient=r"\frac{2}{1 + \hat y} (\log(1 + \hat y) - \log(1 + y))",
        domain=r"predictions and targets above $-1$",
        range=NON_NEGATIVE,
        estimates="exp E log(1 + Y) − 1",
        likelihood="log-normal of 1 + Y",
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="quantile_loss",
        title="Quantile (pinball) loss",
        family="regression",
        gradient=r"\begin{cases} -q & y > \hat y \\ 0 & y = \hat y \\ 1 - q & \text{otherwise} \end{cases}",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="q-quantile",
        likelihood="asymmetric Laplace",
        convex=YES,
        c1=NO,
        c2=NO,
        lipschitz=Claim(r"$\max(q, 1 - q)$", lambda q=0.5: max(q, 1 - q)),
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="expectile_loss",
        title="Expectile loss",
        family="regression",
        gradient=r"\begin{cases} 2 (1 - \tau) (\hat y - y) & y < \hat y \\ 2 \tau (\hat y - y) & "
        r"\text{otherwise} \end{cases}",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="τ-expectile",
        likelihood="two-piece normal",
        convex=YES,
        c1=YES,
        c2=Claim(r"iff $\tau = \frac{1}{2}$", lambda tau=0.5: tau == 0.5),
        lipschitz=UNBOUNDED,
        smoothness=Claim(r"$2 \max(\tau, 1 - \tau)$", lambda tau=0.5: 2 * max(tau, 1 - tau)),
    ),
    LossCard(
        name="epsilon_insensitive_loss",
        title="ε-insensitive loss",
        family="regression",
        gradient=r"\begin{cases} \operatorname{sign}(\hat y - y) & \lvert \hat y - y \rvert > \varepsilon \\ "
        r"0 & \text{otherwise} \end{cases}",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="point with equal mass beyond ε on either side",
        likelihood="flat-topped Laplace",
        convex=YES,
        c1=NO,
        c2=NO,
        lipschitz=ONE,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="general_robust_loss",
        title="General robust loss (Barron)",
        family="regression",
        gradient=r"\frac{\hat y - y}{c^2} \left(\frac{(\hat y - y)^2}{c^2 \lvert \alpha - 2 \rvert} + 1"
        r"\right)^{\alpha / 2 - 1}",
        domain=ANY,
        range=Claim(r"$[0, 1 - 2/\alpha)$ if $\alpha < 0$, else $[0, \infty)$", _barron_range),
        estimates="M-estimate",
        likelihood=r"Barron's law, if $\alpha \ge 0$",
        convex=Claim(r"iff $\alpha \ge 1$", lambda alpha=1.0, scale=1.0: alpha >= 1),
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$\frac{1}{c} \left(\frac{\alpha - 2}{\alpha - 1}\right)^{(\alpha - 1)/2}$ if $\alpha \le 1$, "
            r"else $\infty$",
            _barron_lipschitz,
        ),
        smoothness=Claim(
            r"$1/c^2$ if $\alpha \le 2$, else $\infty$",
            lambda alpha=1.0, scale=1.0: scale**-2 if alpha <= 2 else math.inf,
        ),
    ),
    LossCard(
        name="tukey_loss",
        title="Tukey's biweight loss",
        family="regression",
        gradient=r"\begin{cases} (\hat y - y) (1 - (\frac{\hat y - y}{c})^2)^2 & "
        r"\lvert \hat y - y \rvert \le c \\ 0 & \text{otherwise} \end{cases}",
        domain=ANY,
        range=Claim(r"$[0, c^2/6]$", lambda c=4.685: (0.0, c**2 / 6)),
        estimates="M-estimate",
        likelihood=None,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=Claim(r"$\frac{16}{25 \sqrt{5}} c$", lambda c=4.685: 16 * c / (25 * math.sqrt(5))),
        smoothness=ONE,
    ),
    LossCard(
        name="poisson_nll_loss",
        title="Poisson negative log-likelihood",
        family="regression",
        gradient=r"e^{\hat y} - y",
        domain=r"log-rates real or $-\infty$, targets at least 0",
        range=REAL,
        estimates="logarithm of the mean",
        likelihood="Poisson",
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="gaussian_nll_loss",
        title="Gaussian negative log-likelihood",
        family="regression",
        gradient=r"(\mu - y) e^{-s}",
        domain=ANY,
        range=REAL,
        estimates="mean and log-variance",
        likelihood="normal",
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="gaussian_crps_loss",
        title="Gaussian CRPS",
        family="regression",
        gradient=r"1 - 2 \Phi((y - \mu) e^{-s / 2})",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="mean and log-variance of a normal law",
        likelihood=None,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
)


def _largest(f: Callable[[float], float]) -> float:
    """The largest size of a function of p on (0, 1)."""

    def negative_size(logits: Tensor) -> Tensor:
        return -torch.tensor([abs(f(p)) for p in logits.sigmoid().tolist()], dtype=torch.float64)

    best = minimiser(negative_size, -30.0, 30.0)
    return -negative_size(torch.tensor([best], dtype=torch.float64)).item()


# A loss f(log p) of the probability p of the class has gradient f' (e_y - p) in the logits. With all else in
# one other class its size is √2 |f'| (1 - p), and the curvature 2 |f'' (1 - p)² - f' p (1 - p)|: no more.


def _poly_slope(epsilon: float) -> float:
    return math.sqrt(2) * ((1 + epsilon) ** 2 / (4 * epsilon) if epsilon > 1 else 1.0)


def _poly_curvature(epsilon: float) -> float:
    return 2 * _largest(lambda p: p * (1 - p) * (1 - epsilon + 2 * epsilon * p))


def _symmetric(constant: Callable[..., float], alpha: float, beta: float, log_zero: float) -> float:
    reverse = -beta * log_zero
    if alpha == 0:  # reverse (1 - p) alone
        return reverse * (math.sqrt(2) / 4 if constant is _poly_slope else math.sqrt(3) / 9)
    return alpha * constant(reverse / alpha)


def _gce_slope(q: float) -> float:
    return float(math.sqrt(2) * (q / (1 + q)) ** q / (1 + q))


def _gce_curvature(q: float) -> float:
    return 2 * _largest(lambda p: p**q * (1 - p) * (p - q * (1 - p)))


def _focal_slope(gamma: float) -> float:
    """Of the binary loss."""
    return _largest(lambda p: (1 - p) ** gamma * (gamma * p * math.log(p) - (1 - p)))


def _focal_curvature(gamma: float) -> float:
    """Of the binary loss."""

    def curvature(p: float) -> float:
        bend = gamma * math.log(p) * (1 - p - gamma * p) + (2 * gamma + 1) * (1 - p)
        return float(p * (1 - p) ** gamma * bend)

    return _largest(curvature)


def _side(alpha: float | None) -> float:
    return 1.0 if alpha is None else max(alpha, 1 - alpha)


def _heaviest(class_weight: Any) -> float:
    return 1.0 if class_weight is None else float(class_weight.max())


def _weights(class_weight: Any, label_smoothing: float, classes: int, y: int) -> list[float]:
    """Class weight times smoothed label, for each class."""
    w = [1.0] * classes if class_weight is None else class_weight.tolist()
    return [w[c] * ((1 - label_smoothing) * (c == y) + label_smoothing / classes) for c in range(classes)]


def _ce_slope(
    class_weight: Any = None, label_smoothing: float = 0.0, ignore_index: int = -100, classes: int = 3
) -> float:
    """The gradient (Σ w) p - w is longest where p is sure of one class."""
    slopes = []
    for y in range(classes):
        w = _weights(class_weight, label_smoothing, classes, y)
        slopes += [math.dist([sum(w) * (c == k) for c in range(classes)], w) for k in range(classes)]
    return max(slopes)


def _ce_curvature(
    class_weight: Any = None, label_smoothing: float = 0.0, ignore_index: int = -100, classes: int = 3
) -> float:
    return max(sum(_weights(class_weight, label_smoothing, classes, y)) for y in range(classes)) / 2


def _asymmetric_slope(gamma_pos: float = 0.0, gamma_neg: float = 4.0, clip: float = 0.05) -> float:
    def negative(p: float) -> float:
        q, rest = p - clip, 1 - p + clip
        if q <= 0:
            return 0.0
        bend = gamma_neg * q ** (gamma_neg - 1) * math.log(rest)
        return float(p * (1 - p) * (q**gamma_neg / rest - bend))

    return max(_focal_slope(gamma_pos), _largest(negative))


def _asymmetric_curvature(gamma_pos: float = 0.0, gamma_neg: float = 4.0, clip: float = 0.05) -> float:
    b = gamma_neg

    def negative(p: float) -> float:
        q, rest, s = p - clip, 1 - p + clip, p * (1 - p)
        if q <= 0:
            return 0.0
        cost = -math.log(rest)
        first = b * q ** (b - 1) * cost + q**b / rest
        second = b * (b - 1) * q ** (b - 2) * cost + 2 * b * q ** (b - 1) / rest + q**b / rest**2
        return float(second * s**2 + first * s * (1 - 2 * p))

    if clip and b < 1:
        return math.inf
    return max(_focal_curvature(gamma_pos), _largest(negative))


def _js_slope() -> float:
    """Against a target that is sure of another class."""
    return math.sqrt(2) * _largest(lambda p: p * (1 - p) * math.log((2 - p) / (1 - p)) / 2)


def _js_curvature() -> float:
    def curvature(p: float) -> float:
        log = math.log((2 - p) / (1 - p))
        return p * (1 - p) * ((1 - 2 * p) * log + p / (2 - p)) / 2

    return 2 * _largest(curvature)


LOGITS = r"logits real or $-\infty$, class indices or probabilities"
BINARY = "real logits, labels from 0 to 1"
P = r", \qquad p = \operatorname{softmax}(z)"
ROOT_TWO = always(math.sqrt(2), r"$\sqrt{2}$")
HALF = always(0.5, "$1/2$")
MAXIMUM = "maximum of a function of one probability"

_CLASSIFICATION = (
    LossCard(
        name="cross_entropy",
        title="Cross-entropy",
        family="classification",
        gradient="p_j - [j = y]" + P,
        domain=LOGITS,
        range=NON_NEGATIVE,
        estimates="class probabilities",
        likelihood="categorical",
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$\sqrt{2}$, times the largest class weight; with smoothing at most this", _ce_slope
        ),
        smoothness=Claim("$1/2$, times the largest class weight; with smoothing at most this", _ce_curvature),
        proper=Claim(
            "without class weights and with $\\varepsilon = 0$",
            lambda class_weight=None, label_smoothing=0.0, ignore_index=-100: (
                class_weight is None and label_smoothing == 0
            ),
        ),
        calibrated=Claim(
            "without class weights",
            lambda class_weight=None, label_smoothing=0.0, ignore_index=-100: class_weight is None,
        ),
    ),
    LossCard(
        name="binary_cross_entropy",
        title="Binary cross-entropy",
        family="classification",
        gradient=r"\sigma(z) - y",
        domain=BINARY,
        range=NON_NEGATIVE,
        estimates="probability",
        likelihood="Bernoulli",
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$(1 - \varepsilon/2) \max(1, w)$, of the positive weight $w$",
            lambda pos_weight=None, label_smoothing=0.0: (
                max(1.0, pos_weight or 1.0) * (1 - label_smoothing / 2)
            ),
        ),
        smoothness=Claim(
            r"$((1 - \varepsilon/2) \max(1, w) + \varepsilon/2 \min(1, w))/4$",
            lambda pos_weight=None, label_smoothing=0.0: (
                max(1 + ((pos_weight or 1.0) - 1) * y for y in (1 - label_smoothing / 2, label_smoothing / 2))
                / 4
            ),
        ),
        proper=Claim(
            "without positive weight and with $\\varepsilon = 0$",
            lambda pos_weight=None, label_smoothing=0.0: pos_weight is None and label_smoothing == 0,
        ),
        calibrated=Claim(
            "without positive weight", lambda pos_weight=None, label_smoothing=0.0: pos_weight is None
        ),
    ),
    LossCard(
        name="kl_divergence",
        title="Kullback–Leibler divergence",
        family="classification",
        gradient="p_j - t_j" + P,
        domain=r"logits real or $-\infty$, probabilities",
        range=NON_NEGATIVE,
        estimates="class probabilities",
        likelihood="categorical",
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=ROOT_TWO,
        smoothness=HALF,
        proper=YES,
        calibrated=YES,
    ),
    LossCard(
        name="js_divergence",
        title="Jensen–Shannon divergence",
        family="classification",
        gradient=r"\frac{1}{2} p_j \left(\log \frac{2 p_j}{p_j + q_j} - \sum_k p_k \log \frac{2 p_k}"
        r"{p_k + q_k}\right)" + P + r", \quad q = \operatorname{softmax}(s)",
        domain=r"two sets of logits, real or $-\infty$",
        range=always((0.0, math.log(2)), r"$[0, \log 2]$"),
        estimates="a distribution near those of the targets",
        likelihood=None,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=Claim(MAXIMUM, _js_slope),
        smoothness=Claim(MAXIMUM, _js_curvature),
    ),
    LossCard(
        name="brier_loss",
        title="Brier score",
        family="classification",
        gradient=r"2 p_j \left(p_j - [j = y] - \sum_k p_k (p_k - [k = y])\right)" + P,
        domain=LOGITS,
        range=always((0.0, 2.0), "$[0, 2]$"),
        estimates="class probabilities",
        likelihood=None,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=Claim(r"$\frac{16 \sqrt{2}}{27}$", lambda ignore_index=-100: 16 * math.sqrt(2) / 27),
        smoothness=Claim(
            MAXIMUM,
            lambda ignore_index=-100: 2 * _largest(lambda p: 4 * p * (1 - p) ** 2 * (1 - 3 * p)),
        ),
        proper=YES,
        calibrated=YES,
    ),
    LossCard(
        name="hinge_loss",
        title="Hinge loss",
        family="classification",
        gradient="(1 - y) [z > -m] - y [z < m]",
        domain=BINARY,
        range=NON_NEGATIVE,
        estimates="the more probable label",
        likelihood=None,
        convex=YES,
        c1=Claim("if squared", lambda margin=1.0, squared=False: squared),
        c2=NO,
        lipschitz=Claim(
            r"$\infty$ if squared, else $1$", lambda margin=1.0, squared=False: math.inf if squared else 1.0
        ),
        smoothness=Claim(
            r"$2$ if squared, else $\infty$", lambda margin=1.0, squared=False: 2.0 if squared else math.inf
        ),
        proper=NO,
        calibrated=YES,
    ),
    LossCard(
        name="multiclass_hinge_loss",
        title="Multi-class hinge loss",
        family="classification",
        gradient=r"([z_j = \max_{k \ne y} z_k] - [j = y]) [m + \max_{k \ne y} z_k > z_y]",
        domain=LOGITS,
        range=NON_NEGATIVE,
        estimates="the most probable label, if its probability is above ½",
        likelihood=None,
        convex=YES,
        c1=NO,
        c2=NO,
        lipschitz=Claim(
            r"$\sqrt{C (C - 1)}$ if Weston–Watkins, else $\sqrt{2}$",
            lambda margin=1.0, variant="crammer-singer", ignore_index=-100, classes=3: math.sqrt(
                2 if variant == "crammer-singer" else classes * (classes - 1)
            ),
        ),
        smoothness=UNBOUNDED,
        proper=NO,
        calibrated=NO,
    ),
    LossCard(
        name="generalized_cross_entropy",
        title="Generalised cross-entropy",
        family="classification",
        gradient="p_y^q (p_j - [j = y])" + P,
        domain=LOGITS,
        range=Claim(
            r"$[0, 1/q]$ if $q > 0$, else $[0, \infty)$",
            lambda q=0.7, ignore_index=-100: (0.0, 1 / q if q else math.inf),
        ),
        estimates="class probabilities to the power 1/(1 − q)",
        likelihood=None,
        convex=Claim("iff $q = 0$", lambda q=0.7, ignore_index=-100: q == 0),
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$\frac{\sqrt{2}}{1 + q} \left(\frac{q}{1 + q}\right)^q$",
            lambda q=0.7, ignore_index=-100: _gce_slope(q),
        ),
        smoothness=Claim(MAXIMUM, lambda q=0.7, ignore_index=-100: _gce_curvature(q)),
        proper=Claim("iff $q = 0$", lambda q=0.7, ignore_index=-100: q == 0),
        calibrated=YES,
    ),
    LossCard(
        name="symmetric_cross_entropy",
        title="Symmetric cross-entropy",
        family="classification",
        gradient=r"(\alpha - \beta A p_y) (p_j - [j = y])" + P,
        domain=LOGITS,
        range=Claim(
            r"$[0, -\beta A]$ if $\alpha = 0$, else $[0, \infty)$",
            lambda alpha=1.0, beta=1.0, log_zero=-4.0, ignore_index=-100: (
                (0.0, math.inf if alpha else -beta * log_zero)
            ),
        ),
        estimates="sharpened class probabilities",
        likelihood=None,
        convex=Claim(
            r"iff $-\beta A \le \alpha$",
            lambda alpha=1.0, beta=1.0, log_zero=-4.0, ignore_index=-100: -beta * log_zero <= alpha,
        ),
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$\sqrt{2} \frac{(\alpha - \beta A)^2}{-4 \beta A}$ if $-\beta A > \alpha$, else "
            r"$\sqrt{2} \alpha$",
            lambda alpha=1.0, beta=1.0, log_zero=-4.0, ignore_index=-100: _symmetric(
                _poly_slope, alpha, beta, log_zero
            ),
        ),
        smoothness=Claim(
            MAXIMUM,
            lambda alpha=1.0, beta=1.0, log_zero=-4.0, ignore_index=-100: _symmetric(
                _poly_curvature, alpha, beta, log_zero
            ),
        ),
        proper=Claim(
            r"iff $\beta A = 0$",
            lambda alpha=1.0, beta=1.0, log_zero=-4.0, ignore_index=-100: beta * log_zero == 0,
        ),
        calibrated=YES,
    ),
    LossCard(
        name="poly_loss",
        title="Poly-1 loss",
        family="classification",
        gradient=r"(1 + \varepsilon p_y) (p_j - [j = y])" + P,
        domain=LOGITS,
        range=NON_NEGATIVE,
        estimates="class probabilities, sharpened for ε > 0",
        likelihood=None,
        convex=Claim(r"iff $\varepsilon \le 1$", lambda epsilon=1.0, ignore_index=-100: epsilon <= 1),
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$\sqrt{2}$ if $\varepsilon \le 1$, else $\sqrt{2} \frac{(1 + \varepsilon)^2}{4 \varepsilon}$",
            lambda epsilon=1.0, ignore_index=-100: _poly_slope(epsilon),
        ),
        smoothness=Claim(MAXIMUM, lambda epsilon=1.0, ignore_index=-100: _poly_curvature(epsilon)),
        proper=Claim(r"iff $\varepsilon = 0$", lambda epsilon=1.0, ignore_index=-100: epsilon == 0),
        calibrated=YES,
    ),
)

_IMBALANCE = (
    LossCard(
        name="focal_loss",
        title="Focal loss",
        family="imbalance",
        gradient=r"((1 - p_y)^\gamma - \gamma p_y (1 - p_y)^{\gamma - 1} \log p_y) (p_j - [j = y])" + P,
        domain=LOGITS,
        range=NON_NEGATIVE,
        estimates="flattened class probabilities",
        likelihood=None,
        convex=Claim(r"iff $\gamma = 0$", lambda gamma=2.0, class_weight=None, ignore_index=-100: gamma == 0),
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            MAXIMUM,
            lambda gamma=2.0, class_weight=None, ignore_index=-100: (
                math.sqrt(2) * _heaviest(class_weight) * _focal_slope(gamma)
            ),
        ),
        smoothness=Claim(
            MAXIMUM,
            lambda gamma=2.0, class_weight=None, ignore_index=-100: (
                2 * _heaviest(class_weight) * _focal_curvature(gamma)
            ),
        ),
        proper=Claim(
            r"iff $\gamma = 0$ and without class weights",
            lambda gamma=2.0, class_weight=None, ignore_index=-100: gamma == 0 and class_weight is None,
        ),
        calibrated=Claim(
            "without class weights",
            lambda gamma=2.0, class_weight=None, ignore_index=-100: class_weight is None,
        ),
    ),
    LossCard(
        name="binary_focal_loss",
        title="Binary focal loss",
        family="imbalance",
        gradient=r"y (1 - p)^\gamma (\gamma p \log p - (1 - p)) - (1 - y) p^\gamma "
        r"(\gamma (1 - p) \log(1 - p) - p), \qquad p = \sigma(z)",
        domain=BINARY,
        range=NON_NEGATIVE,
        estimates="flattened probability",
        likelihood=None,
        convex=Claim(r"iff $\gamma = 0$", lambda gamma=2.0, alpha=None: gamma == 0),
        c1=YES,
        c2=YES,
        lipschitz=Claim(MAXIMUM, lambda gamma=2.0, alpha=None: _side(alpha) * _focal_slope(gamma)),
        smoothness=Claim(MAXIMUM, lambda gamma=2.0, alpha=None: _side(alpha) * _focal_curvature(gamma)),
        proper=Claim(
            r"iff $\gamma = 0$ and both labels weigh alike",
            lambda gamma=2.0, alpha=None: gamma == 0 and alpha in (None, 0.5),
        ),
        calibrated=Claim("iff both labels weigh alike", lambda gamma=2.0, alpha=None: alpha in (None, 0.5)),
    ),
    LossCard(
        name="asymmetric_loss",
        title="Asymmetric loss",
        family="imbalance",
        gradient=r"\begin{cases} y (1 - p)^a (a p \log p - (1 - p)) + (1 - y) p (1 - p) "
        r"\left(\frac{q^b}{1 - q} - b q^{b - 1} \log(1 - q)\right) & p > m "
        r"\\ y (1 - p)^a (a p \log p - (1 - p)) & \text{otherwise} "
        r"\end{cases}, \qquad q = \max(0, p - m), \quad p = \sigma(z)",
        domain=BINARY,
        range=NON_NEGATIVE,
        estimates="a probability, distorted",
        likelihood=None,
        convex=Claim(
            "iff $a = 0$ and $b = 0$ and $m = 0$",
            lambda gamma_pos=0.0, gamma_neg=4.0, clip=0.05: gamma_pos == gamma_neg == clip == 0,
        ),
        c1=Claim(
            "iff $b > 0$ or $m = 0$",
            lambda gamma_pos=0.0, gamma_neg=4.0, clip=0.05: gamma_neg > 0 or clip == 0,
        ),
        c2=Claim(
            "iff $b > 1$ or $m = 0$",
            lambda gamma_pos=0.0, gamma_neg=4.0, clip=0.05: gamma_neg > 1 or clip == 0,
        ),
        lipschitz=Claim(MAXIMUM, _asymmetric_slope),
        smoothness=Claim(r"$\infty$ if $b < 1$ and $m > 0$, else " + MAXIMUM, _asymmetric_curvature),
        proper=Claim(
            "iff $a = 0$ and $b = 0$ and $m = 0$",
            lambda gamma_pos=0.0, gamma_neg=4.0, clip=0.05: gamma_pos == gamma_neg == clip == 0,
        ),
        calibrated=Claim(
            "iff $a = b$ and $m = 0$",
            lambda gamma_pos=0.0, gamma_neg=4.0, clip=0.05: gamma_pos == gamma_neg and clip == 0,
        ),
    ),
    LossCard(
        name="logit_adjusted_loss",
        title="Logit-adjusted cross-entropy",
        family="imbalance",
        gradient=r"\frac{\pi_j^\tau e^{z_j}}{\sum_k \pi_k^\tau e^{z_k}} - [j = y]",
        domain=LOGITS,
        range=NON_NEGATIVE,
        estimates="class probabilities over π^τ, rescaled",
        likelihood="categorical",
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=ROOT_TWO,
        smoothness=HALF,
        proper=Claim(
            r"iff $\pi^\tau$ is uniform",
            lambda class_prior, tau=1.0, ignore_index=-100: (
                tau == 0 or float(class_prior.min()) == float(class_prior.max())
            ),
        ),
        calibrated=Claim(
            r"iff $\pi^\tau$ is uniform; always for the balanced error",
            lambda class_prior, tau=1.0, ignore_index=-100: (
                tau == 0 or float(class_prior.min()) == float(class_prior.max())
            ),
        ),
    ),
    LossCard(
        name="ldam_loss",
        title="LDAM loss",
        family="imbalance",
        gradient=r"s \left(\frac{\exp(s (z_j - \Delta_y [j = y]))}{\sum_k \exp(s (z_k - \Delta_y [k = y]))} "
        r"- [j = y]\right)",
        domain=LOGITS,
        range=NON_NEGATIVE,
        estimates="scores with margins",
        likelihood=None,
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(
            r"$\sqrt{2} s$",
            lambda class_count, max_margin=0.5, scale=30.0, ignore_index=-100: math.sqrt(2) * scale,
        ),
        smoothness=Claim(
            "$s^2/2$", lambda class_count, max_margin=0.5, scale=30.0, ignore_index=-100: scale**2 / 2
        ),
        proper=Claim(
            "without margin and with $s = 1$",
            lambda class_count, max_margin=0.5, scale=30.0, ignore_index=-100: max_margin == 0 and scale == 1,
        ),
        calibrated=Claim(
            "without margin",
            lambda class_count, max_margin=0.5, scale=30.0, ignore_index=-100: max_margin == 0,
        ),
    ),
)


MASKS = "real logits, masks"
PROBABILITY = always((0.0, 1.0), "$[0, 1]$")
ERRORS = r", \qquad E = \sum_i \lvert p_i - t_i \rvert, \quad "


def _of_region(name: str, title: str, gradient: str) -> LossCard:
    """A ratio of soft counts. The claims are those for 0/1 masks; soft ones have kinks at p = t."""
    return LossCard(
        name=name,
        title=title,
        family="segmentation",
        gradient="p_j (1 - p_j) " + gradient,
        domain=MASKS,
        range=PROBABILITY,
        estimates="a mask",
        likelihood=None,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=FINITE,
        smoothness=FINITE,
    )


TVERSKY_TERMS = (
    r", \qquad D = \sum_i \min(p_i, t_i) + E + s (\alpha + \beta) / 2, \quad "
    r"E = \sum_i (\alpha \max(0, p_i - t_i) + \beta \max(0, t_i - p_i)), \quad "
    r"r = \alpha [t_j < p_j] - \beta [p_j < t_j]"
)

_SEGMENTATION = (
    _of_region(
        "dice_loss",
        "Dice loss",
        r"\frac{\operatorname{sign}(p_j - t_j) S - E}{S^2}" + ERRORS + r"S = \sum_i (p_i + t_i) + s",
    ),
    _of_region(
        "jaccard_loss",
        "Jaccard (IoU) loss",
        r"\frac{\operatorname{sign}(p_j - t_j) S - [t_j < p_j] E}{S^2}"
        + ERRORS
        + r"S = \sum_i \max(p_i, t_i) + s",
    ),
    _of_region("tversky_loss", "Tversky loss", r"\frac{r D - (r + [p_j < t_j]) E}{D^2}" + TVERSKY_TERMS),
    _of_region(
        "focal_tversky_loss",
        "Focal Tversky loss",
        r"\frac{1}{\gamma} \left(\frac{E}{D}\right)^{1 / \gamma - 1} \frac{r D - (r + [p_j < t_j]) E}{D^2}"
        + TVERSKY_TERMS,
    ),
    _of_region(
        "generalized_dice_loss",
        "Generalised Dice loss",
        r"w_k \frac{\operatorname{sign}(p_{kj} - t_{kj}) - \ell}{\sum_c w_c (\sum_i (p_{ci} + t_{ci}) + s)}",
    ),
    LossCard(
        name="lovasz_softmax_loss",
        title="Lovász-softmax loss",
        family="segmentation",
        gradient=r"g_j \operatorname{sign}(p_j - t_j) \nabla p_j",
        domain="real logits, class indices",
        range=PROBABILITY,
        estimates="a mask",
        likelihood=None,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=always(math.sqrt(2) / 4, r"$\frac{\sqrt{2}}{4}$"),
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="lovasz_hinge_loss",
        title="Lovász hinge",
        family="segmentation",
        gradient=r"-(2 y_j - 1) g_j [m_j > 0]",
        domain="real logits, labels 0 and 1",
        range=NON_NEGATIVE,
        estimates="a mask",
        likelihood=None,
        convex=YES,
        c1=NO,
        c2=NO,
        lipschitz=ONE,
        smoothness=UNBOUNDED,
    ),
)

IOU_SLOPE = r"\frac{I \partial_j U - U \partial_j I}{U^2}"
DIOU_SLOPE = IOU_SLOPE + r" + \frac{2 \rho \partial_j \rho}{d^2} - \frac{2 \rho^2 \partial_j d}{d^3}"


def _of_boxes(name: str, title: str, gradient: str, high: float) -> LossCard:
    return LossCard(
        name=name,
        title=title,
        family="detection",
        gradient=gradient,
        domain=r"boxes with $x_1 \le x_2$, $y_1 \le y_2$",
        range=always((0.0, high), f"$[0, {high:g}]$"),
        estimates="a box",
        likelihood=None,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    )


_DETECTION = (
    _of_boxes("iou_loss", "IoU loss", IOU_SLOPE, 1),
    _of_boxes("giou_loss", "GIoU loss", IOU_SLOPE + r" + \frac{U \partial_j C - C \partial_j U}{C^2}", 2),
    _of_boxes("diou_loss", "DIoU loss", DIOU_SLOPE, 2),
    _of_boxes(
        "ciou_loss",
        "CIoU loss",
        DIOU_SLOPE + r" + \alpha \partial_j v, \qquad \alpha = \frac{v}{1 - \frac{I}{U} + v}",
        3,
    ),
    LossCard(
        name="distribution_focal_loss",
        title="Distribution focal loss",
        family="detection",
        gradient="p_j - (l + 1 - y) [j = l] - (y - l) [j = l + 1]" + P,
        domain=r"logits real or $-\infty$, targets from $0$ to $n - 1$",
        range=NON_NEGATIVE,
        estimates="a distribution with the right mean",
        likelihood="categorical",
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=ROOT_TWO,
        smoothness=HALF,
    ),
)


VECTORS, DIRECTIONS = "vectors", "vectors other than 0, of which the direction counts"
SQRT_6 = always(math.sqrt(6), r"$\sqrt{6}$")
ABOVE_A_PAIR = Claim(
    r"$[\log(1 + e^{-t - b}), \infty)$",
    lambda logit_scale=10.0, logit_bias=-10.0: (math.log1p(math.exp(-logit_scale - logit_bias)), math.inf),
)


def _of_directions(
    name: str,
    title: str,
    gradient: str,
    range: Claim[tuple[float, float]] = NON_NEGATIVE,
    estimates: str = "log density ratio of pairs, up to a constant",
) -> LossCard:
    """A loss of cosines: smooth, but ever steeper towards 0, where a vector has no direction."""
    return LossCard(
        name=name,
        title=title,
        family="representation",
        gradient=gradient,
        domain=DIRECTIONS,
        likelihood=None,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
        range=range,
        estimates=estimates,
    )


_REPRESENTATION = (
    LossCard(
        name="contrastive_loss",
        title="Contrastive loss",
        family="representation",
        gradient=r"(y - (1 - y) \frac{\max(0, m - d)}{d}) (u - v)",
        domain=VECTORS,
        range=NON_NEGATIVE,
        estimates="an embedding of pairs",
        likelihood=None,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="triplet_loss",
        title="Triplet loss",
        family="representation",
        gradient=r"\frac{a - p}{\lVert a - p \rVert} - \frac{a - n}{\lVert a - n \rVert} "
        r"\text{ if } \ell > 0",
        domain=VECTORS,
        range=NON_NEGATIVE,
        estimates="an embedding of triplets",
        likelihood=None,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=SQRT_6,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="batch_hard_triplet_loss",
        title="Batch-hard triplet loss",
        family="representation",
        gradient=r"\frac{x_i - x_p}{\lVert x_i - x_p \rVert} - \frac{x_i - x_n}{\lVert x_i - x_n \rVert} "
        r"\text{ if } \ell_i > 0",
        domain=VECTORS,
        range=NON_NEGATIVE,
        estimates="an embedding of classes",
        likelihood=None,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=SQRT_6,
        smoothness=UNBOUNDED,
    ),
    _of_directions(
        "info_nce_loss",
        "InfoNCE, CLIP",
        r"\frac{\partial \ell_i}{\partial \cos(q_i, k_j)} = \frac{1}{\tau} (p_{ij} - [j = t_i])",
    ),
    _of_directions(
        "nt_xent_loss",
        "NT-Xent",
        r"\frac{\partial \ell}{\partial \cos(z_i, z_k)} = \frac{1}{\tau} (p_{ik} - [k = j])",
    ),
    _of_directions(
        "siglip_loss",
        "SigLIP",
        r"\frac{\partial \ell_i}{\partial \cos(u_i, v_j)} = "
        r"-t y_{ij} \sigma(-y_{ij} (t \cos(u_i, v_j) + b))",
        range=ABOVE_A_PAIR,
    ),
    _of_directions(
        "supcon_loss",
        "SupCon",
        r"\frac{\partial \ell_i}{\partial \cos(z_i, z_k)} = \frac{1}{\tau} "
        r"(p_{ik} - \frac{1}{\lvert P_i \rvert} [k \in P_i])",
        estimates="an embedding of classes",
    ),
    LossCard(
        name="arcface_loss",
        title="ArcFace",
        family="representation",
        gradient=r"s \begin{cases} "
        r"-(1 - \frac{1}{r}) (\cos(m) + \frac{z_y \sin(m)}{\sqrt{1 - z_y^2}}) & j = y "
        r"\\ \frac{\exp(s (z_j - u))}{r} & \text{otherwise} \end{cases}, \qquad "
        r"r = 1 + \sum_{k \ne y} \exp(s (z_k - u)), \qquad u = z_y \cos(m) - \sqrt{1 - z_y^2} \sin(m)",
        domain=r"cosines in $[-1, 1]$",
        range=NON_NEGATIVE,
        estimates="scores with an angular margin",
        likelihood=None,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="cosface_loss",
        title="CosFace",
        family="representation",
        gradient=r"s \left(\frac{\exp(s (z_j - m [j = y]))}{\sum_k \exp(s (z_k - m [k = y]))} "
        r"- [j = y]\right)",
        domain=r"cosines in $[-1, 1]$",
        range=NON_NEGATIVE,
        estimates="scores with a margin",
        likelihood=None,
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(r"$\sqrt{2} s$", lambda margin=0.35, scale=64.0: math.sqrt(2) * scale),
        smoothness=Claim("$s^2/2$", lambda margin=0.35, scale=64.0: scale**2 / 2),
    ),
    LossCard(
        name="barlow_twins_loss",
        title="Barlow Twins",
        family="representation",
        gradient=r"\frac{\partial \ell}{\partial C_{ij}} = "
        r"2 (C_{ij} - 1) [i = j] + 2 \lambda C_{ij} [i \ne j]",
        domain="two views of a batch",
        range=NON_NEGATIVE,
        estimates="features that agree and do not repeat one another",
        likelihood=None,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="vicreg_loss",
        title="VICReg",
        family="representation",
        gradient=r"\frac{\partial \ell}{\partial C_{ij}} = \frac{2 c}{D} C_{ij} [i \ne j] - \frac{v [i = j]}"
        r"{4 D \sqrt{C_{ii} + 10^{-4}}} [C_{ii} + 10^{-4} < 1]",
        domain="two views of a batch",
        range=NON_NEGATIVE,
        estimates="features that agree, vary and are not correlated",
        likelihood=None,
        convex=NO,
        c1=NO,
        c2=NO,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
)

SQRT_2 = always(math.sqrt(2), r"$\sqrt{2}$")
_RANKING = (
    LossCard(
        name="margin_ranking_loss",
        title="Margin ranking loss",
        family="ranking",
        gradient=r"\begin{cases} -y & y (s - t) < m \\ 0 & \text{otherwise} \end{cases}",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="an order of scores",
        likelihood=None,
        convex=YES,
        c1=NO,
        c2=NO,
        lipschitz=SQRT_2,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="bpr_loss",
        title="Bayesian personalised ranking",
        family="ranking",
        gradient=r"-\sigma(t - s)",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="logit of the probability of a hit, up to a constant",
        likelihood="Bradley–Terry",
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=SQRT_2,
        smoothness=always(0.5, r"$\frac{1}{2}$"),
    ),
    LossCard(
        name="listmle_loss",
        title="ListMLE",
        family="ranking",
        gradient=r"\frac{\partial \ell}{\partial s_{(i)}} = \sum_{k \le i} \frac{e^{s_{(i)}}}"
        r"{\sum_{j \ge k} e^{s_{(j)}}} - 1",
        domain=r"real scores, $-\infty$ off the list",
        range=NON_NEGATIVE,
        estimates="logarithms of Plackett–Luce strengths, up to a constant",
        likelihood="Plackett–Luce",
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(r"$\sqrt{n (n - 1)}$ for $n$ items", lambda n=3: math.sqrt(n * (n - 1))),
        smoothness=Claim("$(n - 1)/2$ for $n$ items", lambda n=3: (n - 1) / 2),
    ),
    LossCard(
        name="dpo_loss",
        title="Direct preference optimisation",
        family="ranking",
        gradient=r"-\beta \sigma(\beta ((q - r) - (p - c)))",
        domain="log-probabilities of answers",
        range=NON_NEGATIVE,
        estimates="the reference tilted by exp(reward/β)",
        likelihood="Bradley–Terry",
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=Claim(r"$\sqrt{2} \beta$", lambda beta=0.1: math.sqrt(2) * beta),
        smoothness=Claim(r"$\beta^2/2$", lambda beta=0.1: beta**2 / 2),
    ),
)


_CARDS = (
    *_REGRESSION,
    *_CLASSIFICATION,
    *_IMBALANCE,
    *_SEGMENTATION,
    *_DETECTION,
    *_REPRESENTATION,
    *_RANKING,
)


def cards() -> dict[str, LossCard]:
    """The card of every public loss, by the name of its function, in the order of the book."""
    return {card.name: card for card in _CARDS}
