"""The losses of other libraries beside ours, on the same inputs: ``make peers``, never ``make test``."""
