"""Cards of the losses of a predicted distribution."""

from __future__ import annotations

from lossfns.catalog.card import ANY, NO, NO_LAW, NON_NEGATIVE, REAL, UNBOUNDED, YES, LossCard, law

CARDS = (
    LossCard(
        name="poisson_nll_loss",
        title="Poisson negative log-likelihood",
        gradient=r"e^{\hat y} - y",
        domain=r"log-rates real or $-\infty$, targets at least 0",
        range=REAL,
        estimates="logarithm of the mean",
        likelihood=law("Poisson"),
        convex=YES,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="gaussian_nll_loss",
        title="Gaussian negative log-likelihood",
        gradient=r"(\mu - y) e^{-s}",
        domain=ANY,
        range=REAL,
        estimates="mean and log-variance",
        likelihood=law("normal"),
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="student_t_nll_loss",
        title="Student's t negative log-likelihood",
        gradient=r"\frac{(\nu + 1) (\mu - y)}{\nu e^{2 s} + (y - \mu)^2}",
        domain=ANY,
        range=REAL,
        estimates="centre and log-scale",
        likelihood=law("Student's t"),
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
    LossCard(
        name="gaussian_crps_loss",
        title="Gaussian CRPS",
        gradient=r"1 - 2 \Phi((y - \mu) e^{-s / 2})",
        domain=ANY,
        range=NON_NEGATIVE,
        estimates="mean and log-variance of a normal law",
        likelihood=NO_LAW,
        convex=NO,
        c1=YES,
        c2=YES,
        lipschitz=UNBOUNDED,
        smoothness=UNBOUNDED,
    ),
)
