"""`breakeven demo --url`: the demo's traffic in a collector that runs elsewhere and asks for a key."""

import re

from breakeven_collector.cli import app
from breakeven_collector.keys import Scope, new_secret
from breakeven_collector.serve import Collector
from breakeven_collector.settings import Settings
from pydantic import SecretStr
from typer.testing import CliRunner, Result


def test_a_collector_elsewhere_gets_the_demo_once_with_an_admins_key(settings: Settings) -> None:
    keys = {scope: new_secret(scope) for scope in (Scope.ADMIN, Scope.READ)}
    settings = settings.model_copy(update={f"{scope}_key": SecretStr(secret) for scope, secret in keys.items()})
    with Collector(settings) as collector:

        def demo(key: str) -> Result:
            return CliRunner(env={"BREAKEVEN_KEY": key, "COLUMNS": "200"}).invoke(
                app, ["demo", "--url", collector.url, "--days", "1"]
            )

        without = demo("")
        assert (without.exit_code, "asks for a key" in without.stderr) == (1, True)
        reader = demo(keys[Scope.READ])
        assert (reader.exit_code, "the key of an admin of all projects" in reader.stderr) == (1, True)
        first = demo(keys[Scope.ADMIN])
        assert first.exit_code == 0, first.output
        assert re.search(r"^contract-review +legal-ai +~?\$", first.stdout, re.MULTILINE)
        assert "Imported from openai's account" in first.stdout
        again = demo(keys[Scope.ADMIN])
        calls = re.search(r"([\d,]+) calls,", first.stdout)
        assert calls
        assert (
            again.stdout == f"The collector at {collector.url} has {calls[1]} calls already: no demo is sent there.\n"
        )
        assert "admin.key" not in first.output
