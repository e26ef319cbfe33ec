from typing import Any

import pytest
from breakeven import _guard
from breakeven._config import Config, resolve, traces_url


@pytest.fixture(autouse=True)
def log_anew() -> None:
    _guard.forget_logged()


def settled(**arguments: Any) -> Config:
    given: dict[str, Any] = {
        "service": None,
        "endpoint": None,
        "api_key": None,
        "environment": None,
        "instrument": True,
        "stream_usage": True,
        "propagate_threads": True,
        "llm_hosts": (),
    }
    return resolve(**(given | arguments))


def test_without_anything_the_defaults_hold() -> None:
    assert settled() == Config(
        service=None,
        endpoint="http://127.0.0.1:4318/v1/traces",
        api_key=None,
        environment=None,
        timeout_s=10.0,
        compression="gzip",
        delay_s=0.5,
        max_queue=2048,
        max_batch=512,
        instrument=True,
        stream_usage=True,
        propagate_threads=True,
        llm_hosts=(),
    )


def test_an_argument_wins_over_our_variables_and_these_over_those_of_opentelemetry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def endpoint_service(**arguments: Any) -> tuple[str, str | None]:
        config = settled(**arguments)
        return config.endpoint, config.service

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4318/")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "otel")
    assert endpoint_service() == ("http://otel:4318/v1/traces", "otel")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/custom")
    assert endpoint_service() == ("http://traces:4318/custom", "otel")
    monkeypatch.setenv("BREAKEVEN_ENDPOINT", "http://ours:4318")
    monkeypatch.setenv("BREAKEVEN_SERVICE", "ours")
    assert endpoint_service() == ("http://ours:4318/v1/traces", "ours")
    assert endpoint_service(endpoint="https://arg/base/", service="arg") == ("https://arg/base/v1/traces", "arg")


def test_variables_of_opentelemetry_set_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3.5",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "2000",
        "OTEL_BSP_MAX_QUEUE_SIZE": "10",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5",
        "BREAKEVEN_API_KEY": "k",
        "BREAKEVEN_ENVIRONMENT": "staging",
    }.items():
        monkeypatch.setenv(name, value)
    config = settled()
    assert (config.timeout_s, config.compression, config.delay_s) == (3.5, "none", 2.0)
    assert (config.max_queue, config.max_batch, config.api_key, config.environment) == (10, 5, "k", "staging")
    assert "k" not in repr(config).replace("breakeven", "")


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://c:4318", "http://c:4318/v1/traces"),
        ("http://c:4318/", "http://c:4318/v1/traces"),
        ("http://c:4318/v1/traces", "http://c:4318/v1/traces"),
        ("http://c:4318/v1/traces/", "http://c:4318/v1/traces"),
        ("https://c/breakeven", "https://c/breakeven/v1/traces"),
        ("localhost:4318", None),
        ("c", None),
        ("", None),
        ("ftp://c", None),
        ("http://c:port", None),
        ("http://[", None),
        (3, None),
    ],
)
def test_the_endpoint_is_the_base_url_of_the_collector(base: Any, url: str | None) -> None:
    assert traces_url(base, "endpoint") == url


def test_what_is_unfit_is_logged_once_and_the_next_in_line_is_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("BREAKEVEN_ENDPOINT", "http://env:4318")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "-3")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "zip")
    config = settled(endpoint="collector:4318", api_key="schlüssel")
    assert settled(endpoint="collector:4318", api_key="schlüssel") == config
    assert (config.endpoint, config.delay_s, config.api_key) == ("http://env:4318/v1/traces", 0.5, None)
    assert sorted(record.getMessage() for record in caplog.records) == [
        "OTEL_BSP_SCHEDULE_DELAY='-3': must be a positive number; using 500.0",
        "OTEL_EXPORTER_OTLP_COMPRESSION='zip': must be gzip, deflate or none; using gzip",
        "api_key: must be ASCII without spaces to be sent in a header; sending no key",
        "endpoint 'collector:4318': must look like http://127.0.0.1:4318; ignored",
    ]


def test_the_key_is_sent_to_our_endpoint_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("BREAKEVEN_API_KEY", "bk_ingest_canary")
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.setenv(name, "https://vendor.example/v1/traces")
        assert settled().api_key is None
        assert settled(api_key="bk_ingest_canary").api_key is None
    assert settled(endpoint="https://ours.example").api_key == "bk_ingest_canary"
    monkeypatch.setenv("BREAKEVEN_ENDPOINT", "https://ours.example")
    assert settled().api_key == "bk_ingest_canary"
    assert [record.getMessage() for record in caplog.records] == [
        "the Breakeven key is not sent to OTEL_EXPORTER_OTLP_ENDPOINT, which may be somebody else's: name the collector "
        "with init(endpoint=…) or BREAKEVEN_ENDPOINT"
    ]


@pytest.mark.parametrize("key", ["bk_canary key", "bk_canary\xa0x", "bk_canary\r\n x: y"])
def test_a_key_that_cannot_be_sent_is_not_told(key: str, caplog: pytest.LogCaptureFixture) -> None:
    config = settled(api_key=key)
    assert config.api_key is None
    assert "canary" not in repr(config) + caplog.text


def test_the_port_for_grpc_is_pointed_out(caplog: pytest.LogCaptureFixture) -> None:
    assert settled(endpoint="http://c:4317").endpoint == "http://c:4317/v1/traces"
    assert [record.getMessage() for record in caplog.records] == [
        "endpoint 'http://c:4317': 4317 is the port for gRPC; OTLP/HTTP listens on 4318"
    ]
