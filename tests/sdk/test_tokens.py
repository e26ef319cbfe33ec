"""Rank files and counting: the same encodings as tiktoken's own, without files or network, whatever the text."""

import hashlib
import importlib
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import tiktoken
from breakeven import _guard, _tokens, ranks
from hypothesis import given
from hypothesis import strategies as st

openai_public: Any = importlib.import_module("tiktoken_ext.openai_public")

ENCODINGS = [_tokens.CL100K, _tokens.O200K]


def test_a_packed_file_holds_any_tokens() -> None:
    @given(st.lists(st.binary(max_size=255), unique=True))
    def holds(tokens: list[bytes]) -> None:
        assert ranks.unpack(ranks.pack(tokens)) == tokens
        assert ranks.parse(ranks.unparse(tokens)) == tokens if all(tokens) else True

    holds()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_unpacked_it_is_the_file_that_tiktoken_would_download(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected: list[str] = []

    def load(_url: str, expected_hash: str) -> dict[bytes, int]:
        expected.append(expected_hash)
        return {}

    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", load)
    theirs = getattr(openai_public, encoding)()
    original = ranks.unparse(ranks.unpack(ranks.path(encoding).read_bytes()))
    assert [hashlib.sha256(original).hexdigest()] == expected == [ranks.SHA256[encoding]]
    ours = _tokens.definition(encoding)
    assert len(ours["mergeable_ranks"]) == len(set(ours["mergeable_ranks"].values()))
    assert {**ours, "mergeable_ranks": {}} == theirs


def test_nothing_is_downloaded_and_no_cache_is_touched(tmp_path: Path) -> None:
    program = """
    import socket, sys
    def forbidden(*_args, **_kwargs):
        raise AssertionError("a socket")
    socket.socket = socket.create_connection = socket.getaddrinfo = forbidden
    from breakeven import _tokens
    print("tiktoken" in sys.modules, [_tokens.count("hello world", name) for name in ("cl100k_base", "o200k_base")])
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={"PYTHONPATH": str(Path(_tokens.__file__).parents[1]), "TIKTOKEN_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("False [2, 2]\n", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4", _tokens.CL100K),
        ("gpt-4-0613", _tokens.CL100K),
        ("gpt-4-turbo-2024-04-09", _tokens.CL100K),
        ("gpt-3.5-turbo", _tokens.CL100K),
        ("azure/gpt-35-turbo", _tokens.CL100K),
        ("ft:gpt-3.5-turbo-0125:acme::x", _tokens.CL100K),
        ("text-embedding-3-small", _tokens.CL100K),
        ("text-embedding-ada-002", _tokens.CL100K),
        ("gpt-4o", _tokens.O200K),
        ("gpt-4.1-mini", _tokens.O200K),
        ("gpt-4.5-preview", _tokens.O200K),
        ("gpt-6", _tokens.O200K),
        ("o3", _tokens.O200K),
        ("claude-opus-4-8", _tokens.O200K),
        ("", _tokens.O200K),
    ],
)
def test_the_model_chooses_the_encoding(model: str, encoding: str) -> None:
    assert _tokens.encoding_for(model) == encoding


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("text", "at_least", "at_most"),
    [
        (" " * 1_000_000, 5_000, 20_000),
        ("\n" * 1_000_000, 10_000, 300_000),
        ("a" * 1_000_000, 100_000, 200_000),
        ("<|endoftext|>", 5, 10),
        ("before <|endoftext|><|endofprompt|> after", 10, 25),
        ("\ud800 lone \udfff surrogates", 5, 20),
        ("the quick brown fox " * 500_000, 1_900_000, 2_600_000),
        ("\x00" * 100_000, 1_000, 200_000),
        ("", 0, 0),
    ],
    ids=["spaces", "newlines", "a", "special", "specials", "surrogates", "10 MB", "NUL", "nothing"],
)
def test_text_that_trips_tiktoken_is_counted(encoding: str, text: str, at_least: int, at_most: int) -> None:
    tokens = _tokens.count(text, encoding)
    assert tokens is not None
    assert at_least <= tokens <= at_most


def test_a_million_spaces_at_once_are_what_tiktoken_cannot_take() -> None:
    """The trap is real; if this fails one day, the pieces may go."""
    program = """
    import tiktoken
    from breakeven import _tokens
    encoding = tiktoken.Encoding(**_tokens.definition(_tokens.O200K))
    for encode in (encoding.encode_ordinary, lambda text: encoding.encode(text, disallowed_special=())):
        try:
            encode(" " * 1_000_000)
        except BaseException as error:
            print(type(error).__name__, isinstance(error, Exception))
    """
    # In a process of its own: Rust writes a backtrace to stderr.
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["PanicException False", "ValueError True"]


def test_a_panic_is_no_exception_and_still_does_not_get_out() -> None:
    class PanicException(BaseException):
        pass

    def encode(text: str) -> int:
        if len(text) > 3000:
            raise PanicException
        return len(text)

    assert _tokens._count("x" * 50_000, encode) == 50_000  # pyright: ignore[reportPrivateUsage]


def test_counting_in_chunks_is_off_by_almost_nothing() -> None:
    text = " ".join(f"word{n} and some more of the prose" for n in range(30_000))
    whole = len(tiktoken.Encoding(**_tokens.definition(_tokens.O200K)).encode(text, disallowed_special=()))
    assert _tokens.count(text, _tokens.O200K) == pytest.approx(whole, rel=0.0005)


def test_without_tiktoken_it_is_said_once_and_nothing_is_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _guard.forget_logged()
    monkeypatch.setattr(_tokens, "_encodings", {})
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    assert [_tokens.count("hello", encoding) for encoding in (*ENCODINGS, *ENCODINGS)] == [None] * 4
    (record,) = caplog.records
    assert record.getMessage().startswith("tiktoken cannot be used (")


def test_other_threads_go_on_while_ten_megabytes_are_counted() -> None:
    _tokens.count("load", _tokens.O200K)
    worker = threading.Thread(target=_tokens.count, args=("some words of text " * 500_000, _tokens.O200K))
    longest = 0.0
    worker.start()
    while worker.is_alive():
        began = time.perf_counter()
        time.sleep(0)
        longest = max(longest, time.perf_counter() - began)
    assert longest < 0.5
