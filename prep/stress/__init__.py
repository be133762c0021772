"""Stress tests: many price paths through the reference model, without a chain."""
