"""Other libraries return our numbers where the translation table says so: values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

from lossfns.catalog import cards
from tests.peers.agreements import NO_PEER, Agreement, Peer, everything
from tests.peers.evaluate import Array, evaluate, names_in
from tests.peers.inputs import INPUTS, draw
from tests.peers.libraries import LIBRARIES

PAIRS = [
    pytest.param(agreement, peer, id=f"{agreement.loss}-{peer.library}-{peer.call}")
    for agreement in everything()
    for peer in agreement.peers
]


def differentiable(ours: str, theirs: str) -> list[str]:
    names = names_in(ours) & names_in(theirs) & set(INPUTS)
    floats = draw(0)
    return sorted(n for n in names if floats[n].is_floating_point() and not INPUTS[n].constant)


def assert_close(theirs: Array, ours: Array, rtol: float) -> None:
    assert theirs.shape == ours.shape
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=rtol * max(1e-3, np.abs(ours).max()))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("agreement", "peer"), PAIRS)
def test_values_and_gradients(agreement: Agreement, peer: Peer, seed: int) -> None:
    slopes = differentiable(agreement.ours, peer.call)
    for reduction in agreement.reductions:
        inputs = {**draw(seed), "r": reduction}
        ours = evaluate(agreement.ours, inputs, slopes=slopes)
        theirs = evaluate(peer.call, inputs, library=peer.library, slopes=slopes)
        assert_close(theirs.value, ours.value, peer.tolerance)
        if LIBRARIES[peer.library].arrays != "numpy":
            assert slopes == list(theirs.slopes)
        for name in theirs.slopes:
            assert_close(theirs.slopes[name], ours.slopes[name], peer.tolerance)


def test_every_loss_has_a_peer_or_is_known_to_have_none() -> None:
    with_peer = {agreement.loss for agreement in everything()}
    assert with_peer | set(NO_PEER) == set(cards())
    assert not with_peer & set(NO_PEER)


def test_every_library_agrees_somewhere() -> None:
    assert {peer.library for agreement in everything() for peer in agreement.peers} == set(LIBRARIES)


def test_a_wrong_translation_is_noticed() -> None:
    wrong = Agreement("huber_loss(x, y, delta=0.7)", (Peer("PyTorch", "F.smooth_l1_loss(x, y, beta=0.7)"),))
    with pytest.raises(AssertionError):
        test_values_and_gradients(wrong, wrong.peers[0], seed=0)
