"""Modules: fields that are the hyper-parameters of a function, given or set later; and classes of users."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

import lossfns
from lossfns._rules import Rule
from lossfns.catalog import LossCard, cards
from tests.cases import LossCase
from tests.refused import refused
from tests.support import each_case, row_weight

each_card = pytest.mark.parametrize("card", cards().values(), ids=lambda card: card.name)
X, Y = torch.tensor([3.0]), torch.tensor([0.0])


def rules_of(card: LossCard) -> dict[str, Rule]:
    rules: dict[str, Rule] = vars(card.function)["rules"]
    return rules


def required(card: LossCard) -> dict[str, Any]:
    """Tensors for the hyper-parameters that have no default."""
    parameters = inspect.signature(card.module).parameters.values()
    return {p.name: torch.ones(2) for p in parameters if p.default is inspect.Parameter.empty}


@each_card
def test_fields_are_the_hyper_parameters_of_the_function(card: LossCard) -> None:
    """Their order, defaults and types; and none is left in the class, where it would hide a buffer."""
    of_function = inspect.signature(card.function).parameters
    of_module = inspect.signature(card.module).parameters
    assert list(of_module) == [name for name in of_function if name in rules_of(card)]
    assert list(of_module.values()) == [of_function[name] for name in of_module]
    assert not any(hasattr(card.module, name) for name in of_module)


@each_card
def test_a_module_says_what_its_function_says(card: LossCard) -> None:
    function, module = inspect.getdoc(card.function) or "", inspect.getdoc(card.module) or ""
    first, _, rest = function.partition("\n")
    assert module.startswith(f"{first}\n\nThe Module of :func:`{card.name}`.")
    assert module.endswith(rest)


@each_card
def test_a_misspelt_hyper_parameter_is_named_with_what_is_meant(card: LossCard) -> None:
    cls = card.module.__name__
    for name in inspect.signature(card.module).parameters:
        with pytest.raises(TypeError, match=f"^{cls} has no argument '{name}s'; did you mean {name}\\?$"):
            card.module(**{f"{name}s": 1.0})
    last = list(inspect.signature(card.module).parameters)[-1]
    with pytest.raises(TypeError, match=f"^{cls} has no argument 'colour'; it takes .*{last}$"):
        card.module(colour=1)
    with pytest.raises(TypeError, match=f"^{cls} takes .*{last} by name, and tensors when it is called"):
        card.module(1.0)
    for name in required(card):
        with pytest.raises(TypeError, match=f"^{cls} needs {name}$"):
            card.module()
    for name in (
        inspect.signature(card.function).parameters.keys() - inspect.signature(card.module).parameters
    ):
        with pytest.raises(TypeError, match=f"^{cls} takes {name} when it is called") as error:
            card.module(**{name: torch.ones(2)})
        has_both = name == "weight" and "class_weight" in inspect.signature(card.module).parameters
        assert ("weights of the classes are class_weight" in str(error.value)) is has_both


@each_case
def test_tensors_by_position_and_by_name(case: LossCase) -> None:
    arguments = case.arguments(*case.layout.shape)
    first, *others = zip(case.argument_names, arguments, strict=True)
    weight = row_weight([1.0, 0.0, *[2.0] * (case.layout.shape[0] - 2)], case.layout.shape)
    module: Any = case.module()
    expected = case(*arguments, weight=weight)
    assert torch.equal(module(**dict([first, *others]), weight=weight), expected)
    assert torch.equal(module(first[1], **dict(others), weight=weight), expected)
    assert torch.equal(case.call(module, *arguments, weight=weight), expected)
    with pytest.raises(TypeError, match="no argument 'inptu'"):
        case.call(module, *arguments, inptu=X)
    with pytest.raises(TypeError, match="multiple values for keyword argument 'reduction'"):
        case.call(module, *arguments, reduction="sum")


def may_be_tensors() -> list[tuple[LossCard, str, Tensor]]:
    """Every hyper-parameter that a tensor may be, and one."""
    found = []
    for card in cards().values():
        for name, rule in rules_of(card).items():
            values = (torch.tensor([0.25, 0.75]), torch.tensor(0.5))
            found += [(card, name, value) for value in values if rule.holds(value)][:1]
    return found


@pytest.mark.parametrize(
    ("card", "name", "value"),
    may_be_tensors(),
    ids=lambda v: getattr(v, "name", v) if v is not Tensor else "",
)
def test_a_tensor_set_later_is_as_one_given_when_built(card: LossCard, name: str, value: Tensor) -> None:
    built = card.module(**{**required(card), name: value})
    module = card.module(**required(card))
    before = getattr(module, name)
    setattr(module, name, value)
    assert repr(module) == repr(built)
    assert list(module.state_dict()) == list(built.state_dict())
    assert name in dict(module.named_buffers())
    for twin in (module, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        for dtype in (torch.float64, torch.float32):
            assert getattr(twin.to(dtype), name).dtype is dtype
        assert getattr(twin.to("meta"), name).is_meta
    setattr(module, name, nn.Parameter(value))
    assert [n for n, _ in module.named_parameters()] == [name]
    assert name not in dict(module.named_buffers())
    setattr(module, name, before)
    assert not list(module.parameters())
    assert getattr(module, name) is before
    with pytest.raises(ValueError, match=f"{name} must be a Parameter or a tensor without a graph"):
        setattr(module, name, value.clone().requires_grad_() * 2)


@each_card
def test_what_is_set_later_is_held_to_its_rule(card: LossCard) -> None:
    module = card.module(**required(card))
    for name, rule in rules_of(card).items():
        before = getattr(module, name)
        for value in refused(rule):
            with pytest.raises(ValueError, match=f"^{name} must be "):
                setattr(module, name, value)
        assert getattr(module, name) is before


def test_what_is_set_later_counts() -> None:
    loss = lossfns.HuberLoss()
    loss.delta = 2.0
    loss.reduction = "none"
    assert loss(X, Y).tolist() == [4.0]
    z, y, w = torch.tensor([[2.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 1]), torch.tensor([1.0, 3.0])
    weighted = lossfns.CrossEntropyLoss()
    weighted.class_weight = w
    assert weighted(z, y) == lossfns.cross_entropy(z, y, class_weight=w)
    weighted.class_weight = torch.ones(3)
    with pytest.raises(ValueError, match="class_weight must have one value for each of the 2 classes"):
        weighted(z, y)
    weighted.class_weight = None
    assert weighted(z, y) == lossfns.cross_entropy(z, y)


class Exponential(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.exp()

    def right_inverse(self, x: Tensor) -> Tensor:
        return x.log()


def test_a_learned_hyper_parameter_may_be_parametrised() -> None:
    """As torch says to keep one positive: its logarithm is what is learned."""
    loss = lossfns.InfoNCELoss(temperature=nn.Parameter(torch.tensor(0.5)))
    register_parametrization(loss, "temperature", Exponential())
    rows = torch.eye(3) + 0.1
    expected = lossfns.info_nce_loss(rows, rows, temperature=0.5)
    assert torch.allclose(loss(rows, rows), expected)
    (learned,) = loss.parameters()
    assert torch.autograd.grad(loss(rows, rows), learned)[0]
    loss.temperature = torch.tensor(2.0)
    assert torch.allclose(learned, torch.tensor(2.0).log())


# What users write.


def scaled_loss(
    input: Tensor, target: Tensor, *, scale: float | Tensor = 1.0, mask: Tensor | None = None
) -> Tensor:
    """The scaled distance."""
    distance = scale * (input - target).abs()
    return distance.sum() if mask is None else distance[mask].sum()


class ScaledLoss(lossfns.LossModule, loss=scaled_loss):
    scale: float | Tensor = 1.0


class StrongFocalLoss(lossfns.FocalLoss):
    """Of which a default is another one."""

    gamma: float = 5.0


class StrongerFocalLoss(StrongFocalLoss):
    gamma = 7.0


class FactorLoss(lossfns.HuberLoss):
    """With a field of its own."""

    unit: ClassVar[str] = "m"
    factor: float | Tensor = 2.0

    def forward(self, *tensors: Tensor, **named: Tensor | None) -> Tensor:
        return self.factor * super().forward(*tensors, **named)


class WidthLoss(lossfns.HuberLoss):
    """With a constructor of its own."""

    width: float

    def __init__(self, width: float) -> None:
        super().__init__(delta=2 * width)
        self.width = width


class PerceptualLoss(lossfns.LossModule):
    """Without a function."""

    network: nn.Module
    power: float = 1.0

    def forward(self, *tensors: Tensor, **named: Tensor | None) -> Tensor:
        input, target = tensors
        distance: Tensor = (self.network(input) - self.network(target)).abs().sum()
        return distance**self.power


class GrowingLoss(lossfns.HuberLoss):
    """With a property for a field."""

    @property  # type: ignore[misc]
    def delta(self) -> float:
        return self.epoch + 1.0

    @delta.setter
    def delta(self, value: float) -> None:
        self.epoch = value


def test_a_function_of_a_user_becomes_a_module() -> None:
    loss = ScaledLoss(scale=2.0)
    assert loss(X, Y) == loss(input=X, target=Y) == 6.0
    assert loss(X, Y, mask=torch.tensor([False])) == 0.0
    assert repr(loss) == "ScaledLoss(scale=2.0)"
    said = inspect.getdoc(ScaledLoss) or ""
    assert said.startswith("The scaled distance.\n\nThe Module of ``scaled_loss``.")
    assert pickle.loads(pickle.dumps(loss))(X, Y) == 6.0
    learned = ScaledLoss(scale=nn.Parameter(torch.tensor(3.0)))
    (slope,) = torch.autograd.grad(learned(X, Y), list(learned.parameters()))
    assert slope == 3.0
    build: Any = ScaledLoss
    with pytest.raises(TypeError, match=r"ScaledLoss has no argument 'scael'; did you mean scale\?"):
        build(scael=2.0)
    with pytest.raises(TypeError, match="ScaledLoss takes mask when it is called"):
        build(mask=X)


def test_a_subclass_changes_a_default() -> None:
    assert repr(StrongFocalLoss()).startswith("StrongFocalLoss(gamma=5.0, class_weight=None")
    assert StrongerFocalLoss().gamma == 7.0
    assert StrongFocalLoss(gamma=1.0).gamma == 1.0
    assert lossfns.FocalLoss().gamma == 2.0
    assert inspect.signature(StrongFocalLoss).parameters["gamma"].default == 5.0
    z, y = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    assert StrongFocalLoss()(z, y) == lossfns.focal_loss(z, y, gamma=5.0)


def test_a_subclass_adds_a_field() -> None:
    loss = FactorLoss(delta=2.0, factor=3.0)
    assert loss(X, Y) == 3.0 * lossfns.huber_loss(X, Y, delta=2.0)
    assert repr(loss) == "FactorLoss(delta=2.0, reduction='mean', factor=3.0)"
    loss.factor = torch.tensor(2.0)
    assert list(loss.state_dict()) == ["factor"]
    assert FactorLoss.unit == "m"


def test_a_subclass_has_a_constructor_of_its_own() -> None:
    loss = WidthLoss(1.0)
    assert (loss.width, repr(loss)) == (1.0, "WidthLoss(delta=2.0, reduction='mean')")
    assert list(inspect.signature(WidthLoss).parameters) == ["width"]
    assert loss(X, Y) == lossfns.huber_loss(X, Y, delta=2.0)


def test_a_module_without_a_function() -> None:
    loss = PerceptualLoss(network=nn.Linear(1, 2), power=2.0)
    assert len(list(loss.parameters())) == 2
    assert loss(X, X) == 0.0
    loss.network = nn.Identity()
    assert loss(X, Y) == 9.0
    build: Any = PerceptualLoss
    with pytest.raises(TypeError, match="PerceptualLoss needs network"):
        build()
    with pytest.raises(NotImplementedError, match="a Module needs a loss"):
        lossfns.LossModule()(X, Y)


def test_a_property_takes_the_place_of_a_field() -> None:
    loss = GrowingLoss(delta=0.0)
    assert loss.epoch == 0.0
    assert loss(X, Y) == lossfns.huber_loss(X, Y, delta=1.0)
    loss.delta = 1.0
    assert loss(X, Y) == lossfns.huber_loss(X, Y, delta=2.0)


def test_fields_that_are_not_those_of_the_function_are_refused() -> None:
    with pytest.raises(TypeError, match="Misspelt: scaled_loss has no argument 'scael'; did you mean scale?"):

        class Misspelt(lossfns.LossModule, loss=scaled_loss):
            scael: float = 1.0

    with pytest.raises(TypeError, match=r"Other\.scale must have the default that scaled_loss has"):

        class Other(lossfns.LossModule, loss=scaled_loss):
            scale: float = 2.0

    with pytest.raises(TypeError, match=r"Required\.scale must have the default that scaled_loss has"):

        class Required(lossfns.LossModule, loss=scaled_loss):
            scale: float

    with pytest.raises(TypeError, match="Incomplete needs the field reduction of huber_loss"):

        class Incomplete(lossfns.LossModule, loss=lossfns.huber_loss):
            delta: float = 1.0
