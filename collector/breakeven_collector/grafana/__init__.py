"""A Grafana that runs: dashboards, data source and alert rules brought into it, and every query of them tried in it."""
