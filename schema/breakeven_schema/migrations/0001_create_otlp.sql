-- What came over OTLP, one row a request, kept nowhere: the views that read it make everything else.
-- The shape is that of otlp.proto. No ORDER BY: the engine is Null.
CREATE TABLE IF NOT EXISTS otlp
(
    resource_spans Array(Tuple(
        resource_attributes Array(Tuple(
            key String,
            value Tuple(string_value String, bool_value UInt8, int_value Int64, double_value Float64))),
        scope_spans Array(Tuple(
            scope Tuple(name String),
            spans Array(Tuple(
                trace_id String,
                span_id String,
                parent_span_id String,
                name String,
                start_time_unix_nano UInt64,
                end_time_unix_nano UInt64,
                attributes Array(Tuple(
                    key String,
                    value Tuple(string_value String, bool_value UInt8, int_value Int64, double_value Float64))),
                status Tuple(code Int32))))))) COMMENT 'as OTLP sends it',
    project String COMMENT 'project of the key that the request came with',
    received_ns UInt64 COMMENT 'when the collector took the request, Unix nanoseconds',
    segment String COMMENT 'journal segment that holds the request'
)
ENGINE = Null
