"""The same call again: what an import knows only by looking at what is held.

A later export of a call takes the place of the one before. Its span has the same ids, so where start and response id
are what they were, the row replaces itself. Where they are not, the older row is deleted, and a pass takes it off the
bill.
"""

from typing import Any, Final

from breakeven_schema import query
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from breakeven_collector import seals
from breakeven_collector.histories.call import SCOPE, SERVICE
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.store import Store

_RESPONSE_ID: Final = "gen_ai.response.id"
_NEAR_S: Final = 120
_MINUTE_S: Final = 60


def settle(pipeline: Pipeline, timeout: float) -> None:
    """Wait until what was taken stands in the ledger, and take outdated rows of imported calls out of it. What is
    broken off half-way is mended by the next call.

    Raises:
        StoreUnavailable: it is not settled within `timeout` seconds.
        StoreError: the store refuses.
    """
    with pipeline.quiet(timeout):
        store = pipeline.store
        bounds = {"first": seals.read(store).first_minute}
        for row in store.rows(
            f"SELECT DISTINCT toYYYYMM(minute) AS month FROM ({query('outdated_imports')}) ORDER BY month",
            bounds,
        ):
            store.run(
                f"ALTER TABLE calls DELETE IN PARTITION {int(row['month'])} WHERE source != '' AND "
                f"(project, trace_id, span_id, toStartOfMinute(ts), identity) IN ({query('outdated_imports')})",
                bounds,
                {"mutations_sync": 2, "allow_nondeterministic_mutations": 1, "max_execution_time": 0},
            )
        # Not the minutes of the rows that were just deleted, but all that no longer agree: a deletion whose pass was
        # broken off is counted too.
        off = store.query_file("uncounted_imports", {**bounds, "prefix": SERVICE})
        near = int(seals.NEAR.total_seconds())
        # Rows near by that were a pair with one that is gone.
        pipeline.ledger.pass_slices(
            {
                (row["project"], minute)
                for row in off
                for minute in range(row["minute"] - near, row["minute"] + near + 1, _MINUTE_S)
            }
        )


def with_response_ids(store: Store, project: str, body: bytes) -> bytes:
    """The request, in which calls that have no response id get that of their own span, where it is held already.

    Args:
        store: an open store.
        project: whose calls they are.
        body: an ExportTraceServiceRequest of imported calls.

    Raises:
        StoreError: the store cannot be read.
    """
    request = ExportTraceServiceRequest.FromString(body)
    wanted: dict[tuple[str, str], list[Any]] = {}
    for of_scope in (scope for resource in request.resource_spans for scope in resource.scope_spans):
        for span in of_scope.spans if of_scope.scope.name.startswith(SCOPE) else ():
            if span.parent_span_id and not any(told.key == _RESPONSE_ID for told in span.attributes):
                wanted.setdefault((span.trace_id.hex(), span.parent_span_id.hex()), []).append(span)
    if not wanted:
        return body
    starts = [span.start_time_unix_nano // 1_000_000_000 for spans in wanted.values() for span in spans]
    rows = store.rows(
        "SELECT lower(hex(trace_id)) AS trace, lower(hex(span_id)) AS span, max(response_id) AS response FROM calls "
        "WHERE project = {project:String} AND toStartOfMinute(ts) >= toDateTime({from:UInt32}, 'UTC') "
        "AND toStartOfMinute(ts) <= toDateTime({to:UInt32}, 'UTC') AND source = '' AND response_id != '' "
        "AND (trace, span) IN {spans:Array(Tuple(String, String))} GROUP BY trace, span",
        {"project": project, "from": min(starts) - _NEAR_S, "to": max(starts) + _NEAR_S, "spans": list(wanted)},
    )
    for row in rows:
        for span in wanted[row["trace"], row["span"]]:
            span.attributes.append(KeyValue(key=_RESPONSE_ID, value=AnyValue(string_value=row["response"])))
    return request.SerializeToString()
