"""Dashboards and alert rules for Grafana, as code."""
