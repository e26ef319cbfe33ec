"""FOCUS files (FinOps Open Cost and Usage Specification 1.0 and later): which charges are for models, what they say.

Columns after focus.finops.org and the dictionaries of AWS ("FOCUS 1.2 with AWS columns"), Azure and Google Cloud.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from breakeven_collector.imports.lines import Account, BadRow, Line, moment, money, open_on, quantity

NEEDED: Final = ("BilledCost", "BillingCurrency", "ChargePeriodStart", "ChargePeriodEnd")
_PROVIDERS: Final = (
    (re.compile(r"bedrock", re.I), "aws.bedrock"),
    (re.compile(r"azure (ai )?(foundry|openai|ai)|openai.*azure|cognitive services|foundry (models|tools)", re.I),
     "azure.ai.openai"),
    (re.compile(r"vertex|gemini|generative language", re.I), "gcp.vertex_ai"),
    (re.compile(r"openai", re.I), "openai"),
    (re.compile(r"anthropic|claude", re.I), "anthropic"),
)  # fmt: skip
_CATEGORY: Final = "ai and machine learning"
_METERS: Final = (
    (re.compile(r"cache[-_ ]?read|cached", re.I), "cache_read_tokens"),
    (re.compile(r"cache[-_ ]?write", re.I), "cache_write_5m_tokens"),
    (re.compile(r"output|completion|response", re.I), "output_tokens"),
    (re.compile(r"input|prompt", re.I), "uncached_tokens"),
)


def provider_of(row: Mapping[str, str]) -> str:
    """Who serves the model, spelled as calls.provider; empty: the charge is for no model.

    The name of the service decides, then publisher and SKU where the category is AI and Machine Learning.
    """
    names = " ".join(row.get(name, "") for name in ("ServiceName", "x_SkuMeterCategory"))
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
    amount = money(row["BilledCost"], "BilledCost")
    currency = row["BillingCurrency"].strip().upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise BadRow(f"BillingCurrency is {row['BillingCurrency']!r}: not a code of three letters")
    rate = Decimal(1) if currency == "USD" else rates.get(currency)
    if rate is None:
        account.warnings[
            f"{currency}: no rate of exchange, so these lines have no dollars; --rate {currency}=… gives one"
        ] += 1
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
    account.lines.append(
        Line(
            report="focus",
            part=row.get("BillingAccountId", ""),
            provider=provider,
            from_time=start,
            to_time=end,
            open=open_on(start.date(), now),
            provider_project=row.get("SubAccountId", "") or row.get("ResourceId", ""),
            key_name=_tag(account, row.get("Tags", "")),
            model=_model(row),
            item=item,
            meter=next((meter for pattern, meter in _METERS if tokens and pattern.search(sku)), ""),
            quantity=number if category == "Usage" else None,
            unit=unit if category == "Usage" else "",
            amount=amount,
            currency=currency,
            amount_usd=None if rate is None else money(amount * rate, "BilledCost"),
        )
    )


def _model(row: Mapping[str, str]) -> str:
    """The model where a detail of the SKU names it; nothing is read out of running text."""
    for column in ("SkuPriceDetails", "x_SkuDetails"):
        try:
            details: Any = json.loads(row.get(column) or "{}")
        except ValueError:
            continue
        if isinstance(details, dict):
            for name in ("x_Model", "x_model", "model", "Model"):
                if isinstance(found := details.get(name), str):
                    return found
    return row.get("x_Model", "") or row.get("x_model", "")


def _tag(account: Account, tags: str) -> str:
    """What a tag calls the feature, application or key."""
    if not tags:
        return ""
    try:
        found: Any = json.loads(tags)
    except ValueError:
        account.warnings["Tags are not JSON and were not taken"] += 1
        return ""
    if isinstance(found, dict):
        lower = {str(name).lower().rsplit("/", 1)[-1]: value for name, value in found.items()}
        for name in ("feature", "application", "app", "key"):
            if isinstance(value := lower.get(name), str):
                return value
    return ""
