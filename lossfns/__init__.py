"""Loss functions with one convention, right at the edges: the package of the book *Loss Functions*."""

from lossfns import classification as classification
from lossfns import detection as detection
from lossfns import imbalance as imbalance
from lossfns import ranking as ranking
from lossfns import regression as regression
from lossfns import representation as representation
from lossfns import segmentation as segmentation
from lossfns._check import strict as strict
from lossfns._module import LossModule as LossModule
from lossfns.classification import *
from lossfns.detection import *
from lossfns.imbalance import *
from lossfns.ranking import *
from lossfns.regression import *
from lossfns.representation import *
from lossfns.segmentation import *

__version__ = "0.1.0"
