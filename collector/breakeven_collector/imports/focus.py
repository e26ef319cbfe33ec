"""FOCUS files (FinOps Open Cost and Usage Specification 1.0 and later): which charges are for models, what they say.

Columns after focus.finops.org and the dictionaries of AWS ("FOCUS 1.2 with AWS columns"), Azure and Google Cloud.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

from breakeven_collector.imports.lines import Account, BadRow, Line, moment, money, open_on, quantity

_LONGEST: Final = timedelta(days=3 * 366)
NEEDED: Final = ("BilledCost", "BillingCurrency", "ChargePeriodStart", "ChargePeriodEnd")
_PROVIDERS: Final = (
    (re.compile(r"bedrock", re.I), "aws.bedrock"),
    (re.compile(r"gemini api|generative language", re.I), "gcp.gemini"),
    (re.compile(r"vertex|gemini", re.I), "gcp.vertex_ai"),
    (re.compile(r"openai", re.I), "openai"),
    (re.compile(r"anthropic|claude", re.I), "anthropic"),
)  # fmt: skip
_AZURE: Final = re.compile(r"azure|cognitive services|foundry|microsoft", re.I)
"""Azure sells OpenAI's models among other services of one name: the meter tells which it is."""
_AZURE_METER: Final = re.compile(r"openai|\bgpt[- ]?\d|\bo\d\b|\btext[- ]embedding", re.I)
_CATEGORY: Final = "ai and machine learning"
_METER_NAMES: Final = ("x_SkuMeterSubcategory", "x_SkuMeterName", "SkuMeter", "x_SkuDescription", "ChargeDescription")
_METERS: Final = (
    (re.compile(r"cache[-_ ]?write.*\b1[-_ ]?h", re.I), "cache_write_1h_tokens"),
    (re.compile(r"cache[-_ ]?write|\bcd[-_ ]wr\b", re.I), "cache_write_5m_tokens"),
    (re.compile(r"cache[-_ ]?read|cached|\b(?:cd|cchd)\b", re.I), "cache_read_tokens"),
    (re.compile(r"audio[-_ ]out", re.I), "audio_output_tokens"),
    (re.compile(r"audio[-_ ]in", re.I), "audio_input_tokens"),
    (re.compile(r"image[-_ ]in", re.I), "image_input_tokens"),
    (re.compile(r"output|completion|response|reasoning|\b(?:outp|opt)\b", re.I), "output_tokens"),
    (re.compile(r"input|prompt|\binpt?\b", re.I), "uncached_tokens"),
)
"""The first that fits. AWS writes `cache-write-1h-input-token-count`, Azure `cd Inp` and `Outp`."""


def provider_of(row: Mapping[str, str]) -> str:
    """Who serves the model, spelled as calls.provider; empty: the charge is for no model.

    The name of the service decides, then publisher and SKU where the category is AI and Machine Learning.
    """
    names = " ".join(row.get(name, "") for name in ("ServiceName", "x_SkuMeterCategory"))
    if _AZURE.search(" ".join((names, row.get("ProviderName", ""), row.get("PublisherName", "")))):
        meter = " ".join(row.get(name, "") for name in ("ServiceName", *_METER_NAMES))
        return "azure.ai.openai" if _AZURE_METER.search(meter) else ""
    for pattern, provider in _PROVIDERS:
        if pattern.search(names):
            return provider
    if row.get("ServiceCategory", "").strip().lower() != _CATEGORY:
        return ""
    more = " ".join(row.get(name, "") for name in ("PublisherName", "SkuId", "ChargeDescription", "x_SkuDescription"))
    return next((provider for pattern, provider in _PROVIDERS if pattern.search(more)), "")


def read_row(account: Account, row: Mapping[str, str], *, rates: Mapping[str, Decimal], now: datetime) -> None:
    """Take a charge, if it is for a model.

    Args:
        account: where it goes.
        row: column → text; missing and null ones are empty.
        rates: currency → dollars for one of it.
        now: the present.

    Raises:
        BadRow: it cannot be read.
    """
    provider = provider_of(row)
    if not provider:
        service = row.get("ServiceName") or row.get("ServiceCategory") or "no service"
        kind = "AI, but no model's" if row.get("ServiceCategory", "").strip().lower() == _CATEGORY else "another"
        account.skipped[f"{service} ({kind} service)"] += 1
        return
    start, end = (
        moment(row["ChargePeriodStart"], "ChargePeriodStart"),
        moment(row["ChargePeriodEnd"], "ChargePeriodEnd"),
    )
    if end <= start or end - start > _LONGEST:
        raise BadRow(f"ChargePeriodEnd is {row['ChargePeriodEnd']!r}: not after {start}, or years after it")
    amount = money(row["BilledCost"], "BilledCost")
    currency = row["BillingCurrency"].strip().upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise BadRow(f"BillingCurrency is {row['BillingCurrency']!r}: not a code of three letters")
    rate = Decimal(1) if currency == "USD" else rates.get(currency)
    category = row.get("ChargeCategory", "") or "Usage"
    sku = row.get("x_SkuMeterName") or row.get("SkuMeter") or row.get("ChargeDescription") or row.get("SkuId") or ""
    item = sku if category == "Usage" else f"{category}: {row.get('CommitmentDiscountName') or sku}"
    effective = row.get("EffectiveCost", "")
    if effective and money(effective, "EffectiveCost") != amount:
        account.warnings["EffectiveCost is not BilledCost (commitments are amortised): billed dollars were taken"] += 1
    consumed, unit = row.get("ConsumedQuantity", ""), row.get("ConsumedUnit", "")
    tokens = "token" in unit.lower()
    number = quantity(consumed, "ConsumedQuantity") if consumed else None
    if number is not None and tokens and (match := re.match(r"\s*([\d,.]+)\s*([KM])?\b", unit, re.I)):
        per = Decimal(match[1].replace(",", "")) * {"K": 1_000, "M": 1_000_000}.get((match[2] or "").upper(), 1)
        number = quantity(number * per, "ConsumedQuantity")
    if tokens:
        unit = "tokens"
    account.lines += _by_day(
        Line(
            report="focus",
            part=row.get("BillingAccountId", ""),
            provider=provider,
            from_time=start,
            to_time=end,
            provider_project=row.get("SubAccountId", "") or row.get("ResourceId", ""),
            model=_detail(row, "x_Model", "x_model", "model", "Model")
            or row.get("x_Model", "")
            or row.get("x_model", ""),
            price_context=_detail(row, "x_PriceContext"),
            item=item,
            meter=next((meter for pattern, meter in _METERS if tokens and pattern.search(sku)), ""),
            quantity=number if category == "Usage" else None,
            unit=unit if category == "Usage" else "",
            amount=amount,
            currency=currency,
            amount_usd=None if rate is None else money(amount * rate, "BilledCost"),
            tags=_tags(account, row.get("Tags", "")),
        ),
        now,
    )


def _by_day(line: Line, now: datetime) -> Iterator[Line]:
    """A charge of several UTC days is spread over them by time; what rounding leaves is the last day's."""
    seconds = Decimal(int((line.to_time - line.from_time).total_seconds()))
    rest = {name: getattr(line, name) for name in ("quantity", "amount", "amount_usd")}
    start = line.from_time
    while start < line.to_time:
        midnight = datetime(start.year, start.month, start.day, tzinfo=UTC) + timedelta(days=1)
        end = min(midnight, line.to_time)
        share, part = Decimal(int((end - start).total_seconds())), dict(rest)
        if end < line.to_time:
            for name, left in rest.items():
                if left is not None:
                    told = getattr(line, name)
                    part[name] = (told * share / seconds).quantize(told)
                    rest[name] = left - part[name]
        yield replace(line, from_time=start, to_time=end, open=open_on(start.date(), now), **part)
        start = end


def _detail(row: Mapping[str, str], *names: str) -> str:
    """What a detail of the SKU, else a column, says under these names; nothing is read out of running text."""
    for column in ("SkuPriceDetails", "x_SkuDetails"):
        details = _object(row.get(column, "")) or {}
        for name in names:
            if isinstance(found := details.get(name), str):
                return found
    return next((row[name] for name in names if row.get(name)), "")


def _tags(account: Account, tags: str) -> tuple[tuple[str, str], ...]:
    if not tags:
        return ()
    if (found := _object(tags)) is None:
        account.warnings["Tags are not a JSON object and were not taken"] += 1
        return ()
    return tuple(
        sorted((name, value if isinstance(value, str) else json.dumps(value)) for name, value in found.items())
    )


def _object(told: str) -> dict[str, Any] | None:
    """A JSON object, also as pairs (a map of Parquet) or as records with key and value (BigQuery); None: it is none."""
    try:
        found: Any = json.loads(told)
        # Half a character passes for JSON, and nowhere else.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict):
        return cast(dict[str, Any], found)
    named: dict[str, Any] = {}
    for item in cast(list[Any], found) if isinstance(found, list) else [found]:
        if isinstance(item, dict) and "key" in item:
            record = cast(dict[str, Any], item)
            named[str(record["key"])] = record.get("value")
        elif isinstance(item, list) and len(pair := cast(list[Any], item)) == 2:
            named[str(pair[0])] = pair[1]
        else:
            return None
    return named
