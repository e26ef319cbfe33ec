"""Verdicts on the features of a store: what was observed, what follows from it, what people decided, what it earns."""
