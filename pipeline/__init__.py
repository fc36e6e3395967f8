"""Minegreen tells whether the vegetation on a mine is coming back, where, how much, and how sure that is."""

__version__ = "0.1.0"
