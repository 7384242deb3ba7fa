"""One thread, as in the notebooks: values do not depend on how a sum is split."""

import torch

torch.set_num_threads(1)
