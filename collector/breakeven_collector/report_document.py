"""The document of a report, as the API and `--format json` give it."""

from typing import Any, TypedDict


class Coverage(TypedDict):
    """Shares, 0 to 1; None without calls or dollars."""

    priced: float | None
    """Of calls: with a dollar figure that is no estimate."""
    reported_usage: float | None
    """Of calls: whose usage is known: reported, or none because the call was refused before work."""
    allocated: float | None
    """Of calls: with a declared or mapped feature; an inferred name does not count."""
    allocated_usd: float | None
    """Of known dollars: the same."""
    reported_usd: float | None
    """Of known dollars: as provider or gateway reported them; the rest is usage times price."""
    estimated_usd: float | None
    """Of known and estimated dollars together: estimated."""


class Removed(TypedDict):
    """What is not in the bill because it would be counted twice."""

    duplicate_calls: int
    wrapper_calls: int
    cost_usd: str | None
    rows: list[dict[str, Any]]
    """The same by the dimension of the report, where there is any: its name, and the three figures."""


class Retries(TypedDict):
    """Calls that repeat an earlier attempt, and attempts inside a client's span that have none of their own."""

    calls: int
    cost_usd: str | None
    resends: int


class GatewayCache(TypedDict):
    """Answers from a gateway's own cache: they cost nothing, and would have cost `avoided_usd`."""

    calls: int
    avoided_usd: str | None


class Late(TypedDict):
    """Calls in the bill that came after their minutes were sealed: duplicates of expired calls cannot be told there."""

    calls: int
    cost_usd: str | None


class Lost(TypedDict):
    """Spans that were numbered by a process and never came."""

    spans: int
    numbered: int


class Unpriced(TypedDict):
    """Calls (or units of a meter) without dollars, why, and what they are estimated at."""

    reason: str
    provider: str
    model: str
    meter: str | None
    calls: int
    quantity: str | None
    estimated_usd: str | None


Row = dict[str, Any]
"""The dimension's name (None: unallocated, or not told), and calls, failed_calls, input_tokens, cached_input_tokens,
output_tokens (int); cost_usd (known), estimated_usd (beside it, never in it), cost_per_call_usd, previous_cost_usd
(decimal string or None); share, cumulative_share (of known and estimated together), trend (float or None);
unpriced_calls (int), unpriced_units (of meters without a rate, decimal string). By feature also allocated_calls (int;
0: the name is only inferred), owner, cost_centre, budget_usd_per_month. With another book also other_cost_usd."""

Report = dict[str, Any]
"""The document: period, by, price_book, config_error (None: breakeven.toml counts as it stands), the rows under the
dimension's plural, totals, coverage, unpriced, unallocated, retries, gateway_cache, late, removed, lost, and other_book
where one was asked for. Collector and command add billed (see report_billed; None: no account was imported). USD are
decimal strings, None where not known."""
