"""One thread, as in the notebooks: values do not depend on how a sum is split. And where tests compute."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from lossfns import _chunked, _similarity

torch.set_num_threads(1)

# What `pytest --device cuda` leaves out, and why; single tests have the marker cpu_only.
NOT_ON_A_GPU = {
    "test_benchmarks.py": "about a page",
    "test_book.py": "about the book",
    "test_browser.py": "about the book",
    "test_catalog_words.py": "about words",
    "test_chunked.py": "chunks are for the caches of a CPU",
    "test_distributed.py": "its processes talk through gloo",
    "test_eager.py": "about what can be read at once on a CPU",
    "test_gates.py": "about the book",
    "test_package.py": "about the package as it is installed",
    "test_plotting.py": "about drawings, which are made on a CPU",
    "test_style.py": "about text",
    "test_types.py": "about types",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", choices=["cpu", "cuda"], help="where the unit tests compute")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cpu_only(reason): what --device cuda leaves out")
    if config.getoption("device") == "cuda" and torch.cuda.is_available():
        _compute_on("cuda")


def _compute_on(device: str) -> None:
    """Tests are written as for a CPU: what they make is there, what NumPy takes of it comes back."""
    torch.set_default_device(device)
    for name in ("rand", "randn", "randint", "randperm"):
        setattr(torch, name, _drawn_on_the_cpu(getattr(torch, name)))
    to_numpy: Any = Tensor.numpy
    for owner, name, function in (
        (Tensor, "numpy", lambda self: to_numpy(self.cpu())),
        (torch, "from_numpy", torch.as_tensor),
    ):
        setattr(owner, name, function)


def _drawn_on_the_cpu(draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The numbers that tests on a CPU get, from the same generators, on the default device."""

    def moved(*args: Any, requires_grad: bool = False, **kwargs: Any) -> Tensor:
        return torch.as_tensor(draw(*args, device="cpu", **kwargs)).requires_grad_(requires_grad)

    return moved


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("device") == "cpu":
        return
    for item in items:
        if reason := _why_not_on_a_gpu(item):
            item.add_marker(pytest.mark.skip(reason=reason))


def _why_not_on_a_gpu(item: pytest.Item) -> str | None:
    if not torch.cuda.is_available():
        return "torch finds no GPU here"
    if not isinstance(item, pytest.Function):
        return "its output is that of a CPU"  # a doctest, a cell of a notebook
    marker = item.get_closest_marker("cpu_only")
    return marker.args[0] if marker else NOT_ON_A_GPU.get(item.path.name)


@pytest.fixture(params=["whole", "chunks"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As small inputs are computed, and as large ones are, in chunks and tiles."""
    if request.param == "chunks":
        monkeypatch.setattr(_chunked, "CHUNK", 4)
        monkeypatch.setattr(_chunked, "MANY", 2)
        monkeypatch.setattr(_similarity, "PLAIN", 24)
