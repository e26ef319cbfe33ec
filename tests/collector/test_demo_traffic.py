"""The demo's traffic: the same every time, readable by protobuf's own parser, and with the story that it is to tell."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from breakeven import attributes as a
from breakeven_collector.demo import Counted, Expected, Traffic, encode
from breakeven_collector.demo.clients import ANSWERED, ANTHROPIC_AGAIN, WITHOUT_USAGE
from breakeven_collector.demo.plan import Call, Plan
from breakeven_collector.demo.shapes import CODING_HOURS, CONVERSATION_HOURS, FEATURES, NIGHT, WITHOUT_SDK
from breakeven_collector.prices import BUCKETS, Book, Row
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

END = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
DAYS = 8
DAY = timedelta(days=1)
Dollars = defaultdict[int, defaultdict[str | None, Decimal]]


@dataclass
class Seen:
    """A span as protobuf's parser reads it."""

    resource: dict[str, Any]
    scope: str
    span: Span
    attributes: dict[str, Any]

    @property
    def feature(self) -> str | None:
        return self.attributes.get(a.FEATURE) or self.attributes.get("gen_ai.agent.name")


def values(attributes: Sequence[KeyValue]) -> dict[str, Any]:
    read = {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in attributes}
    assert len(read) == len(attributes), "a name twice"
    return read


def parse(bodies: Sequence[tuple[bytes, int]]) -> Iterator[Seen]:
    for body, count in bodies:
        request = ExportTraceServiceRequest.FromString(body)
        # Nothing is lost, and every length and number is written the one way that protobuf itself writes it.
        assert request.ByteSize() == len(body)
        spans = 0
        for of_process in request.resource_spans:
            resource = values(of_process.resource.attributes)
            for of_scope in of_process.scope_spans:
                spans += len(of_scope.spans)
                for span in of_scope.spans:
                    yield Seen(resource, of_scope.scope.name, span, values(span.attributes))
        assert spans == count


@pytest.fixture(scope="module")
def bodies() -> list[tuple[bytes, int]]:
    return list(Traffic(DAYS, end=END).requests())


@pytest.fixture(scope="module")
def seen(bodies: list[tuple[bytes, int]]) -> list[Seen]:
    return list(parse(bodies))


def plan_of(days: int) -> Plan:
    return Plan(int((END - days * DAY).timestamp()) * 10**9, int(END.timestamp()) * 10**9, 7)


@pytest.fixture(scope="module")
def sixty_days() -> list[Call]:
    return list(plan_of(60))


def test_same_seed_and_end_give_the_same_bytes(bodies: list[tuple[bytes, int]]) -> None:
    traffic = Traffic(DAYS, 7, end=END.astimezone())
    assert list(traffic.requests()) == bodies
    assert list(traffic.requests()) == bodies


def test_another_seed_gives_other_bytes_of_about_the_same_number() -> None:
    first, second = Traffic(3, 1, end=END), Traffic(3, 2, end=END)
    assert next(first.requests())[0] != next(second.requests())[0]
    assert first.expected().spans == pytest.approx(second.expected().spans, rel=0.05)


@pytest.mark.parametrize(("days", "end"), [(60, END.replace(tzinfo=None)), (0, END)])
def test_a_window_without_zone_or_length_is_refused(days: int, end: datetime) -> None:
    with pytest.raises(ValueError, match=r"`(days|end)`"):
        Traffic(days, end=end)


def test_parser_reads_what_was_planned(seen: list[Seen]) -> None:
    by_id = {found.span.span_id: found for found in seen}
    for call in plan_of(DAYS):
        found = by_id.pop(call.span_id)
        span, attributes = found.span, found.attributes
        assert (span.trace_id, span.start_time_unix_nano, span.end_time_unix_nano, span.kind, span.flags) == (
            call.trace_id,
            call.start_ns,
            call.end_ns,
            Span.SPAN_KIND_CLIENT,
            256,
        )
        assert span.parent_span_id == (call.outer_id or call.parent_id)
        assert (span.status.code == Status.STATUS_CODE_ERROR) is bool(call.outcome.error_type)
        assert found.scope == call.step.client.scope
        assert found.resource["service.name"] == call.feature.service
        assert found.resource["service.instance.id"] == call.process.instance
        assert attributes[a.PROVIDER] == call.step.client.provider
        assert attributes[a.REQUEST_MODEL] == call.step.model
        assert attributes.get(a.TASK, "") == call.step.task
        assert attributes.get(a.FEATURE) == (call.feature.name if call.feature.declared else None)
        assert attributes.get(a.TENANT) == (call.person.tenant if call.feature.declared else None)
        assert attributes.get(a.USER) == (call.person.user if call.feature.declared else None)
        assert attributes.get(a.SESSION, "") == call.session.decode()
        assert attributes.get(a.ERROR_TYPE, "") == call.outcome.error_type
        assert (a.INPUT_TOKENS in attributes) is (call.outcome is ANSWERED)
        assert (
            attributes.get(a.INPUT_TOKENS, 0),
            attributes.get(a.OUTPUT_TOKENS, 0),
            attributes.get(a.CACHE_READ_TOKENS, 0),
            attributes.get(a.CACHE_WRITE_TOKENS, 0),
            attributes.get(a.CACHE_WRITE_1H_TOKENS, 0),
            attributes.get(a.REASONING_TOKENS, 0),
        ) == (
            call.input_tokens,
            call.output_tokens,
            call.cache_read_tokens,
            call.cache_write_tokens,
            call.cache_write_tokens,
            call.reasoning_tokens,
        )
    assert {found.scope for found in by_id.values()} == {ANTHROPIC_AGAIN.scope}, "what is left are doubles"


def test_expected_is_what_a_recount_of_the_bodies_gives(seen: list[Seen]) -> None:
    recount = Expected(spans=len(seen))
    numbers: dict[str, list[int]] = defaultdict(list)
    for found in seen:
        attributes = found.attributes
        if a.SEQ in attributes:
            numbers[attributes[a.SEQ_SOURCE]].append(attributes[a.SEQ])
        if found.scope == ANTHROPIC_AGAIN.scope:
            recount.doubles += 1
            continue
        silent = a.INPUT_TOKENS not in attributes and a.ERROR_TYPE not in attributes
        recount.without_usage += silent
        counted = recount.features.setdefault(found.feature, Counted())
        counted.calls += 1
        counted.failed += a.ERROR_TYPE in attributes
        counted.without_usage += silent
        counted.input_tokens += attributes.get(a.INPUT_TOKENS, 0)
        counted.output_tokens += attributes.get(a.OUTPUT_TOKENS, 0)
        counted.cache_read_tokens += attributes.get(a.CACHE_READ_TOKENS, 0)
        counted.cache_write_tokens += attributes.get(a.CACHE_WRITE_TOKENS, 0)
        counted.reasoning_tokens += attributes.get(a.REASONING_TOKENS, 0)
        counted.web_searches += attributes.get(a.METER_PREFIX + "web_search", 0)
    recount.lost = sum(max(of_source) - len(set(of_source)) for of_source in numbers.values())
    assert recount == Traffic(DAYS, end=END).expected()
    assert recount.lost == 12
    assert recount.doubles > 0
    assert recount.features[None].calls > 0


def test_numbers_of_a_process_rise_and_never_repeat(seen: list[Seen]) -> None:
    last: Counter[str] = Counter()
    for found in sorted(seen, key=lambda found: found.attributes.get(a.SEQ, 0)):
        if found.resource["service.name"] == WITHOUT_SDK:
            assert a.SEQ not in found.attributes
            continue
        source, number = found.attributes[a.SEQ_SOURCE], found.attributes[a.SEQ]
        assert number > last[source]
        last[source] = number
    assert len(last) > 12, "processes come and go"


def test_both_spans_of_a_double_share_trace_and_response_and_one_is_inside_the_other(seen: list[Seen]) -> None:
    by_id = {found.span.span_id: found for found in seen}
    assert len(by_id) == len(seen)
    inner = [found for found in seen if found.span.parent_span_id in by_id]
    assert len(inner) == sum(found.scope == ANTHROPIC_AGAIN.scope for found in seen)
    for found in inner:
        outer = by_id[found.span.parent_span_id]
        assert outer.span.trace_id == found.span.trace_id
        assert outer.span.start_time_unix_nano < found.span.start_time_unix_nano
        assert outer.span.end_time_unix_nano > found.span.end_time_unix_nano
        for name in (a.RESPONSE_ID, a.FEATURE, a.INPUT_TOKENS, a.OUTPUT_TOKENS):
            assert outer.attributes[name] == found.attributes[name]


def test_a_response_id_belongs_to_one_call(seen: list[Seen]) -> None:
    ids = Counter((found.scope, found.attributes.get(a.RESPONSE_ID, found.span.span_id)) for found in seen)
    assert max(ids.values()) == 1


def test_no_subset_of_tokens_exceeds_its_total(sixty_days: list[Call]) -> None:
    for call in sixty_days:
        assert call.cache_read_tokens + call.cache_write_tokens <= call.input_tokens
        assert call.reasoning_tokens <= call.output_tokens


def test_all_spans_lie_in_the_window_and_bodies_come_oldest_first(bodies: list[tuple[bytes, int]]) -> None:
    start, end = (int(moment.timestamp()) * 10**9 for moment in (END - DAYS * DAY, END))
    spans = [[found.span for found in parse([body])] for body in bodies]
    for body in spans:
        assert all(start <= span.start_time_unix_nano < span.end_time_unix_nano <= end for span in body)
    tolerance = 10**9
    for earlier, later in pairwise(spans):
        assert (
            max(span.end_time_unix_nano for span in earlier)
            <= min(span.end_time_unix_nano for span in later) + tolerance
        )
    assert all(1_000 <= count <= 2_000 for _, count in bodies[:-1])


@pytest.mark.parametrize("days", [1, 8, 60])
def test_number_of_spans_is_about_known_before(days: int) -> None:
    traffic = Traffic(days, end=END)
    assert traffic.spans == pytest.approx(traffic.expected().spans, rel=0.03)


def test_every_model_but_one_is_in_the_price_book() -> None:
    book = Book()
    steps = [step for feature in FEATURES for step in feature.steps]
    unknown = {s.model for s in steps if book.resolve(s.client.provider, s.model, context(s.tier)).reason}
    assert unknown == {"acme-7b-ft"}
    batch = next(step for step in steps if step.tier)
    assert book.resolve(batch.client.provider, batch.model, context(batch.tier)).price_context == "processing=batch"


def test_contract_review_crosses_20000_dollars_a_month(sixty_days: list[Call]) -> None:
    daily = dollars_a_day(sixty_days)
    month = {day: sum(daily[day - back]["contract-review"] for back in range(30)) for day in range(30, 61)}
    assert all(month[day] < 20_000 for day in range(30, 46))
    assert 24_000 < month[60] < 27_000


def test_the_accident_is_one_day_whenever_the_window_ends() -> None:
    (feature,) = [one for one in FEATURES if one.had_accident]
    for end in range(490_000, 490_000 + 168):
        hours = [hour for hour in range(end - 60 * 24, end) if feature.has_accident(hour, end - hour)]
        assert hours == list(range(hours[0], hours[0] + 10))


def test_the_whole_bill_of_the_last_month_and_its_parts(sixty_days: list[Call]) -> None:
    daily = dollars_a_day(sixty_days)
    month = {f.name: sum((daily[day][f.name] for day in range(31, 61)), Decimal(0)) for f in FEATURES}
    total = sum(month.values())
    assert 45_000 < total < 60_000
    assert 0.02 < month[None] / total < 0.04
    assert max(month, key=lambda name: month[name]) == "contract-review"
    assert month["code-assistant"] > 10_000
    assert month["changelog-writer"] < 50
    first = min(day for day in range(1, 61) if daily[day]["invoice-intake"])
    assert (first, 0 < month["invoice-intake"] < 200) == (49, True)


def test_imperfections_are_there_and_small(sixty_days: list[Call]) -> None:
    assert 150_000 < len(sixty_days) < 210_000
    assert 0.008 < sum(call.outcome is WITHOUT_USAGE for call in sixty_days) / len(sixty_days) < 0.012
    errors = Counter(call.outcome.error_type for call in sixty_days)
    assert {"", "RateLimitError", "APITimeoutError", "InternalServerError"} == set(errors)
    assert errors[""] > 0.985 * len(sixty_days)
    assert 10 < sum(call.step.model == "acme-7b-ft" for call in sixty_days) < 300
    assert 0.02 < sum(call.process.environment == "staging" for call in sixty_days) / len(sixty_days) < 0.06
    assert sum(call.input_tokens > 272_000 for call in sixty_days if call.feature.name == "code-assistant") > 100
    assert {f.name for f in FEATURES if f.inferred} == Traffic(1, end=END).expected().inferred == {"meeting-notes"}


def test_triage_has_most_calls_and_most_of_its_input_from_the_cache(sixty_days: list[Call]) -> None:
    calls = Counter(call.feature.name for call in sixty_days)
    assert calls.most_common(1)[0][0] == "ticket-triage"
    triage = [call for call in sixty_days if call.feature.name == "ticket-triage"]
    share = sum(call.cache_read_tokens for call in triage) / sum(call.input_tokens for call in triage)
    assert 0.78 < share < 0.84


def test_few_tenants_make_most_of_the_calls(sixty_days: list[Call]) -> None:
    tenants = Counter(call.person.tenant for call in sixty_days if call.process.environment == "production")
    assert len(tenants) == 40
    assert 0.15 < tenants.most_common(1)[0][1] / tenants.total() < 0.35


@pytest.mark.parametrize(("rhythm", "peak"), [(CONVERSATION_HOURS, 1.67), (CODING_HOURS, 3.07)])
def test_the_busiest_hour_has_the_published_share(rhythm: Any, peak: float) -> None:
    assert sum(rhythm.weights) / 168 == pytest.approx(1)
    assert max(rhythm.weights) == pytest.approx(peak, rel=1e-6)
    assert min(rhythm.weights) >= 0


def test_the_batch_runs_at_night_only(sixty_days: list[Call]) -> None:
    hours = {moment(call).hour for call in sixty_days if call.feature.name == "nightly-enrichment"}
    assert hours <= {1, 2, 3}
    assert set(NIGHT.hours) == hours


@pytest.mark.parametrize(("feature", "share"), [("code-assistant", 0.20), ("support-chat", 0.45)])
def test_weekends_are_quiet(sixty_days: list[Call], feature: str, share: float) -> None:
    days = Counter(moment(call).date() for call in sixty_days if call.feature.name == feature)
    whole = {day: calls for day, calls in days.items() if END.date() - 60 * DAY < day < END.date()}
    weekend = [calls for day, calls in whole.items() if day.weekday() > 4]
    working = [calls for day, calls in whole.items() if day.weekday() < 5]
    assert sum(weekend) / len(weekend) == pytest.approx(share * sum(working) / len(working), rel=0.15)


@given(st.integers(0, 2**63 - 1))
def test_any_number_reads_back(number: int) -> None:
    span = Span.FromString(encode.IntAttribute("n")(number) + encode.attribute("m", number))
    assert [pair.value.int_value for pair in span.attributes] == [number, number]


@given(st.text(max_size=300), st.booleans())
def test_any_text_and_flag_read_back(text: str, flag: bool) -> None:
    span = Span.FromString(encode.attribute("text", text) + encode.attribute("flag", flag))
    assert values(span.attributes) == {"text": text, "flag": flag}


def moment(call: Call) -> datetime:
    return datetime.fromtimestamp(call.start_ns // 10**9, UTC)


def context(tier: str) -> str:
    return "processing=batch" if tier == "batch" else ""


def dollars_a_day(calls: Sequence[Call]) -> Dollars:
    """Dollars by day of the window (1 is the first) and feature, by the rates of the book."""
    book = Book()
    rows: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in book.rows():
        rows[row.provider, row.model, row.price_context].append(row)
    daily: Dollars = defaultdict(lambda: defaultdict(Decimal))
    names = {
        step: book.resolve(step.client.provider, step.model, context(step.tier))
        for feature in FEATURES
        for step in feature.steps
    }
    start = END - 60 * DAY
    for call in calls:
        name = names[call.step]
        if call.outcome is not ANSWERED or name.reason:
            continue
        when = moment(call)
        tier = max((edge for edge in name.tier_starts if edge < call.input_tokens), default=0)
        rates = max(
            (
                row
                for row in rows[name.provider, name.model, name.price_context]
                if row.tier_start == tier and row.valid_from <= when
            ),
            key=lambda row: row.valid_from,
        ).rates
        tokens = {
            "uncached": call.input_tokens - call.cache_read_tokens - call.cache_write_tokens,
            "cache_read": call.cache_read_tokens,
            "cache_write_1h": call.cache_write_tokens,
            "answer": call.output_tokens - call.reasoning_tokens,
            "reasoning": call.reasoning_tokens,
        }
        cost = call.step.searches * dict(rates.meters).get("web_search", Decimal(0))
        for bucket, rate in zip(BUCKETS, rates.buckets, strict=True):
            if tokens.get(bucket):
                assert rate is not None
                cost += tokens[bucket] * rate
        daily[(when - start).days + 1][call.feature.name] += cost
    return daily
