-- The text of a status is decoded too: some instrumentations say only there that a call was refused.
ALTER TABLE otlp
    MODIFY COLUMN resource_spans Array(Tuple(
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
                status Tuple(message String, code Int32))))))) COMMENT 'as OTLP sends it'
