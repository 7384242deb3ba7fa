"""One thread, as in the notebooks: values do not depend on how a sum is split."""

import pytest
import torch

from lossfns import _chunked, _similarity

torch.set_num_threads(1)


@pytest.fixture(params=["whole", "chunks"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As small inputs are computed, and as large ones are, in chunks and tiles."""
    if request.param == "chunks":
        monkeypatch.setattr(_chunked, "CHUNK", 4)
        monkeypatch.setattr(_chunked, "MANY", 2)
        monkeypatch.setattr(_similarity, "PLAIN", 24)
