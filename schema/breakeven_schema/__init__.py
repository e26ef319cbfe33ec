"""Tables, views and queries of Breakeven, as plain SQL, and what applies and reads them."""

from breakeven_schema.migrate import Migration, applied, apply, migrations, pending
from breakeven_schema.query import otlp_schema, query

__all__ = ["Migration", "applied", "apply", "migrations", "otlp_schema", "pending", "query"]
