"""What tests of delivery work with: a project's events, channels of its own, and one Slack."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from breakeven_collector.alerts.channels import Channel, Kind
from breakeven_collector.alerts.delivery import Delivery
from breakeven_collector.alerts.events import Digest, Event
from breakeven_collector.alerts.messages import Links
from breakeven_collector.alerts.outbox import list_deliveries
from breakeven_collector.store import Store
from pydantic import SecretStr

from tests.alerts.slack_server import TOKEN, Slack
from tests.alerts.things_to_tell import CROSSED, NOW, tell

LINKS = Links("https://breakeven.example.com")
MINUTE = timedelta(minutes=1)


class Desk:
    """One project's events, two channels of its own, and one Slack."""

    def __init__(self, store: Store, slack: Slack, project: str) -> None:
        self.store, self.slack, self.project = store, slack, project
        self.slept: list[float] = []
        self.hook = Channel(f"hook-{project}", Kind.SLACK_WEBHOOK, SecretStr(slack.webhook_url), projects=(project,))
        self.bot = Channel(
            f"bot-{project}",
            Kind.SLACK_BOT,
            SecretStr(TOKEN),
            post_to="#costs",
            api_url=slack.api_url,
            projects=(project,),
        )

    def event(self, id: str, **changes: Any) -> Event:
        if "usd" in changes:
            changes["figure"] = replace(CROSSED.figure, usd=float(changes.pop("usd")))
        changes = {"subject": id, "headline": f"{id} rose", "owner": "", **changes}
        return replace(CROSSED, id=f"{self.project}-{id}", project=self.project, **changes)

    def tell(self, *things: Event | Digest, kept_at: datetime = NOW) -> None:
        tell(self.store, *things, kept_at=kept_at)

    def delivery(self, *channels: Channel) -> Delivery:
        """Of another process, as far as the store can see."""
        return Delivery(self.store, channels, links=LINKS, sleep=self.slept.append)

    def steps(self, channel: Channel) -> list[tuple[str, str, int, str]]:
        """What became of each event, by its id."""
        rows = list_deliveries(self.store, self.project, 1000)
        return sorted(
            (row["event_id"].removeprefix(f"{self.project}-"), row["state"], row["tries"], row["error"])
            for row in rows
            if row["channel"] == channel.name
        )

    @property
    def told(self) -> list[str]:
        """First line of each message that Slack took."""
        return [one.text.splitlines()[0] for one in self.slack.received]
