"""The losses of other libraries beside ours, on the same inputs. Run by ``make peers``, never by ``make test``."""
