"""Any request, and a writer of its JSON form: whatever the specification lets a client send."""

import base64
import json
import math
from typing import Any

from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

SECRET = "my-secret-prompt"

any_values = st.recursive(
    st.one_of(
        st.builds(AnyValue),
        st.builds(AnyValue, string_value=st.text(st.characters(codec="utf-8"), max_size=20)),
        st.builds(AnyValue, bool_value=st.booleans()),
        st.builds(AnyValue, int_value=st.integers(-(1 << 63), (1 << 63) - 1)),
        st.builds(AnyValue, double_value=st.floats(allow_nan=False)),
        st.builds(AnyValue, bytes_value=st.binary(max_size=20)),
    ),
    lambda children: st.one_of(
        st.builds(AnyValue, array_value=st.builds(ArrayValue, values=st.lists(children, max_size=3))),
        st.builds(
            AnyValue,
            kvlist_value=st.builds(
                KeyValueList,
                values=st.lists(st.builds(KeyValue, key=st.text("ab.é", max_size=5), value=children), max_size=3),
            ),
        ),
    ),
    max_leaves=6,
)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
attributes = st.lists(st.builds(KeyValue, key=texts, value=any_values), max_size=4)
uint64 = st.integers(0, (1 << 64) - 1)
spans = st.builds(
    Span,
    trace_id=st.binary(min_size=16, max_size=16).filter(any),
    span_id=st.binary(min_size=8, max_size=8).filter(any),
    parent_span_id=st.one_of(st.just(b""), st.binary(min_size=8, max_size=8)),
    trace_state=texts,
    name=texts,
    kind=st.integers(0, 5),
    start_time_unix_nano=uint64,
    end_time_unix_nano=uint64,
    attributes=attributes,
    status=st.one_of(st.none(), st.builds(Status, code=st.integers(0, 2), message=texts)),
)
scopes = st.builds(InstrumentationScope, name=texts, version=texts, attributes=attributes)
requests = st.builds(
    ExportTraceServiceRequest,
    resource_spans=st.lists(
        st.builds(
            ResourceSpans,
            resource=st.one_of(st.none(), st.builds(Resource, attributes=attributes)),
            scope_spans=st.lists(
                st.builds(
                    ScopeSpans,
                    scope=st.one_of(st.none(), scopes),
                    spans=st.lists(spans, max_size=2),
                    schema_url=texts,
                ),
                max_size=2,
            ),
            schema_url=texts,
        ),
        max_size=2,
    ),
)


class Writer:
    """Writes requests as OTLP's specification says, within the freedom that it leaves."""

    def __init__(self, draw: st.DataObject) -> None:
        self._draw = draw

    def choose(self, *choices: Any) -> Any:
        return self._draw.draw(st.sampled_from(choices))

    def request(self, message: ExportTraceServiceRequest) -> bytes:
        return json.dumps(
            self.fields(resourceSpans=[self.resource_spans(m) for m in message.resource_spans]),
            ensure_ascii=self.choose(True, False),
        ).encode()

    def fields(self, **fields: Any) -> dict[str, Any]:
        """Absent, null or empty mean the same; unknown fields are ignored."""
        result: dict[str, Any] = {}
        for name, value in fields.items():
            if value in ("", 0, [], None) and not isinstance(value, bool):
                how = self.choose("absent", "null", "as it is")
                if how == "null" or (how == "as it is" and value is None):
                    result[name] = None
                elif how == "as it is":
                    result[name] = value
            else:
                result[name] = value
        if self.choose(False, False, True):
            result["fromTheFuture"] = self.choose({"a": [1]}, None, 3.5, "x")
        return result

    def resource_spans(self, message: ResourceSpans) -> dict[str, Any]:
        resource = message.resource
        return self.fields(
            resource=self.fields(attributes=self.attributes(resource.attributes))
            if message.HasField("resource")
            else None,
            scopeSpans=[self.scope_spans(m) for m in message.scope_spans],
            schemaUrl=message.schema_url,
        )

    def scope_spans(self, message: ScopeSpans) -> dict[str, Any]:
        scope = message.scope
        return self.fields(
            scope=self.fields(name=scope.name, version=scope.version, attributes=self.attributes(scope.attributes))
            if message.HasField("scope")
            else None,
            spans=[self.span(m) for m in message.spans],
            schemaUrl=message.schema_url,
        )

    def span(self, message: Span) -> dict[str, Any]:
        return self.fields(
            traceId=self.hex(message.trace_id),
            spanId=self.hex(message.span_id),
            parentSpanId=self.hex(message.parent_span_id),
            traceState=message.trace_state,
            name=message.name,
            kind=int(message.kind),
            startTimeUnixNano=self.long(message.start_time_unix_nano),
            endTimeUnixNano=self.long(message.end_time_unix_nano),
            attributes=self.attributes(message.attributes),
            events=self.choose([], [{"name": SECRET, "attributes": [{"key": 1}]}]),
            status=self.fields(code=int(message.status.code), message=message.status.message)
            if message.HasField("status")
            else None,
        )

    def attributes(self, attributes: Any) -> list[dict[str, Any]]:
        return [self.fields(key=a.key, value=self.value(a.value) if a.HasField("value") else None) for a in attributes]

    def value(self, value: AnyValue) -> dict[str, Any]:
        match value.WhichOneof("value"):
            case "string_value":
                result: dict[str, Any] = {"stringValue": value.string_value}
            case "bool_value":
                result = {"boolValue": value.bool_value}
            case "int_value":
                result = {"intValue": self.long(value.int_value)}
            case "double_value":
                number = value.double_value
                result = {"doubleValue": number if math.isfinite(number) else str(number).replace("inf", "Infinity")}
            case "bytes_value":
                result = {"bytesValue": base64.b64encode(value.bytes_value).decode()}
            case "array_value":
                result = {"arrayValue": self.fields(values=[self.value(v) for v in value.array_value.values])}
            case "kvlist_value":
                result = {"kvlistValue": self.fields(values=self.attributes(value.kvlist_value.values))}
            case _:
                result = {}
        # some writers print all members of the union
        nulls: dict[str, Any] = {"stringValue": None, "intValue": None, "arrayValue": None, "bytesValue": None}
        return {**nulls, **result} if self.choose(False, False, True) else result

    def hex(self, data: bytes) -> str:
        return self.choose(data.hex(), data.hex().upper())

    def long(self, number: int) -> int | str:
        return self.choose(number, str(number))
