"""Writes rules into `breakeven.toml` without touching what stands there."""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from breakeven_collector.config_file import Period
from breakeven_collector.declarations import load_declarations, parse_declarations
from breakeven_collector.errors import ConfigError
from breakeven_collector.map_rules import FIELDS, Match


@dataclass(frozen=True)
class NewRule:
    """A rule to be written."""

    feature: str
    match: Match
    """Field → patterns."""
    period: Period = field(default_factory=Period)
    note: str = ""
    comment: str = ""
    """Stands above it in the file."""

    def text(self) -> str:
        """The block as it stands in the file."""
        lines = [f"# {self.comment}"] if self.comment else []
        lines.append("[[map]]")
        for key, patterns in self.match:
            values = ", ".join(_quoted(pattern) for pattern in patterns)
            lines.append(f"{key} = {values}" if len(patterns) == 1 else f"{key} = [{values}]")
        lines.append(f"feature = {_quoted(self.feature)}")
        lines += [f"from = {self.period.start}"] if self.period.start else []
        lines += [f"until = {self.period.end}"] if self.period.end else []
        lines += [f"note = {_quoted(self.note)}"] if self.note else []
        return "\n".join(lines) + "\n"


def append_rules(path: Path, rules: Sequence[NewRule]) -> list[NewRule]:
    """Put rules at the end of the file, which is made where there is none; returns those that were not there yet.

    What stands in the file stays, byte for byte. The file is replaced in one step: a collector never reads half of it.

    Raises:
        ConfigError: the file does not fit as it is, or would not with the rules.
        OSError: it cannot be written.
    """
    there = {_meaning(rule.feature, rule.match, rule.period) for rule in load_declarations(path).rules}
    new: list[NewRule] = []
    for rule in rules:
        if (meaning := _meaning(rule.feature, rule.match, rule.period)) not in there:
            there.add(meaning)
            new.append(rule)
    if not new:
        return []
    append_text(path, "\n".join(rule.text() for rule in new))
    return new


def append_text(path: Path, text: str) -> None:
    """Put text at the end of the file, as append_rules does with rules.

    Raises:
        ConfigError: the file would not fit with it.
        OSError: it cannot be written.
    """
    before = path.read_bytes() if path.exists() else b""
    newline = "\r\n" if b"\r\n" in before else "\n"
    gap = "" if not before else "\n" if before.endswith(b"\n") else "\n\n"
    added = (gap + text).replace("\n", newline)
    try:
        after = before + added.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{error.object[error.start : error.end]!r} in a rule is no text; write UTF-8") from None
    try:
        parse_declarations(after.decode(), path)
    except ConfigError as error:
        raise ConfigError(f"{error} (that is how it would be with the new rules; nothing was written)") from None
    _replace(path, after)


def owner_text(feature: str, owner: str) -> str:
    """`[features.NAME]` with an owner, as it stands in the file."""
    return f"[features.{_quoted(feature)}]\nowner = {_quoted(owner)}\n"


def _meaning(feature: str, match: Match, period: Period) -> tuple[str, frozenset[tuple[str, frozenset[str]]], Period]:
    return feature, frozenset((key, frozenset(patterns)) for key, patterns in match), period


def _replace(path: Path, content: bytes) -> None:
    # A link stays a link.
    path = path.resolve()
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _quoted(text: str) -> str:
    """A TOML string. JSON's escapes are TOML's, but for DEL, which TOML wants escaped, too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def new_rule(feature: str, values: dict[str, Sequence[str]], period: Period, note: str, comment: str) -> NewRule:
    """A rule from what was given for each field; fields without a value are left out.

    Raises:
        ConfigError: none was given.
    """
    match = tuple((key, tuple(values[key])) for key in FIELDS if values.get(key))
    if not match:
        raise ConfigError(
            f"a rule must say what it matches: give at least one of {', '.join(f'--{key}' for key in FIELDS)}"
        )
    return NewRule(feature, match, period, note, comment)


def comment_of(day: date, what: str) -> str:
    """What stands above a rule that was written for somebody."""
    return f"Added by `breakeven map` on {day}{f': {what}' if what else ''}"
