"""Numerical kernels: numpy and numba only. Each file states how its arrays may be chunked."""
