"""Delivery over OTLP/HTTP, saying once in an outage what is wrong."""

import logging
import re
import threading
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from breakeven import _guard
from breakeven._guard import logger

_CHATTY: Final = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.common.http",
    "urllib3.connectionpool",
)
_CODE: Final = re.compile(r"code: (\d{3})")
_TRY_AGAIN: Final = frozenset({"408", "429", "500", "502", "503", "504"})
_MEND: Final = {
    "401": "the collector knows no such key; set BREAKEVEN_API_KEY or init(api_key=…) to one that "
    "`breakeven keys create --scope ingest` gave",
    "403": "the collector does not let this write; set BREAKEVEN_API_KEY or init(api_key=…) to a key that "
    "`breakeven keys create --scope ingest` gave",
    "404": "the endpoint is the base URL of the collector, without a path",
}


class _Overheard(logging.Filter):
    """Keeps OpenTelemetry's own messages about our deliveries off the log, and notes them.

    It logs every failed attempt. Exporters of the application run in other threads and are left alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.local()

    def start(self) -> list[str]:
        heard: list[str] = []
        self._thread.heard = heard
        return heard

    def stop(self) -> None:
        self._thread.heard = None

    def filter(self, record: logging.LogRecord) -> bool:
        heard: list[str] | None = getattr(self._thread, "heard", None)
        if heard is None:
            return True
        heard.append(record.getMessage())
        return False


_overheard: Final = _Overheard()


class Exporter:
    """Sends batches through an OpenTelemetry exporter."""

    def __init__(self, inner: SpanExporter, endpoint: str) -> None:
        for name in _CHATTY:
            logging.getLogger(name).addFilter(_overheard)
        self._inner = inner
        self._endpoint = endpoint
        self._down = False

    def send(self, spans: list[ReadableSpan]) -> bool:
        """Deliver. True if delivered or refused for good, False if a later attempt may succeed."""
        heard = _overheard.start()
        try:
            result = self._inner.export(spans)
        except Exception as error:
            if _guard.strict:
                raise
            heard.append(f"{type(error).__name__}: {error}")
            result = SpanExportResult.FAILURE
        finally:
            _overheard.stop()
        if result is SpanExportResult.SUCCESS:
            self._say_up()
            return True
        code = next((match[1] for text in heard if (match := _CODE.search(text))), None)
        self._say_down(heard, code)
        return code is not None and code not in _TRY_AGAIN

    def close(self) -> None:
        """End a delivery that waits for its next attempt."""
        heard = _overheard.start()
        self._down = True  # what fails from here on fails because of this
        try:
            self._inner.shutdown()
        finally:
            heard.clear()
            _overheard.stop()

    def _say_down(self, heard: list[str], code: str | None) -> None:
        if self._down:
            return
        self._down = True
        why = heard[0] if heard else "no reason given"
        mend = _MEND.get(code or "", "is the collector running, and is BREAKEVEN_ENDPOINT right?")
        logger.warning(
            "cannot deliver spans to %s: %s. To mend: %s The application is not affected; delivery goes on trying, and "
            "the next message comes when it works again.",
            self._endpoint,
            why[:500],
            mend if mend.endswith("?") else mend + ".",
        )

    def _say_up(self) -> None:
        if self._down:
            self._down = False
            logger.warning("spans are delivered to %s again", self._endpoint)
