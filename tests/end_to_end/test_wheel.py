"""What is published: the wheel's content, and both ways to install it into an environment of its own."""

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from email.parser import Parser
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.end_to_end.processes import ROOT, CollectorProcess, collector, run
from tests.spans import Call, body

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = [ROOT / folder for folder in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
SERVER_MODULES = (
    *("breakeven_collector", "breakeven_schema", "chdb", "clickhouse_connect", "fastapi", "genai_prices"),
    *("pydantic", "rich", "typer", "uvicorn"),
)

EMIT = f"""
import sys
import breakeven
loaded = set({SERVER_MODULES!r}) & {{name.partition(".")[0] for name in sys.modules}}
assert not loaded, loaded
breakeven.init(service="bare", endpoint=sys.argv[1])
with breakeven.feature("search"):
    breakeven.record(provider="openai", model="gpt-4o", input_tokens=1000, output_tokens=100)
assert breakeven.flush(10)
loaded = set({SERVER_MODULES!r}) & {{name.partition(".")[0] for name in sys.modules}}
assert not loaded, loaded
print(breakeven.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    if find_spec("hatchling") and find_spec("build"):
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    else:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(names: set[str]) -> None:
    in_tree = {
        name.as_posix()
        for package in PACKAGES
        for path in package.rglob("*")
        for name in [path.relative_to(package.parent)]
        # What tools leave behind is in .gitignore.
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in name.parts)
    }
    in_wheel = {name for name in names if ".dist-info/" not in name}
    assert in_wheel == in_tree
    assert {name.partition("/")[0] for name in in_wheel} == {package.name for package in PACKAGES}
    assert not [name for name in names if "test_" in name or "node_modules" in name or "__cache__" in name]


def test_the_wheel_holds_what_is_no_python(names: set[str]) -> None:
    for folder in ("migrations", "views", "queries"):
        in_tree = len(list((ROOT / "schema/breakeven_schema" / folder).glob("*.sql")))
        assert in_tree > 5
        assert sum(n.startswith(f"breakeven_schema/{folder}/") and n.endswith(".sql") for n in names) == in_tree
    assert names >= {
        "breakeven/py.typed",
        "breakeven_collector/demo/breakeven.toml",
        "breakeven_collector/py.typed",
        "breakeven_schema/otlp.proto",
        "breakeven_schema/py.typed",
        "breakeven_schema/queries/report.sql",
    }
    (licence,) = [name for name in names if name.endswith("/LICENSE")]
    assert licence.startswith("breakeven-")


def test_without_extras_it_asks_for_opentelemetry_and_tiktoken_only(wheel: Path, names: set[str]) -> None:
    (path,) = [name for name in names if name.endswith(".dist-info/METADATA")]
    with zipfile.ZipFile(wheel) as archive:
        metadata = Parser().parsestr(archive.read(path).decode())
    needs: list[str] = metadata.get_all("Requires-Dist", [])
    assert {need.partition(">")[0] for need in needs if "extra ==" not in need} == {
        "opentelemetry-api",
        "opentelemetry-exporter-otlp-proto-http",
        "opentelemetry-sdk",
        "tiktoken",
    }
    assert {"anthropic", "collector", "google", "openai"} <= set(metadata.get_all("Provides-Extra", []))


def new_environment(folder: Path) -> Path:
    """A virtual environment without even pip; its interpreter."""
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


def install(python: Path, *arguments: str | Path) -> None:
    if uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and what it asks for, no extras."""
    python = new_environment(tmp_path_factory.mktemp("bare"))
    install(python, wheel)
    return python


@pytest.fixture(scope="module")
def full(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment as with the extra `collector`.

    Its dependencies take most of a minute to install anew, so they are read from this environment; Breakeven itself is
    the wheel's. That the extra names all of them is for the installation of this very environment to show.
    """
    python = new_environment(tmp_path_factory.mktemp("full"))
    install(python, "--no-deps", wheel)
    (packages,) = python.parent.parent.glob("lib/python*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_the_bare_sdk_loads_nothing_of_the_server_and_sends(bare: Path, running: CollectorProcess) -> None:
    done = run(bare, "-c", EMIT, running.url, cwd=running.data_dir.parent)
    assert (done.status, done.err) == (0, "")
    assert Path(done.out.strip()).is_relative_to(bare.parent.parent)
    report = running.report_of(1)
    assert [(row["feature"], row["calls"], row["cost_usd"]) for row in report["features"]] == [("search", 1, "0.0035")]


@pytest.mark.parametrize("arguments", [["--help"], ["report"], ["up"]])
def test_the_bare_command_says_what_to_install(bare: Path, arguments: list[str]) -> None:
    done = run(bare.with_name("breakeven"), *arguments)
    assert done.status != 0
    assert done.out == ""
    assert "pip install 'breakeven[collector]'" in done.err
    assert "Traceback" not in done.err


def test_the_command_of_the_full_installation_helps(full: Path) -> None:
    done = run(full.with_name("breakeven"), "--help")
    assert (done.status, done.err) == (0, "")
    assert all(command in done.out for command in ("up", "demo", "report", "doctor"))


def test_a_report_without_a_store_says_how_to_get_one(full: Path, tmp_path: Path) -> None:
    done = run(full.with_name("breakeven"), "report", "--port", "1", XDG_DATA_HOME=str(tmp_path))
    assert (done.status, done.out) == (1, "")
    assert f"no data yet: nothing answers at http://127.0.0.1:1 and there is no store in {tmp_path}" in done.err
    assert "breakeven up" in done.err
    assert not list(tmp_path.iterdir()), "asking makes no store"


def test_the_collector_of_the_wheel_makes_its_tables_and_prices_a_call(full: Path, tmp_path: Path) -> None:
    where = run(full, "-c", "import breakeven_collector, breakeven_schema as s; print(s.__file__)", cwd=tmp_path)
    assert Path(where.out.strip()).is_relative_to(full.parent.parent)
    with collector(tmp_path / "data", python=full) as process:
        headers = {"Content-Type": "application/x-protobuf"}
        with urlopen(Request(f"{process.url}/v1/traces", body(Call()), headers)) as answer:
            assert answer.status == 200
        assert process.report_of(1)["totals"]["cost_usd"] == "0.0035"
        process.stop()
