"""The chapter that needs TensorFlow and JAX: ``make frameworks``, never ``make test``."""
