"""Alert rules for Grafana, one `sql/alerts/*.sql` a rule, and the files that provision them.

A rule's query is a table with one numeric column; its other columns are texts and name the instance. All rows come
back, and the threshold decides: a row that vanished would leave its instance to be found missing instead of resolved.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from breakeven_dashboards.datasource import TYPE, UID, target

FOLDER: Final = "Breakeven"
FOLDER_UID: Final = "breakeven"
GROUP: Final = "breakeven"
INTERVAL_SECONDS: Final = 300
CONTACT_POINT: Final = "breakeven-slack"
WEBHOOK_VARIABLE: Final = "BREAKEVEN_GRAFANA_SLACK_WEBHOOK"
"""Environment variable of Grafana with the webhook; it must not be empty, see docs/grafana.md."""
TEMPLATE: Final = "breakeven"

_TEMPLATE_TEXT: Final = """\
{{ define "breakeven.title" -}}
{{ if eq .Status "firing" }}{{ len .Alerts.Firing }} firing{{ else }}resolved{{ end }}: {{ .CommonLabels.alertname }}
{{- end }}
{{ define "breakeven.text" -}}
{{ range .Alerts -}}
{{ if eq .Status "resolved" }}Resolved: {{ end }}{{ .Annotations.summary }}
{{- if .DashboardURL }} <{{ .DashboardURL }}|Dashboard>{{ end }}
{{ end -}}
{{- end }}
"""


@dataclass(frozen=True)
class Rule:
    """One rule; the query gives an instance a row, and an instance fires while its number is above `above`.

    Attributes:
        name: of the rule's file, and in its uid.
        title: what people read.
        summary: a sentence, in Grafana's template language.
        above: the threshold, in the unit of the query's number.
        dashboard: uid of the dashboard that shows more.
        panel: title of the panel in it.
        lasts: how long it has to be so, as Grafana writes it.
        tells_errors: it fires when its query fails, too.
    """

    name: str
    title: str
    summary: str
    above: float
    dashboard: str
    panel: str
    lasts: str = "0s"
    tells_errors: bool = False

    @property
    def uid(self) -> str:
        """At most 40 characters of A-Z a-z 0-9 _ -."""
        return f"breakeven_{self.name}"

    @property
    def sql(self) -> str:
        """Its query."""
        return (files("breakeven_dashboards") / "sql" / "alerts" / f"{self.name}.sql").read_text(encoding="utf-8")


RULES: Final = (
    Rule(
        "above_threshold",
        "A feature is above its own break-even",
        '{{ $labels.feature }}: the last 30 days cost {{ printf "%.0f" $values.A.Value }} USD more than its '
        "break-even. `breakeven decide` says what follows.",
        0,
        "breakeven-threshold",
        "Spend of 30 days against the break-even",
    ),
    Rule(
        "forecast_over_budget",
        "The month's end may exceed the budget",
        '{{ $labels.feature }}: the 90th percentile of the month\'s end is {{ printf "%.0f" $values.A.Value }} USD '
        "over the budget.",
        0,
        "breakeven-threshold",
        "Month's end against the budget",
    ),
    Rule(
        "lag",
        "The bill is behind",
        'Collector {{ $labels.collector }}: what came {{ printf "%.0f" $values.A.Value }} seconds ago is not in the '
        "bill yet. Nothing is lost.",
        300,
        "breakeven-pipeline",
        "Lag",
        lasts="5m",
    ),
    Rule(
        "no_collector",
        "No collector writes",
        'No collector has written its figures for {{ printf "%.0f" $values.A.Value }} seconds.',
        600,
        "breakeven-pipeline",
        "Collectors",
        tells_errors=True,
    ),
    Rule(
        "no_calls",
        "No calls come in",
        'Project {{ $labels.project }}: the newest call began {{ printf "%.0f" $values.A.Value }} hours ago.',
        24,
        "breakeven-pipeline",
        "Spans received and landed",
    ),
    Rule(
        "unpriced",
        "Calls without a price",
        "Project {{ $labels.project }}: {{ humanizePercentage $values.A.Value }} of today's and yesterday's calls "
        "have a model or a kind of usage without a price. `breakeven prices` sets one.",
        0.02,
        "breakeven-pipeline",
        "Unpriced models and meters",
    ),
)
"""All rules."""


def contact_point(url: str) -> dict[str, Any]:
    """The receiver of the contact point `CONTACT_POINT`, as file and API take it; `url` is the webhook's."""
    return {
        "uid": "breakeven_slack",
        "type": "slack",
        "settings": {
            "url": url,
            "title": '{{ template "breakeven.title" . }}',
            "text": '{{ template "breakeven.text" . }}',
        },
    }


def template() -> str:
    """What a message says."""
    return _TEMPLATE_TEXT


def rule_document(
    rule: Rule, *, paused: bool, receiver: str | None, panel: int, datasource: str = UID
) -> dict[str, Any]:
    """A rule as a provisioning file has it. `$` is in its summary alone, where Grafana's files take it as it stands.

    Args:
        rule: the rule.
        paused: it stands there and is not evaluated.
        receiver: contact point that hears of it, past the tree of policies; None: as the policies say.
        panel: number of the panel that it links to.
        datasource: uid of the data source.
    """
    expression = {"type": "__expr__", "uid": "__expr__"}
    return {
        "uid": rule.uid,
        "title": rule.title,
        "condition": "C",
        "for": rule.lasts,
        # An empty store has nothing to tell.
        "noDataState": "OK",
        # A store that is away is told by one rule, not by all.
        "execErrState": "Error" if rule.tells_errors else "KeepLast",
        "isPaused": paused,
        "dashboardUid": rule.dashboard,
        "panelId": panel,
        "labels": {"severity": "warning"},
        "annotations": {"summary": rule.summary},
        **(
            {
                "notification_settings": {
                    "receiver": receiver,
                    "group_by": ["grafana_folder", "alertname"],
                    "repeat_interval": "24h",
                }
            }
            if receiver
            else {}
        ),
        "data": [
            {
                "refId": "A",
                "datasourceUid": datasource,
                "relativeTimeRange": {"from": 86_400, "to": 0},
                "model": {**target(rule.sql, "table"), "datasource": {"type": TYPE, "uid": datasource}},
            },
            {
                "refId": "C",
                "datasourceUid": "__expr__",
                "relativeTimeRange": {"from": 86_400, "to": 0},
                "model": {
                    "refId": "C",
                    "type": "threshold",
                    "datasource": expression,
                    "expression": "A",
                    "conditions": [{"evaluator": {"type": "gt", "params": [rule.above]}}],
                },
            },
        ],
    }
