-- What all readers have in common: they only read, within limits.
CREATE ROLE IF NOT EXISTS breakeven_reader
SETTINGS readonly = 1, max_execution_time = 30 CHANGEABLE_IN_READONLY, max_memory_usage = 1000000000, max_threads = 4,
    max_result_rows = 1000000, max_result_bytes = 67108864, allow_ddl = 0, allow_introspection_functions = 0
