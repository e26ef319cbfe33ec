"""Statements that give a project a reader of its own on a ClickHouse server: a user, row policies, grants."""

import hashlib
import re
from collections.abc import Iterator
from importlib.resources import files

from breakeven_collector.errors import ConfigError
from breakeven_collector.sql import allowed

# Of these tables the views need some columns only; the others hold the declarations and documents of all projects.
_COLUMNS = {"attribution_versions": ["version", "loaded_at"]}
_VIEWS = (
    *("spend", "spend_of", "rates_of", "override_rates", "attributions_now", "verdicts_now", *allowed.V1_VIEWS),
    # what dashboards read
    *("billed_now", "billed_usage", "usage_rates", "tieout_daily"),
    *("forecasts_now", "price_changes", "calls_by_feature"),
)
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")


def user_of(project: str | None) -> str:
    """Name of the reader of a project; None: of all. No project's name begins with _."""
    return f"breakeven_{'_all' if project is None else project}"


def reader_statements(project: str | None, password: str, *, database: str) -> Iterator[str]:
    """The statements, in the order in which they are to be run. They may be run again, for another password too.

    Args:
        project: whose rows the reader sees; None: of all projects, and what is told of them together.
        password: the reader's.
        database: where the tables are.

    Raises:
        ConfigError: no user can be named after the project.
    """
    if project is not None and not _PROJECT.fullmatch(project):
        raise ConfigError(
            f"project {project!r}: a user of a server can be named after letters, digits, - and _ only, at most 48"
        )
    common = {
        "database": f"`{database}`",
        "user": f"`{user_of(project)}`",
        "password_sha256": hashlib.sha256(password.encode()).hexdigest(),
    }
    yield _statement("1_role", common)
    yield _statement("2_user", common)
    for table in sorted(allowed.PROJECT_TABLES):
        yield _statement("3_everyone_else", {**common, "project_table": table})
    for table, shares in sorted(allowed.PROJECT_TABLES.items()):
        condition = "1"
        if project is not None:
            condition = f"project IN ('{project}', '')" if shares else f"project = '{project}'"
        yield _statement("4_project", {**common, "project_table": table, "condition": condition})
    for table in sorted({*allowed.PROJECT_TABLES, *allowed.COMMON_TABLES, *_VIEWS}):
        columns = f"({', '.join(_COLUMNS[table])})" if table in _COLUMNS else ""
        grant = _statement("5_grant_table", {**common, "table": table})
        yield grant.replace("GRANT SELECT ON", f"GRANT SELECT{columns} ON")
    if project is None:
        for table in sorted(allowed.OWNER_TABLES):
            yield _statement("5_grant_table", {**common, "table": table}).replace("breakeven_reader", common["user"])
    yield _statement("6_grant_role", common)


def _statement(name: str, values: dict[str, str]) -> str:
    text = (files("breakeven_schema") / "readers" / f"{name}.sql").read_text(encoding="utf-8")
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return re.sub(r"<(\w+)>", lambda found: values[found[1]], plain)
