"""Breakeven: what each feature of an application spends on LLM calls.

    import breakeven

    breakeven.init(service="support", environment="production")

    with breakeven.feature("ticket-triage", tenant="acme"):
        client.chat.completions.create(...)

Nothing in here raises into the application. The logger is "breakeven". BREAKEVEN_DISABLED=1 switches all of it off.
"""

from breakeven._carrier import attach, carrier
from breakeven._entry import feature, task
from breakeven._processor import FeatureSpanProcessor
from breakeven._record import record
from breakeven._runtime import flush, init, shutdown

__all__ = [
    "FeatureSpanProcessor",
    "attach",
    "carrier",
    "feature",
    "flush",
    "init",
    "record",
    "shutdown",
    "task",
]
