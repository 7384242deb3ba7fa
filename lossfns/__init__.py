"""Loss functions with one convention, right at the edges: the package of the book *Loss Functions*.

The losses are in :mod:`lossfns.regression`, :mod:`~lossfns.distribution`, :mod:`~lossfns.classification`,
:mod:`~lossfns.imbalance`, :mod:`~lossfns.segmentation`, :mod:`~lossfns.detection`,
:mod:`~lossfns.representation`, :mod:`~lossfns.ranking` and :mod:`~lossfns.survival`, and all of them
here, too. What holds for each:

* **Arguments.** The prediction comes first, then the target; all else is given by name:
  ``loss(input, target, *, …, weight=None, reduction="mean")``. Shapes are never broadcast against each other.
* **Logits** go in; the softmax or sigmoid is inside. Classes are axis 1, (N, C, *), and a target is an index
  (N, *) or a row of probabilities (N, C, *): one-hot rows give the number of the index.
* **Mean** is Σ wᵢ ℓᵢ / Σ wᵢ, so that constant weights change nothing; ``"sum"`` is Σ wᵢ ℓᵢ, ``"none"`` wᵢ ℓᵢ.
* **Weights.** ``weight`` broadcasts to the result of ``reduction="none"`` and may be a bool mask. Entries of
  weight 0 are left out, of the gradient too, whatever they hold: inf and NaN come through neither. Targets
  equal to ``ignore_index``, −100 by default, are left out likewise.
* **Nothing left** to average, because the batch is empty or all is left out: the loss is 0, with gradient 0.
* **Precision.** Half precision is computed in float32; float64 is kept.
* **Errors** name the argument, what it was and what it may be. Values are looked at by :func:`strict` alone:
  ``with lossfns.strict():`` refuses NaN, labels of no class, probabilities that do not sum to 1.
* **Modules.** ``huber_loss(x, y, delta=2.0)`` is ``HuberLoss(delta=2.0)(x, y)``: hyper-parameters go to the
  constructor, tensors and ``weight`` to the call. :class:`LossModule` makes one of a function of your own.

>>> import torch, lossfns
>>> z = torch.tensor([[2.0, 0.0], [0.0, 2.0], [float("nan"), 0.0]])
>>> lossfns.cross_entropy(z, torch.tensor([0, 0, -100]), reduction="none")
tensor([0.1269, 2.1269, 0.0000])
>>> lossfns.CrossEntropyLoss(class_weight=torch.tensor([1.0, 3.0]))(z, torch.tensor([0, 1, -100]))
tensor(0.1269)
"""

from lossfns import classification as classification
from lossfns import detection as detection
from lossfns import distribution as distribution
from lossfns import imbalance as imbalance
from lossfns import ranking as ranking
from lossfns import regression as regression
from lossfns import representation as representation
from lossfns import segmentation as segmentation
from lossfns import survival as survival
from lossfns._check import strict as strict
from lossfns._module import LossModule as LossModule
from lossfns._version import __version__ as __version__
from lossfns.classification import *
from lossfns.detection import *
from lossfns.distribution import *
from lossfns.imbalance import *
from lossfns.ranking import *
from lossfns.regression import *
from lossfns.representation import *
from lossfns.segmentation import *
from lossfns.survival import *
