"""Brings data source, dashboards, rules and contact point into a Grafana. What others made there is left alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from breakeven_dashboards import alert_rules

from breakeven_collector.grafana import wanted
from breakeven_collector.grafana.connect import Api, GrafanaError, NotAllowed, NotThere, need_plugin, told


class Done(StrEnum):
    """What became of an object."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True)
class Told:
    """One object.

    Attributes:
        what: kind and name.
        done: what became of it; in a dry run, what would.
        why: where it failed.
    """

    what: str
    done: Done
    why: str = ""


@dataclass(frozen=True)
class Push:
    """What to bring.

    Attributes:
        folder: title of the folder, made where it is missing.
        datasource: the data source, as `wanted.datasource_of` makes it; None: there is one already.
        datasource_uid: its uid.
        webhook: of Slack; empty: no contact point, rules tell whom the policies say.
        alerts: True: rules are evaluated; False: they are paused; None: new ones are paused, others stay as they are.
        secrets: send password and webhook though nothing else changed: Grafana shows neither.
        dry_run: change nothing.
        page_url: address of Breakeven's page, for links.
    """

    folder: str
    datasource: dict[str, Any] | None
    datasource_uid: str
    webhook: str = ""
    alerts: bool | None = None
    secrets: bool = False
    dry_run: bool = False
    page_url: str = wanted.PAGE_URL

    def into(self, api: Api, url: str) -> Iterator[Told]:
        """Do it, one object after the other.

        Raises:
            GrafanaError: nothing can be done: no Grafana there, no plugin, the token is not taken, or no data source,
                which every query would miss.
        """
        need_plugin(api, url)
        pusher = _Pusher(self, api, url)
        if self.datasource is None:
            pusher.need_datasource()
        return pusher.run()


class _Pusher:
    def __init__(self, push: Push, api: Api, url: str) -> None:
        self._push, self._api, self._url = push, api, url
        self._folder = alert_rules.FOLDER_UID

    def need_datasource(self) -> None:
        uid = self._push.datasource_uid
        if self._get(lambda: self._api.datasource.get_datasource_by_uid(uid)) is None:
            raise NotThere(f"Grafana has no data source {uid!r}; make one with --datasource-url", 404)

    def run(self) -> Iterator[Told]:
        push = self._push
        yield self._one(f"folder {push.folder}", self._put_folder)
        if (source := push.datasource) is not None:
            yield self._one(f"data source {push.datasource_uid}", lambda: self._put_datasource(source))
        for uid, dashboard in wanted.dashboards(push.page_url, push.datasource_uid).items():
            yield self._one(f"dashboard {uid}", lambda uid=uid, made=dashboard: self._put_dashboard(uid, made))
        if push.webhook:
            yield self._one(f"message template {alert_rules.TEMPLATE}", self._put_template)
            yield self._one(f"contact point {alert_rules.CONTACT_POINT}", self._put_contact_point)
        for rule in wanted.rules(
            folder=self._folder,
            datasource=push.datasource_uid,
            receiver=alert_rules.CONTACT_POINT if push.webhook else None,
        ):
            yield self._one(f"alert rule {rule['uid']}", lambda rule=rule: self._put_rule(rule))
        yield self._one(f"alert group {alert_rules.GROUP}", self._put_interval)

    def _one(self, what: str, put: Callable[[], Done]) -> Told:
        try:
            with told(self._url, what):
                return Told(what, put())
        except NotAllowed:
            raise
        except GrafanaError as error:
            return Told(what, Done.FAILED, str(error).removeprefix(f"{what}: "))

    def _get(self, get: Callable[[], Any]) -> Any:
        """What is there; None where nothing is."""
        try:
            with told(self._url, "looking"):
                return get()
        except NotThere:
            return None

    def _write(self, done: Done, write: Callable[[], Any]) -> Done:
        if not self._push.dry_run:
            write()
        return done

    def _put_folder(self) -> Done:
        if self._get(lambda: self._api.folder.get_folder(self._folder)) is not None:
            return Done.UNCHANGED
        return self._write(Done.CREATED, lambda: self._api.folder.create_folder(self._push.folder, self._folder))

    def _put_datasource(self, source: dict[str, Any]) -> Done:
        uid = self._push.datasource_uid
        source = {**source, "uid": uid}
        there = self._get(lambda: self._api.datasource.get_datasource_by_uid(uid))
        if there is None:
            return self._write(Done.CREATED, lambda: self._api.datasource.create_datasource(source))
        plain = {name: value for name, value in source.items() if name != "secureJsonData"}
        has_password = bool(there.get("secureJsonFields", {}).get("password"))
        if wanted.covers(there, plain) and has_password and not self._push.secrets:
            return Done.UNCHANGED
        return self._write(Done.UPDATED, lambda: self._api.datasource.update_datasource_by_uid(uid, source))

    def _put_dashboard(self, uid: str, dashboard: dict[str, Any]) -> Done:
        there = self._get(lambda: self._api.dashboard.get_dashboard(uid))
        # The number in Grafana's database is Grafana's own, and so is the version, which says whose change comes last.
        made = {name: value for name, value in dashboard.items() if name not in ("id", "version")}
        body = {"folderUid": self._folder, "overwrite": False, "message": "breakeven grafana push"}
        if there is None:
            return self._write(
                Done.CREATED, lambda: self._api.dashboard.update_dashboard({**body, "dashboard": {**made, "id": None}})
            )
        if there["meta"].get("provisioned"):
            raise GrafanaError("it is provisioned from a file, and changes there only")
        if wanted.covers(there["dashboard"], made) and there["meta"].get("folderUid") == self._folder:
            return Done.UNCHANGED
        known = {name: there["dashboard"].get(name) for name in ("id", "version")}
        return self._write(
            Done.UPDATED, lambda: self._api.dashboard.update_dashboard({**body, "dashboard": {**made, **known}})
        )

    def _put_template(self) -> Done:
        name, text = alert_rules.TEMPLATE, alert_rules.template()
        api = self._api.alertingprovisioning
        there = self._get(lambda: api.get_template(name))
        if there is not None and there.get("template", "").strip() == text.strip():
            return Done.UNCHANGED
        done = Done.CREATED if there is None else Done.UPDATED
        document = {"template": text, **({"version": there["version"]} if there and there.get("version") else {})}
        return self._write(done, lambda: api.create_or_update_template(name, document, disable_provenance=True))

    def _put_contact_point(self) -> Done:
        name = alert_rules.CONTACT_POINT
        point: dict[str, Any] = {"name": name, **alert_rules.contact_point(self._push.webhook)}
        api = self._api.alertingprovisioning
        found = api.get_contactpoints(name)
        there = next((one for one in found if one["uid"] == point["uid"]), None)
        if there is None:
            if any(one["name"] == name for one in found):
                raise GrafanaError("there is one of this name that is not ours; rename it")
            return self._write(Done.CREATED, lambda: api.create_contactpoint(point, disable_provenance=True))
        shown = {**point, "settings": {k: v for k, v in point["settings"].items() if k != "url"}}
        if wanted.covers(there, shown) and not self._push.secrets:
            return Done.UNCHANGED
        return self._write(
            Done.UPDATED, lambda: api.update_contactpoint(str(point["uid"]), point, disable_provenance=True)
        )

    def _put_rule(self, rule: dict[str, Any]) -> Done:
        api = self._api.alertingprovisioning
        there = self._get(lambda: api.get_alertrule(rule["uid"]))
        paused = (there["isPaused"] if there else True) if self._push.alerts is None else not self._push.alerts
        rule = {**rule, "isPaused": paused}
        if there is None:
            return self._write(Done.CREATED, lambda: api.create_alertrule(rule, disable_provenance=True))
        if "notification_settings" not in rule and there.get("notification_settings"):
            # Whom it tells was chosen there.
            rule["notification_settings"] = there["notification_settings"]
        if wanted.covers(there, rule):
            return Done.UNCHANGED
        return self._write(Done.UPDATED, lambda: api.update_alertrule(rule["uid"], rule, disable_provenance=True))

    def _put_interval(self) -> Done:
        api, seconds = self._api.alertingprovisioning, alert_rules.INTERVAL_SECONDS
        group = self._get(lambda: api.get_rule_group(self._folder, alert_rules.GROUP))
        if group is None:
            if self._push.dry_run:
                return Done.CREATED
            raise NotThere("none of its rules could be made", 404)
        if group["interval"] == seconds:
            return Done.UNCHANGED
        return self._write(
            Done.UPDATED,
            # With the rules that are in it, of whomever: the whole group is put.
            lambda: api.update_rule_group(
                self._folder, alert_rules.GROUP, {**group, "interval": seconds}, disable_provenance=True
            ),
        )
