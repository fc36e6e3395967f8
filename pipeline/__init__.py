"""Minegreen tells whether the vegetation on a mine is coming back, where, how much, and how sure that is."""

import os

__version__ = "0.1.0"
# Set before numpy is imported. Jobs run side by side, and blocks in threads: threads of linear algebra on small matrices would take their cores and gain
# nothing; and sums that they share out would differ in their last digits with the number of cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
