"""Measured ratios: each figure against a named alternative in the same run; see docs/benchmarks.md."""
