"""Loss functions for PyTorch, each derived, proved and checked in the book *Loss Functions*."""

__version__ = "0.1.0"
