"""Billed against seen, told apart: plain rows in, lines out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from breakeven_collector.tieout_prices import explain
from breakeven_collector.tieout_rows import Billed, Line, Part, Seen
from breakeven_collector.tieout_split import seen_share, split, tied_out
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = date(2026, 11, 2)
RATE = Decimal("0.000002")
GPT = ("openai", "gpt-4o")


def usage(tokens: int, key: str = "", **more: object) -> Billed:
    return Billed(DAY, *GPT, key=key, meter="output_tokens", quantity=Decimal(tokens), rate=RATE, **more)  # pyright: ignore[reportArgumentType]


def money(usd: str, **more: object) -> Billed:
    return Billed(DAY, *GPT, item="gpt-4o, output", usd=Decimal(usd), **more)  # pyright: ignore[reportArgumentType]


def seen(tokens: int, *, day: date = DAY, feature: str = "", key: str = "") -> Seen:
    n = Decimal(tokens)
    return Seen(day, *GPT, n * RATE, {"output_tokens": n}, {"output_tokens": RATE}, key=key, feature=feature)


def parts(lines: Sequence[Line]) -> dict[Part, Decimal]:
    sums: dict[Part, Decimal] = {}
    for line in lines:
        for part, usd in line.parts.items():
            if usd:
                sums[part] = sums.get(part, Decimal(0)) + usd
    return sums


def test_a_discount_is_a_price_and_never_unseen_usage() -> None:
    lines = split([usage(1_000_000), money("1.76")], [seen(1_000_000)])
    assert parts(explain(lines)) == {Part.PRICE: Decimal("-0.24")}
    assert tied_out(lines) == 1


def test_a_key_that_no_call_came_by_is_unseen_as_a_whole() -> None:
    lines = split([usage(600_000, "a"), usage(400_000, "b"), money("2")], [seen(600_000, key="a")])
    assert {line.key: line.parts.get(Part.UNSEEN) for line in lines} == {"a": None, "b": Decimal("0.8")}
    assert tied_out(lines) == Decimal("0.6")


def test_a_feature_tells_the_key_that_the_rules_give_it() -> None:
    lines = split(
        [usage(600_000, "a", features=frozenset({"search"})), usage(400_000, "b"), money("2")],
        [seen(500_000, feature="search")],
    )
    assert {line.key: line.parts.get(Part.UNSEEN) for line in lines} == {"a": Decimal("0.2"), "b": Decimal("0.8")}


def test_money_without_quantities_is_not_told_apart() -> None:
    lines = split([money("5")], [seen(1_000_000)])
    assert parts(lines) == {Part.UNSEEN_OR_PRICE: Decimal(3)}
    assert "cannot be told apart" in lines[0].reason


def test_quantities_without_money_are_an_estimate_by_our_prices() -> None:
    (line,) = split([usage(1_500_000)], [seen(1_000_000)])
    assert (line.estimated, line.billed_usd, line.parts[Part.UNSEEN]) == (True, Decimal(3), Decimal(1))


def test_items_open_days_and_what_was_not_imported_stand_by_themselves() -> None:
    tax = Billed(DAY, "openai", "", item="tax", usd=Decimal(7))
    late = DAY + timedelta(days=1)
    still_open = Billed(late, *GPT, usd=Decimal(1), open=True)
    unknown = DAY + timedelta(days=2)
    lines = split(
        [usage(1_000_000), money("2"), tax, still_open],
        [seen(1_000_000), seen(1_000_000, day=late), seen(500_000, day=unknown)],
    )
    assert parts(lines) == {Part.NO_SPAN: Decimal(7), Part.OPEN: Decimal(-1), Part.NOT_BILLED: Decimal(-1)}
    assert tied_out(lines) == Decimal(2) / 9


def test_a_credit_is_an_item_of_its_own_and_never_seen_usage() -> None:
    days = [DAY + timedelta(days=n) for n in range(3)]

    def charge(day: date, usd: str, item: str = "tokens", quantity: int | None = 5_000, meter: str = "") -> Billed:
        n = None if quantity is None else Decimal(quantity)
        return Billed(day, "aws.bedrock", "", "acct-1", item=item, meter=meter, usd=Decimal(usd), quantity=n)

    rows = [
        *(charge(day, usd, meter="uncached_tokens") for day, usd in zip(days, ("33", "33", "34"), strict=True)),
        charge(days[1], "10"),
        charge(days[1], "-500", "Credit: big", None),
        # what a credit is for may be told, too
        charge(days[2], "-7", "Credit: of input tokens", None, "uncached_tokens"),
    ]
    lines = split(rows, [])
    assert parts(lines) == {Part.UNSEEN: Decimal(110), Part.NO_SPAN: Decimal(-507)}
    assert tied_out(lines) == 0
    calls = Seen(days[0], "aws.bedrock", "claude", Decimal(33), {"uncached_tokens": Decimal(5_000)})
    assert tied_out(split(rows, [calls])) == Decimal(33) / 110


def test_an_open_day_of_an_account_without_money_is_open_and_estimated() -> None:
    lines = split([usage(1_500_000, "a", open=True)], [seen(1_000_000)])
    told = [(line.key, line.billed_usd, line.seen_usd, line.open, line.estimated, line.unbilled) for line in lines]
    assert told == [("a", Decimal(3), 0, True, True, False), ("", 0, Decimal(2), True, False, True)]
    assert parts(lines) == {Part.OPEN: Decimal(1)}
    # With money, quantities have none of their own.
    assert parts(split([usage(1_500_000, open=True), money("1", open=True)], [])) == {Part.OPEN: Decimal(1)}


def test_the_share_that_spans_show_is_of_all_usage_of_the_key() -> None:
    late = DAY + timedelta(days=1)
    rows = [usage(1_000_000, "a"), money("2"), replace(usage(1_000_000, "a"), day=late), replace(money("2"), day=late)]
    # twice as much as is billed on one day, which makes up for nothing on the other
    lines = split([*rows, Billed(DAY, *GPT, key="a", item="Credit: c", usd=Decimal(-3))], [seen(2_000_000, key="a")])
    assert seen_share(lines) == 0.5
    assert seen_share(split(rows, [])) == 0.0


_days = st.sampled_from([DAY, DAY + timedelta(days=1)])
_names = st.sampled_from(["openai", "anthropic"]), st.sampled_from(["", "m", "n"])
_keys = st.sampled_from(["", "a", "b", "c"])
_usd = st.none() | st.decimals(-1000, 1_000_000, places=15)
_n = st.decimals(0, 10**12, places=6)
_rate = st.none() | st.decimals(0, 1, places=15)
_meters = st.sampled_from(["", "output_tokens", "uncached_tokens", "requests", "web_search"])
_billed = st.builds(
    Billed, _days, *_names, key=_keys, item=st.sampled_from(["", "tax", "Credit: c"]), meter=_meters, usd=_usd,
    quantity=st.none() | _n, rate=_rate, open=st.sampled_from([False] * 9 + [True]),
    features=st.sampled_from([frozenset[str](), frozenset({"f"})]),
)  # fmt: skip
_seen = st.builds(
    Seen, _days, *_names, st.decimals(0, 1_000_000, places=15),
    st.dictionaries(st.sampled_from(["output_tokens", "uncached_tokens", "requests"]), _n)
    | st.dictionaries(st.just("web_search"), _n),
    st.dictionaries(st.sampled_from(["output_tokens", "web_search"]), st.decimals(0, 1, places=15)),
    key=_keys, feature=st.sampled_from(["", "f"]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(_billed, max_size=8), st.lists(_seen, max_size=8))
def test_parts_add_up_to_billed_minus_seen_exactly(billed: list[Billed], calls: list[Seen]) -> None:
    lines = explain(split(billed, calls))
    for line in lines:
        assert sum(line.parts.values(), Decimal(0)) == line.billed_usd - line.seen_usd
        assert calls or Part.NOT_BILLED not in {part for part, usd in line.parts.items() if usd}
    assert sum((line.seen_usd for line in lines), Decimal(0)) == sum((row.usd for row in calls), Decimal(0))
    real = sum((line.billed_usd for line in lines if not line.estimated), Decimal(0))
    assert real == sum((row.usd for row in billed if row.usd is not None), Decimal(0))
