"""What a store must say about the traffic, counted from the plan and not from what was sent."""

from dataclasses import dataclass, field

from breakeven_collector.demo.clients import ANSWERED, WITHOUT_USAGE
from breakeven_collector.demo.plan import Call
from breakeven_collector.demo.shapes import FEATURES


@dataclass
class Counted:
    """What one feature's calls add up to; each call once, however many spans tell of it."""

    calls: int = 0
    failed: int = 0
    without_usage: int = 0
    """Streams that never said what they used."""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    web_searches: int = 0

    def add(self, call: Call) -> None:
        """Count one more."""
        self.calls += 1
        self.failed += bool(call.outcome.error_type)
        self.without_usage += call.outcome is WITHOUT_USAGE
        self.input_tokens += call.input_tokens
        self.output_tokens += call.output_tokens
        self.cache_read_tokens += call.cache_read_tokens
        self.cache_write_tokens += call.cache_write_tokens
        self.reasoning_tokens += call.reasoning_tokens
        if call.outcome is ANSWERED:
            self.web_searches += call.step.searches


@dataclass
class Expected:
    """What a store must say once it holds all the traffic.

    Attributes:
        features: By name; None is what nobody has claimed. Names in `inferred` are an agent's, not declared.
        inferred: Names that no application declared.
        spans: Spans sent.
        doubles: Those of them that repeat another one.
        without_usage: Calls whose stream never said what it used.
        lost: Spans that got a number and were never sent.
    """

    features: dict[str | None, Counted] = field(default_factory=dict[str | None, Counted])
    inferred: frozenset[str] = frozenset(f.name for f in FEATURES if f.inferred and f.name)
    spans: int = 0
    doubles: int = 0
    without_usage: int = 0
    lost: int = 0

    def add(self, call: Call) -> None:
        """Count one more."""
        self.features.setdefault(call.feature.name, Counted()).add(call)
        self.spans += 2 if call.outer_id else 1
        self.doubles += bool(call.outer_id)
        self.without_usage += call.outcome is WITHOUT_USAGE
        self.lost += call.lost_before
