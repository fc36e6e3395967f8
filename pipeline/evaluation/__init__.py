"""Evaluations of finished results: recovery, land, footprint, water, breaks. Each is made where its key is in the config."""
