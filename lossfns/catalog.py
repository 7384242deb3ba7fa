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

import lossfns
from lossfns._module import LossModule

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
ONE, TWO, UNBOUNDED = always(1.0, "$1$"), always(2.0, "$2$"), always(math.inf, r"$\infty$")
NON_NEGATIVE = always((0.0, math.inf), r"$[0, \infty)$")
REAL = always((-math.inf, math.inf), r"$(-\infty, \infty)$")


@dataclass(frozen=True)
class LossCard:
    """What a loss is and what is true of it as a function of its predictions, all of them at once.

    ``gradient`` is the derivative with respect to the first prediction, in TeX. ``lipschitz`` and
    ``smoothness`` are the best constants: the suprema of the gradient and of the curvature in size.
    ``likelihood`` names the law whose −log density is the loss, up to terms without the prediction.
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
        """Default and admissible values of each hyper-parameter."""
        rules = self.function.rules  # type: ignore[attr-defined]
        parameters = inspect.signature(self.function).parameters
        return {n: (parameters[n].default, rule.words) for n, rule in rules.items() if n != "reduction"}

    @property
    def bounded_influence(self) -> Claim[bool]:
        """Whether one observation can pull only so hard, however far off it is."""
        lipschitz = self.lipschitz
        words = "yes" if r"\infty" not in lipschitz.words else "no" if lipschitz is UNBOUNDED else "depends"
        return Claim(words, lambda **hyperparameters: lipschitz.value(**hyperparameters) < math.inf)


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

_CARDS = (
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
        smoothness=Claim(r"$1/\beta$", _inverse),
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


def cards() -> dict[str, LossCard]:
    """The card of every public loss, by the name of its function, in the order of the book."""
    return {card.name: card for card in _CARDS}
