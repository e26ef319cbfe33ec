"""Writes the files from which a Grafana is provisioned."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from breakeven_dashboards import alert_rules, provision
from breakeven_dashboards.build import build, text_of
from breakeven_dashboards.dashboard import PAGE_URL


def write_tree(
    out: Path,
    *,
    datasource: Mapping[str, Any],
    dashboards_path: str | None,
    alerts: bool,
    webhook_variable: str | None,
    page_url: str = PAGE_URL,
) -> list[Path]:
    """Write `datasources/`, `dashboards/`, `alerting/` under a folder, as Grafana's `provisioning/` has them.

    Args:
        out: the folder; made where it is missing. Files of the same names are written anew, others stay.
        datasource: as `wanted.datasource_of` makes it; a `$NAME` in it is a variable of Grafana's environment.
        dashboards_path: where Grafana will see the folder with the dashboards; None: where it is written.
        alerts: rules are evaluated; else they are paused.
        webhook_variable: name of the variable of Grafana's environment with Slack's webhook; None: no contact point.
        page_url: address of Breakeven's page, for links.

    Returns:
        The files.

    Raises:
        OSError: the folder cannot be written.
    """
    boards = out / "dashboards" / "breakeven"
    receiver = alert_rules.CONTACT_POINT if webhook_variable else None
    documents = {
        out / "datasources" / "breakeven.yml": provision.datasource_file(datasource),
        out / "dashboards" / "breakeven.yml": provision.dashboards_file(dashboards_path or str(boards.absolute())),
        out / "alerting" / "rules.yml": provision.rules_file(paused=not alerts, receiver=receiver),
    }
    if webhook_variable:
        documents[out / "alerting" / "contact_point.yml"] = provision.contact_point_file(webhook_variable)
    texts = {path: provision.as_yaml(document) for path, document in documents.items()}
    texts |= {boards / f"{stem}.json": text_of(dashboard) for stem, dashboard in build(page_url).items()}
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)
