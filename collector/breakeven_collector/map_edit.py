"""Proposals in an editor: what is saved is what is written."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from breakeven_collector.declarations import load_declarations, parse_declarations
from breakeven_collector.errors import BreakevenError, ConfigError
from breakeven_collector.map_file import append_text

_HEAD: Final = """\
#: What stands here when you save and close is put at the end of
#: {config}
#: Change it as you like, and delete what you do not want: where nothing is left, nothing is written.

"""


def edit_rules(config: Path, text: str, *, again: Callable[[str], bool]) -> int:
    """Open $VISUAL or $EDITOR on rules and put what is saved at the end of `breakeven.toml`.

    Args:
        config: the file.
        text: the rules.
        again: is told what is wrong with what was saved, and says whether to open the editor on it again.

    Returns:
        How many rules and features were written.

    Raises:
        BreakevenError: no editor could be run, or what was saved does not fit; the message says where it is kept.
    """
    with tempfile.NamedTemporaryFile(
        "w", prefix="breakeven-map-", suffix=".toml", delete=False, encoding="utf-8"
    ) as file:
        file.write(_HEAD.format(config=config) + text)
    path = Path(file.name)
    while True:
        try:
            click.edit(filename=file.name)
            added = _take(config, path)
        except click.ClickException as error:
            raise BreakevenError(
                f"{error.message}. Name one in $EDITOR; nothing was written, and the proposals are kept in {path}"
            ) from None
        except (ConfigError, OSError) as error:
            if again(str(error)):
                continue
            raise BreakevenError(
                f"{error}\nNothing was written to {config}; what you saved is kept in {path}"
            ) from None
        path.unlink()
        return added


def _take(config: Path, path: Path) -> int:
    try:
        saved = path.read_text(encoding="utf-8-sig")
    except ValueError as error:
        raise ConfigError(f"{path}: {error}; write UTF-8") from None
    try:
        declared = parse_declarations(saved, path)
    except ConfigError as error:
        raise ConfigError(_with_line(str(error), saved, path)) from None
    there = load_declarations(config).features
    for name in declared.features:
        if name in there:
            raise ConfigError(_with_line(f"{path}: features.{name}: stands in {config} already", saved, path))
    if added := len(declared.rules) + len(declared.features) + len(declared.aliases.all):
        lines = [line for line in saved.splitlines() if not line.startswith("#:")]
        append_text(config, "\n".join(lines).strip("\n") + "\n")
    return added


def _with_line(message: str, saved: str, path: Path) -> str:
    """The message with the line that it is about; that of TOML's own errors is in them."""
    if found := re.search(r"\bmap (\d+)", message):
        starts = _lines(r"\[\[\s*map\s*\]\]", saved)
        where = starts[int(found[1]) - 1] if int(found[1]) <= len(starts) else 0
    elif found := re.search(r"\bfeatures\.([^.: ]+)", message):
        where = next(iter(_lines(rf'\[\s*features\s*\.\s*"?{re.escape(found[1])}"?\s*[\].]', saved)), 0)
    else:
        return message
    return message.replace(str(path), f"{path}, line {where}", 1) if where else message


def _lines(pattern: str, text: str) -> list[int]:
    return [number for number, line in enumerate(text.splitlines(), 1) if re.match(rf"\s*{pattern}", line)]
