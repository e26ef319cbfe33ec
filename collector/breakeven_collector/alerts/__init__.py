"""Alerts: what is worth being told, told once."""
