"""The calls of a plan as OTLP requests, the way the instrumentations of the providers' clients report them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

from breakeven import attributes as a

from breakeven_collector.demo import encode
from breakeven_collector.demo.bill import Bill, Terms, bill_for
from breakeven_collector.demo.clients import (
    ANSWERED,
    ANTHROPIC,
    ANTHROPIC_AGAIN,
    FAILURES,
    WITHOUT_USAGE,
    Client,
    Outcome,
)
from breakeven_collector.demo.expected import Expected
from breakeven_collector.demo.plan import OUTER_NS, Call, Plan, Process
from breakeven_collector.demo.shapes import FEATURES, WITHOUT_SDK, Feature, Step

_SPANS_A_REQUEST: Final = 1_500
_AGENT: Final = "gen_ai.agent.name"
_HTTP_STATUS: Final = "http.response.status_code"

_input = encode.IntAttribute(a.INPUT_TOKENS)
_output = encode.IntAttribute(a.OUTPUT_TOKENS)
_cache_read = encode.IntAttribute(a.CACHE_READ_TOKENS)
_cache_write = encode.IntAttribute(a.CACHE_WRITE_TOKENS)
_cache_write_1h = encode.IntAttribute(a.CACHE_WRITE_1H_TOKENS)
_reasoning = encode.IntAttribute(a.REASONING_TOKENS)
_number = encode.IntAttribute(a.SEQ)
_run = encode.TextAttribute(a.RUN, "", 16)
_session = encode.TextAttribute(a.SESSION, "", 16)


@dataclass(frozen=True, eq=False)
class _Template:
    """What the spans of one kind of call, ended one way and reported by one instrumentation, have in common."""

    scope: bytes
    constants: bytes
    response_id: encode.TextAttribute | None
    declared: bool
    used: bool


class _Requests:
    """Puts spans together to requests: a `ResourceSpans` a process, in it a `ScopeSpans` an instrumentation."""

    def __init__(self, plan: Plan) -> None:
        self._templates = {
            (step, outcome): _template(feature, step, outcome, step.client)
            for feature in FEATURES
            for step in feature.steps
            for outcome in (ANSWERED, WITHOUT_USAGE, *FAILURES)
        }
        self._outer_templates = {
            step: _template(feature, step, ANSWERED, ANTHROPIC_AGAIN)
            for feature in FEATURES
            for step in feature.steps
            if step.client is ANTHROPIC
        }
        self._persons = {
            person: encode.attribute(a.TENANT, person.tenant) + encode.attribute(a.USER, person.user)
            for person in (*plan.people, plan.tester)
        }
        self._sources = {process: encode.attribute(a.SEQ_SOURCE, process.source) for process in plan.processes}
        self._resources = {process: _resource(process) for process in plan.processes}
        self._numbers = dict.fromkeys(plan.processes, 0)
        self._spans: dict[Process, dict[bytes, list[bytes]]] = {}
        self.waiting = 0

    def add(self, call: Call) -> None:
        """Take up a call."""
        self._numbers[call.process] += call.lost_before
        template = self._templates[call.step, call.outcome]
        if not call.outer_id:
            self._append(template, call, call.span_id, call.parent_id, call.start_ns, call.end_ns)
            return
        self._append(template, call, call.span_id, call.outer_id, call.start_ns, call.end_ns)
        outer = self._outer_templates[call.step]
        self._append(outer, call, call.outer_id, call.parent_id, call.start_ns - OUTER_NS, call.end_ns + OUTER_NS)

    def take(self) -> tuple[bytes, int]:
        """What has come together, as one request."""
        body = b"".join(
            encode.resource_spans(
                self._resources[process], [encode.scope_spans(scope, spans) for scope, spans in scopes.items()]
            )
            for process, scopes in self._spans.items()
        )
        taken, self.waiting = self.waiting, 0
        self._spans = {}
        return body, taken

    def _append(
        self, template: _Template, call: Call, span_id: bytes, parent_id: bytes, start_ns: int, end_ns: int
    ) -> None:
        process = call.process
        pieces = [encode.span_frame(call.trace_id, span_id, parent_id, start_ns, end_ns), template.constants]
        if template.declared:
            pieces += (self._persons[call.person], _run(call.run))
            if call.session:
                pieces.append(_session(call.session))
        if process.service != WITHOUT_SDK:
            self._numbers[process] += 1
            pieces += (_number(self._numbers[process]), self._sources[process])
        if template.response_id:
            # Made from the call's own span, so that both spans of a doubled call have the same.
            pieces.append(template.response_id(call.span_id.hex().encode()))
        if template.used:
            pieces.append(_input(call.input_tokens))
            if call.output_tokens:
                pieces.append(_output(call.output_tokens))
            if call.cache_read_tokens:
                pieces.append(_cache_read(call.cache_read_tokens))
            if call.cache_write_tokens:
                pieces += (_cache_write(call.cache_write_tokens), _cache_write_1h(call.cache_write_tokens))
            if call.reasoning_tokens:
                pieces.append(_reasoning(call.reasoning_tokens))
        scopes = self._spans.setdefault(process, {})
        scopes.setdefault(template.scope, []).append(b"".join(pieces))
        self.waiting += 1


class Traffic:
    """OTLP trace requests of a made-up company over the days before `end`.

    The same days, seed and end give the same bytes. Nothing starts before the window or ends after it.
    """

    def __init__(self, days: int = 60, seed: int = 7, *, end: datetime) -> None:
        """Plan the traffic of so many days.

        Args:
            days: Length of the window.
            seed: Of everything that is drawn at random.
            end: End of the window, with a time zone.
        """
        if end.tzinfo is None:
            raise ValueError("`end` needs a time zone")
        if days < 1:
            raise ValueError("`days` must be at least 1")
        self.start = end - timedelta(days=days)
        self.end = end
        self._plan = Plan(_nanoseconds(self.start), _nanoseconds(end), seed)

    @cached_property
    def spans(self) -> int:
        """About how many spans there are, for a progress bar: within a few in a hundred of `expected().spans`."""
        return self._plan.estimate()

    def requests(self) -> Iterator[tuple[bytes, int]]:
        """Bodies of `ExportTraceServiceRequest` in protobuf, oldest first, each with its number of spans."""
        requests = _Requests(self._plan)
        for call in self._plan:
            requests.add(call)
            if requests.waiting >= _SPANS_A_REQUEST:
                yield requests.take()
        if requests.waiting:
            yield requests.take()

    def expected(self) -> Expected:
        """What a store must say once it holds all of it; counted from the plan, not from the requests."""
        expected = Expected()
        for call in self._plan:
            expected.add(call)
        return expected

    def bill(self, terms: Terms | None = None) -> Bill:
        """What the providers' accounts say of it; counted from the plan, too."""
        return bill_for(self._plan, self.start.astimezone(UTC).date(), self.end.astimezone(UTC).date(), terms)


def _nanoseconds(moment: datetime) -> int:
    # Not by float seconds, which are off by some hundred nanoseconds.
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000


def _resource(process: Process) -> bytes:
    return encode.resource(
        {
            "service.name": process.service,
            "service.instance.id": process.instance,
            "deployment.environment.name": process.environment,
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "opentelemetry",
        }
    )


def _template(feature: Feature, step: Step, outcome: Outcome, client: Client) -> _Template:
    answered = not outcome.error_type
    attributes: dict[str, str | bool | int] = {
        a.OPERATION: client.operation,
        a.PROVIDER: client.provider,
        a.REQUEST_MODEL: step.model,
    }
    if feature.name:
        attributes[a.FEATURE if feature.declared else _AGENT] = feature.name
    if step.task:
        attributes[a.TASK] = step.task
    if step.streamed:
        attributes[a.STREAM] = True
    if answered:
        attributes[a.RESPONSE_MODEL] = step.model
        if step.tier:
            attributes[a.SERVICE_TIER] = step.tier
        if step.searches and client is step.client:
            attributes[a.METER_PREFIX + "web_search"] = step.searches
    else:
        attributes[a.ERROR_TYPE] = outcome.error_type
    if client.has_status and outcome.http_status:
        attributes[_HTTP_STATUS] = outcome.http_status
    status = encode.STATUS_ERROR if not answered else encode.STATUS_OK if client.has_status else b""
    return _Template(
        scope=encode.scope(client.scope, client.version),
        constants=encode.span_constants(
            client.span_name.format(step.model), status, [encode.attribute(k, v) for k, v in attributes.items()]
        ),
        response_id=encode.TextAttribute(a.RESPONSE_ID, client.id_prefix, 16)
        if answered and client.id_prefix
        else None,
        declared=feature.declared,
        used=outcome is ANSWERED,
    )
