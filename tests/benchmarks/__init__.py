"""How long the losses take and how much memory, beside other libraries: ``make bench``. No test."""
