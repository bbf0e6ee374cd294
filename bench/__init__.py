"""Measurements: `python -m bench` runs the main one, `python -m bench.NAME` another."""
