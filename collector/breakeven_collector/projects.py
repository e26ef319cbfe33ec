"""Whose calls a query is about."""

from typing import Any


def of_project(project: str | None) -> dict[str, Any]:
    """Parameters of a query that has `(project = {project:String} OR {every_project:Bool})`; None: of all projects."""
    return {"project": project or "", "every_project": project is None}
