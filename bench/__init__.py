"""Measurements. Each is a ratio to something else in the same run: these machines are noisy."""
