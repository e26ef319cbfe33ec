"""Which calls are made: the features' shapes, played with a seeded dice."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Final, NamedTuple

from breakeven_collector.demo.clients import ANSWERED, ANTHROPIC, FAILURES, WITHOUT_USAGE, Outcome
from breakeven_collector.demo.shapes import DOUBLY_INSTRUMENTED, FEATURES, WITHOUT_SDK, Feature, Step

HOUR_NS: Final = 3_600_000_000_000
OUTER_NS: Final = 1_000_000
"""How much earlier a second instrumentation's span starts, and later it ends."""
LOST: Final = 12
"""Spans that got a number and never arrived."""
_STAGING_SHARE: Final = 0.04
_DEPLOYS_EVERY_HOURS: Final = 7 * 24
_TENANTS: Final = 40
_USERS_OF_LARGEST: Final = 400
_FAILED_SHARE: Final = sum(failure.share for failure in FAILURES)


@dataclass(frozen=True, eq=False)
class Person:
    """A user of a tenant."""

    tenant: str
    user: str


@dataclass(frozen=True, eq=False)
class Process:
    """One process of a service, from one deploy to the next."""

    service: str
    environment: str
    instance: str
    source: str
    """Of its running numbers."""
    twice: bool
    """Whether its Anthropic calls are reported by two instrumentations."""


class Call(NamedTuple):
    """One call to a provider. Calls compare by when they ended."""

    end_ns: int
    span_id: bytes
    start_ns: int
    trace_id: bytes
    parent_id: bytes
    run: bytes
    feature: Feature
    step: Step
    outcome: Outcome
    process: Process
    person: Person
    session: bytes
    outer_id: bytes
    """Span of the second instrumentation, around this one; empty: there is none."""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    lost_before: int = 0
    """Spans of the same process that ended just before this one and never arrived."""


def load(feature: Feature, hour: int, hours_before_end: float) -> float:
    """Runs of a feature expected in an hour, given in hours since 1970."""
    if not feature.has_begun(hours_before_end):
        return 0.0
    weekday, hour_of_day = (hour // 24 + 3) % 7, hour % 24
    growth = (1 + feature.growth) ** (-hours_before_end / 24)
    return feature.runs_a_day / 24 * feature.rhythm.weights[weekday * 24 + hour_of_day] * growth


class Plan:
    """All calls of a window of time, in the order in which they end. Iterating again gives the same ones."""

    def __init__(self, start_ns: int, end_ns: int, seed: int) -> None:
        self._start_ns = start_ns
        self._end_ns = end_ns
        self._seed = seed
        self._hours = range(start_ns // HOUR_NS, -(-end_ns // HOUR_NS))
        random = Random(f"company {seed}")
        self.people = _people(random)
        self.tester = Person("sandbox", "u-test")
        self._deploys = len(self._hours) // _DEPLOYS_EVERY_HOURS + 1
        self._processes = {
            service: [_processes(random, service) for _ in range(self._deploys)]
            for service in dict.fromkeys(feature.service for feature in FEATURES)
        }

    @property
    def processes(self) -> list[Process]:
        """All processes there are."""
        return [p for deploys in self._processes.values() for processes in deploys for p in processes]

    def estimate(self) -> int:
        """About how many spans there are."""
        total = 0.0
        for hour in self._hours:
            start = max(hour * HOUR_NS, self._start_ns)
            inside = (min((hour + 1) * HOUR_NS, self._end_ns) - start) / HOUR_NS
            for feature in FEATURES:
                spans = sum(step.times * _spans_a_call(feature, step) for step in feature.steps)
                total += inside * spans * load(feature, hour, self._hours.stop - hour)
        return round(total)

    def __iter__(self) -> Iterator[Call]:
        random = Random(self._seed)
        # Not drawn from the last fifth: there are fewer calls than spans, and an estimate may be a little too high.
        losses = set(random.sample(range(self.estimate() * 4 // 5 + LOST), LOST))
        lost = 0
        for number, call in enumerate(self._calls(random)):
            lost += number in losses
            if lost and call.process.service != WITHOUT_SDK:
                yield call._replace(lost_before=lost)
                lost = 0
            else:
                yield call

    def _calls(self, random: Random) -> Iterator[Call]:
        waiting: list[Call] = []
        owed = [0.0] * len(FEATURES)
        for hour in self._hours:
            for index, feature in enumerate(FEATURES):
                if not feature.has_begun(self._hours.stop - hour):
                    continue
                expected = load(feature, hour, self._hours.stop - hour) / max(feature.turns, 1)
                owed[index] += max(0.0, expected * random.gauss(1.0, 0.15))
                for _ in range(int(owed[index])):
                    self._visit(random, feature, hour, waiting)
                owed[index] %= 1
            # What is begun in later hours ends later than this.
            waiting.sort()
            edge = min((hour + 1) * HOUR_NS, self._end_ns - OUTER_NS)
            done = 0
            while done < len(waiting) and waiting[done].end_ns < edge:
                if waiting[done].start_ns > self._start_ns + OUTER_NS:
                    yield waiting[done]
                done += 1
            del waiting[:done]

    def _visit(self, random: Random, feature: Feature, hour: int, calls: list[Call]) -> None:
        """A run, or the runs of a session."""
        deploy = (hour - self._hours.start) // _DEPLOYS_EVERY_HOURS
        first, second, staging = self._processes[feature.service][deploy]
        dice = random.random()
        if dice < _STAGING_SHARE:
            process, person = staging, self.tester
        else:
            process = second if dice < 0.5 else first
            # A tenant's share of the calls is its share of the users.
            person = self.people[int(random.random() * len(self.people))]
        now = hour * HOUR_NS + int(random.random() * HOUR_NS)
        session = random.randbytes(8).hex().encode() if feature.turns else b""
        for _ in range(feature.turns or 1):
            now = self._run(random, feature, process, person, session, now, calls)
            now += int((20 + 120 * random.random()) * 1e9)

    def _run(
        self,
        random: Random,
        feature: Feature,
        process: Process,
        person: Person,
        session: bytes,
        now: int,
        calls: list[Call],
    ) -> int:
        ids = random.randbytes(32)
        trace_id, root_id, run = ids[:16], ids[16:24], ids[24:].hex().encode()
        for step in feature.steps:
            times = int(step.times)
            if step.times > times:
                times += random.random() < step.times - times
            for _ in range(times):
                dice = random.random()
                outcome = ANSWERED
                tokens = (0, 0, 0, 0, 0)
                outer_id = b""
                if dice < _FAILED_SHARE:
                    outcome = _failure(dice)
                    seconds = outcome.seconds
                else:
                    tokens = draw_tokens(random, step, dice)
                    seconds = (0.35 + 4e-6 * tokens[0] + 0.008 * tokens[1]) * (0.7 + 0.6 * dice)
                    if dice > 1 - step.without_usage:
                        outcome, tokens = WITHOUT_USAGE, (0, 0, 0, 0, 0)
                    elif process.twice and step.client is ANTHROPIC:
                        outer_id = random.randbytes(8)
                end = now + int(seconds * 1e9)
                span_id = random.randbytes(8)
                calls.append(
                    Call(
                        end, span_id, now, trace_id, root_id, run, feature, step, outcome, process, person, session,
                        outer_id, *tokens,
                    )
                )  # fmt: skip
                now = end + 5 * OUTER_NS
        return now


def draw_tokens(random: Random, step: Step, dice: float) -> tuple[int, int, int, int, int]:
    """Input, output, read from the cache, written to it, reasoning."""
    input_tokens = step.input_tokens(random.gauss(0.0, 1.0))
    output_tokens = step.output_tokens(random.gauss(0.0, 1.0))
    return (
        input_tokens,
        output_tokens,
        # A cached prefix grows in blocks of 128 tokens; how much of it still holds varies.
        int(input_tokens * step.cached * (0.9 + 0.2 * dice)) & ~127,
        int(input_tokens * step.written),
        int(output_tokens * step.reasoning),
    )


def _spans_a_call(feature: Feature, step: Step) -> float:
    twice = feature.service == DOUBLY_INSTRUMENTED and step.client is ANTHROPIC
    return 1 + (0.5 - _STAGING_SHARE) * twice


def _failure(dice: float) -> Outcome:
    for failure in FAILURES:
        if dice < failure.share:
            return failure
        dice -= failure.share
    return FAILURES[-1]


def _people(random: Random) -> list[Person]:
    """Users of 40 tenants; the n-th largest has an n-th of the users of the largest (Zipf's law)."""
    first = ("north", "blue", "iron", "silver", "quick", "bright", "red", "open")
    second = ("harbor", "field", "works", "labs", "trade")
    names = [f"{a}-{b}" for a, b in product(first, second)]
    random.shuffle(names)
    return [
        Person(name, f"u-{rank:02}{user:03}")
        for rank, name in enumerate(names[:_TENANTS], start=1)
        for user in range(max(3, _USERS_OF_LARGEST // rank))
    ]


def _processes(random: Random, service: str) -> tuple[Process, Process, Process]:
    def process(environment: str, number: int) -> Process:
        return Process(
            service,
            environment,
            f"{service}-{number}-{random.randbytes(4).hex()}",
            random.randbytes(8).hex(),
            twice=service == DOUBLY_INSTRUMENTED and number == 1,
        )

    return process("production", 0), process("production", 1), process("staging", 2)
