"""Delivery by several collectors, by some that die, and by one that stops: each event once."""

import threading
from dataclasses import replace
from datetime import timedelta
from random import Random

from breakeven_collector.alerts.delivery import Delivery
from breakeven_collector.alerts.events import Change, Event
from breakeven_collector.alerts.outbox import Outbox

from tests.alerts.delivery_desk import MINUTE, Desk
from tests.alerts.slack_server import pings
from tests.alerts.things_to_tell import NOW


def test_of_two_collectors_one_sends(desk: Desk) -> None:
    desk.tell(desk.event("a"), desk.event("b", owner="x"))
    one, other = Outbox(desk.store), Outbox(desk.store)
    name = desk.hook.name
    turns = [outbox.next_turn(name, NOW) for outbox in (one, other)]
    due = [d for d in one.due(name, NOW) if d.project == desk.project]
    assert turns == [1, 1]
    assert [outbox.claim(name, 1, due, NOW) for outbox in (one, other)] == [True, False]
    # Whoever comes now waits for the other to be done.
    desk.delivery(desk.hook).deliver(NOW + MINUTE)
    assert desk.slack.tries == 0


def test_many_collectors_at_once_tell_everything_once(desk: Desk) -> None:
    names = [f"e{n}" for n in range(6)]
    desk.tell(*(desk.event(name, owner=name) for name in names))
    failures: list[BaseException] = []

    def run() -> None:
        try:
            delivery = desk.delivery(desk.hook)
            for minutes in range(6):
                delivery.deliver(NOW + timedelta(seconds=minutes))
        except BaseException as error:  # noqa: BLE001  # it is told below
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(desk.told) == [f"Break-even crossed: {name} rose" for name in names]


def test_who_dies_between_claim_and_record_is_waited_for_and_then_the_message_is_sent(desk: Desk) -> None:
    desk.tell(desk.event("a"))
    dead = Outbox(desk.store)
    due = [d for d in dead.due(desk.hook.name, NOW) if d.project == desk.project]
    assert dead.claim(desk.hook.name, 1, due, NOW)
    desk.delivery(desk.hook).deliver(NOW + timedelta(seconds=100))
    assert desk.slack.tries == 0
    desk.delivery(desk.hook).deliver(NOW + timedelta(seconds=130))
    assert desk.steps(desk.hook) == [("a", "sent", 2, "")]


def test_sixty_days_with_outages_restarts_and_two_collectors_tell_each_thing_once(desk: Desk) -> None:
    random = Random(11)
    faults = (
        lambda: desk.slack.rate_limit(random.randint(1, 600)),
        lambda: desk.slack.answer(503),
        lambda: desk.slack.answer(200, "internal_error"),
    )
    collectors = [desk.delivery(desk.bot), desk.delivery(desk.bot)]
    wanted: list[str] = []
    firing: list[Event] = []
    for day in range(60):
        at = NOW + timedelta(days=day)
        told = [desk.event(f"e{day}.{n}", usd=n, at=at, since=at) for n in range(random.choice((0, 0, 0, 0, 5, 9)))]
        over = [firing.pop() for _ in range(min(len(firing), random.choice((0, 0, 0, 6))))]
        told += [replace(one, id=f"{one.id}.over", change=Change.RESOLVED, at=at) for one in over]
        firing += [one for one in told if one.change is Change.FIRING]
        told = [replace(one, headline=f"{one.id.removeprefix(desk.project)} happened") for one in told]
        desk.tell(*told, kept_at=at)
        wanted += [one.headline for one in told]
        is_killed = random.random() < 0.2
        for _ in range(random.randint(0, 1 if is_killed else 2)):
            random.choice(faults)()
        if is_killed:
            # Before it sent.
            dead = Outbox(desk.store)
            turn = dead.next_turn(desk.bot.name, at)
            due = [one for one in dead.due(desk.bot.name, at) if one.project == desk.project]
            if turn and due:
                dead.claim(desk.bot.name, turn, due[:2], at)
        # Each day leaves time for as many tries as it has disturbances.
        for minutes in (0, 30, 90) if told else ():
            if random.random() < 0.2:
                collectors[random.randint(0, 1)] = desk.delivery(desk.bot)
            for collector in random.sample(collectors, 1 if minutes else 2):
                collector.deliver(at + minutes * MINUTE)
        desk.slack.to_come.clear()
    heard = [text for one in desk.slack.received for text in one.whole.splitlines()]
    counts = [sum(headline in line for line in heard) for headline in wanted]
    assert len(wanted) > 100
    assert [(headline, count) for headline, count in zip(wanted, counts, strict=True) if count != 1] == []
    assert {step[1] for step in desk.steps(desk.bot)} == {"sent"}
    assert [why for one in desk.slack.received for why in pings(one)] == []
    assert desk.slack.refused == []


def test_nothing_is_sent_once_the_collector_stops(desk: Desk) -> None:
    desk.tell(*(desk.event(f"e{n}", owner=str(n)) for n in range(3)))
    stop = threading.Event()
    delivery = Delivery(desk.store, [desk.hook], sleep=lambda _: stop.set(), stop=stop)
    delivery.deliver(NOW)
    assert desk.slack.tries == 1
    desk.delivery(desk.hook).deliver(NOW + MINUTE)
    assert len(desk.slack.received) == 3
