"""Draw the picture of the README and the landing page: python -m book._tools.cover."""

from pathlib import Path

import matplotlib.pyplot as plt

import lossfns
from lossfns import plotting
from lossfns.verify import of_residual

COVER = Path(__file__).resolve().parents[1] / "_static" / "cover.png"


def main() -> None:
    losses = {
        "half the squared error": lambda r: of_residual(lossfns.mse_loss)(r) / 2,
        "Huber": of_residual(lossfns.huber_loss),
        "log-cosh": of_residual(lossfns.log_cosh_loss),
        "absolute error": of_residual(lossfns.l1_loss),
        "Tukey, c = 4": of_residual(lossfns.tukey_loss, c=4.0),
    }
    plotting.style()
    figure = plotting.loss_and_gradient(losses, -6, 6, ylim=(0, 6))
    figure.axes[1].set_ylim(-2.2, 2.2)
    figure.savefig(COVER, dpi=160)
    plt.close(figure)


if __name__ == "__main__":
    main()
