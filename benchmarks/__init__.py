"""Measurements: ours beside a plain design, in one run, as ratios."""
