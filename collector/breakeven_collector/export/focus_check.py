"""Holds a file against FOCUS 1.2: columns, types, nulls, allowed values, formats, and one column against another."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, cast

from breakeven_collector.errors import BreakevenError
from breakeven_collector.export import focus_rules as rules
from breakeven_collector.export.files import FileFormat, write_query
from breakeven_collector.export.focus_rules import COLUMNS, Kind
from breakeven_collector.store import Store

_NUMBER: Final = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([Ee]-?\d+)?")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_CUSTOM: Final = re.compile(r"x_[A-Za-z0-9_]+")
_TOLERANCE: Final = Decimal("1e-9")
"""Relative, as the FinOps Foundation's validator has it."""
_PARQUET: Final[Mapping[Kind, re.Pattern[str]]] = {
    Kind.DECIMAL: re.compile(r"U?Int\d+|Decimal\(.*\)|Float\d+"),
    Kind.DATE_TIME: re.compile(r"DateTime(64)?\b.*"),
    Kind.STRING: re.compile(r"String"),
    Kind.KEY_VALUE: re.compile(r"String"),
}
_WIDEST_FIELD: Final = 16 * 1024 * 1024

Row = Mapping[str, str | None]


@dataclass
class Finding:
    """One rule that the file breaks."""

    rule: str
    """Name in the requirements model; columns that are not FOCUS's: ColumnHandling."""
    message: str
    """What is wrong, with the value of the first row."""
    line: int
    """First row, the header is 1; 0: the file as a whole."""
    rows: int = 1


@dataclass
class Checked:
    """What came of it."""

    rows: int = 0
    findings: dict[str, Finding] = field(default_factory=dict[str, Finding])

    def add(self, rule: str, line: int, message: str) -> None:
        """Count one more row that breaks a rule."""
        if rule in self.findings:
            self.findings[rule].rows += 1
        else:
            self.findings[rule] = Finding(rule, message, line)


def check_focus(path: Path, store: Store, folder: Path) -> Checked:
    """Hold a file against the specification.

    Args:
        path: CSV, or Parquet where its name ends so.
        store: any open store, whose engine reads Parquet.
        folder: where a file may be written meanwhile.

    Raises:
        BreakevenError: it cannot be read.
    """
    checked = Checked()
    if not path.is_file():
        raise BreakevenError(f"there is no file {path}")
    if path.suffix != ".parquet":
        _check_csv(path, checked)
        return checked
    where = {"f": str(path.absolute())}
    types = {
        row["name"]: re.sub(r"^Nullable\((.*)\)$", r"\1", row["type"])
        for row in store.rows("DESCRIBE TABLE file({f:String}, 'Parquet')", where)
    }
    for name, kind in types.items():
        if name in COLUMNS and not _PARQUET[COLUMNS[name].kind].fullmatch(kind):
            checked.add(f"{name}: type", 0, f"{name} is {kind} in the file, and should be a {COLUMNS[name].kind}")
    text = folder / "focus.csv"
    write_query(store, "SELECT * FROM file({f:String}, 'Parquet')", FileFormat.CSV, text, where)
    try:
        _check_csv(text, checked)
    finally:
        text.unlink()
    return checked


def _check_csv(path: Path, checked: Checked) -> None:
    csv.field_size_limit(_WIDEST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            names = next(reader, list[str]())
            if not names:
                raise BreakevenError(f"{path} is empty: it has no header")
            _check_columns(names, checked)
            _check_rows(names, reader, checked)
    except (csv.Error, UnicodeDecodeError) as error:
        raise BreakevenError(f"{path} is no CSV in UTF-8: {error}") from None


def _check_columns(names: list[str], checked: Checked) -> None:
    for name, column in COLUMNS.items():
        if column.mandatory and name not in names:
            checked.add(column.mandatory, 0, f"column {name} is missing")
    for name in names:
        if name not in COLUMNS and not _CUSTOM.fullmatch(name):
            checked.add(
                f"ColumnHandling-A-010-M {name}", 0, f"{name!r} is no column of FOCUS: own columns begin with x_"
            )
        if names.count(name) > 1:
            checked.add(f"ColumnHandling {name}", 0, f"column {name} is there twice")


def _check_rows(names: list[str], reader: Iterator[list[str]], checked: Checked) -> None:
    seen: dict[str, dict[str, str | None]] = {pair[2]: {} for pair in rules.ONE_OF}
    for line, values in enumerate(reader, 2):
        checked.rows += 1
        if len(values) != len(names):
            checked.add("row", line, f"{len(values)} values, where the header has {len(names)} columns")
            continue
        row: Row = {name: value or None for name, value in zip(names, values, strict=True)}
        for name, value in row.items():
            _check_value(name, value, line, checked)
        _check_columns_of_row(row, line, checked)
        for one, other, rule in rules.ONE_OF:
            if (
                (key := row.get(one)) is not None
                and other in row
                and seen[rule].setdefault(key, row[other]) != row[other]
            ):
                checked.add(rule, line, f"{one} {key!r} has {other} {seen[rule][key]!r} and {row[other]!r}")


def _check_value(name: str, value: str | None, line: int, checked: Checked) -> None:
    column = COLUMNS.get(name)
    if column is None:
        return
    if value is None:
        if column.not_null:
            checked.add(column.not_null, line, f"{name} is null")
        return
    if column.allowed and value not in column.allowed:
        checked.add(f"{name}: values", line, f"{name} is {value!r}, and must be {' or '.join(column.allowed)}")
    wrong = ""
    if column.kind is Kind.DECIMAL and not _NUMBER.fullmatch(value):
        wrong = "no number such as -1.5 or 2E-7"
    elif column.kind is Kind.DATE_TIME and not _is_time(value):
        wrong = "no time such as 2026-11-01T00:00:00Z"
    elif column.kind is Kind.KEY_VALUE:
        wrong = _wrong_object(name, value)
    elif name in ("BillingCurrency", "PricingCurrency") and not _CURRENCY.fullmatch(value):
        wrong = "no currency of ISO 4217 such as USD"
    elif column.kind is Kind.STRING and not value.strip():
        wrong = "nothing but spaces"
    if wrong:
        checked.add(f"{name}: format", line, f"{name} is {value!r}: {wrong}")


def _check_columns_of_row(row: Row, line: int, checked: Checked) -> None:
    category, corrects = row.get("ChargeCategory"), row.get("ChargeClass") == "Correction"
    for name, (wanted, unwanted) in rules.OF_USAGE.items():
        if name in row and row[name] is None and category in ("Usage", "Purchase") and not corrects:
            checked.add(wanted, line, f"{name} is null where ChargeCategory is {category}")
        if row.get(name) is not None and category == "Tax":
            checked.add(unwanted, line, f"{name} is {row[name]!r} where ChargeCategory is Tax")
    for name, other in rules.NEEDS.items():
        if name in row and (row[name] is None) != (row.get(other) is None):
            checked.add(f"{name}: with {other}", line, f"{name} is {row[name]!r} where {other} is {row.get(other)!r}")
    for name, other in rules.ONLY_WITH.items():
        if row.get(name) is not None and row.get(other) is None:
            checked.add(f"{name}: with {other}", line, f"{name} is {row[name]!r} where {other} is null")
    for name, rule in rules.NOT_NEGATIVE.items():
        if (number := _decimal(row, name)) is not None and number < 0:
            checked.add(rule, line, f"{name} is {number}, less than 0")
    for price, cost, rule in rules.PRODUCTS:
        factors = [_decimal(row, name) for name in (price, "PricingQuantity", cost)]
        unit, quantity, total = factors
        if unit is None or quantity is None or total is None or corrects:
            continue
        if abs(unit * quantity - total) > _TOLERANCE * max(abs(total), 1):
            checked.add(rule, line, f"{price} {unit} × PricingQuantity {quantity} is not {cost} {total}")
    if row.get("ProviderName") != row.get("InvoiceIssuerName") and _decimal(row, "BilledCost"):
        checked.add("BilledCost-C-005-C", line, "BilledCost is not 0, though another issues the invoice")
    if category == "Purchase" and _decimal(row, "EffectiveCost"):
        checked.add("EffectiveCost-C-005-C", line, "EffectiveCost of a purchase is not 0")
    if category == "Purchase" and row.get("ChargeFrequency") == "Usage-Based":
        checked.add("ChargeFrequency-C-004-C", line, "ChargeFrequency of a purchase is Usage-Based")
    if category != "Usage" and row.get("ConsumedQuantity") is not None:
        checked.add(
            "ConsumedQuantity-C-004-C", line, f"ConsumedQuantity is not null where ChargeCategory is {category}"
        )
    service, sub = row.get("ServiceCategory"), row.get("ServiceSubcategory")
    if service is not None and service not in rules.SERVICES:
        checked.add("ServiceCategory-C-003-M", line, f"ServiceCategory {service!r} is none of FOCUS")
    elif service is not None and sub is not None and sub not in rules.SERVICES[service]:
        checked.add("ServiceSubcategory-C-004-M", line, f"ServiceSubcategory {sub!r} is none of {service!r}")
    for kind in ("BillingPeriod", "ChargePeriod"):
        start, end = row.get(f"{kind}Start"), row.get(f"{kind}End")
        if start is not None and end is not None and _is_time(start) and _is_time(end) and _time(start) >= _time(end):
            checked.add(f"{kind}End-C-004-M", line, f"{kind}End {end} is not after {kind}Start {start}")


def _decimal(row: Row, name: str) -> Decimal | None:
    try:
        return Decimal(row.get(name) or "")
    except InvalidOperation:
        return None


def _is_time(value: str) -> bool:
    if not _TIME.fullmatch(value):
        return False
    try:
        _time(value)
    except ValueError:
        return False
    return True


def _time(value: str) -> datetime:
    return datetime.fromisoformat(value)


def _wrong_object(name: str, value: str) -> str:
    twice: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in found]
        twice.extend(key for key in keys if keys.count(key) > 1)
        return dict(found)

    try:
        document = json.loads(value, object_pairs_hook=pairs)
    except ValueError:
        return "no JSON"
    if not isinstance(document, dict):
        return "no JSON object"
    items = cast("dict[str, Any]", document)
    if twice:
        return f"key {twice[0]!r} is there twice"
    if nested := [key for key, item in items.items() if isinstance(item, dict | list)]:
        return f"{nested[0]!r} is an object or an array"
    if name == "SkuPriceDetails" and (
        own := [key for key in items if key not in rules.SKU_PROPERTIES and not key.startswith("x_")]
    ):
        return f"{own[0]!r} is no property of FOCUS: own ones begin with x_"
    return ""
