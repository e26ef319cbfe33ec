"""A feature or a task: what its spans carry, what it decorates, and what it leaves alone."""

import asyncio
import inspect
import logging
import threading
from typing import Any

import breakeven
import pytest
from breakeven import _switch
from breakeven._payer import current, frame_in
from breakeven.testing import captured_spans
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from tests.sdk.features import here, tracer

pytestmark = pytest.mark.usefixtures("errors_are_raised")


def stamp() -> dict[str, Any]:
    """What a span started right now would say, without the random run."""
    with captured_spans() as spans:
        tracer.start_span("s").end()
    attributes = dict(spans[0].attributes or {})
    attributes.pop("breakeven.run", None)
    return attributes


def test_a_span_inside_a_feature_carries_everything_that_was_given() -> None:
    with breakeven.feature("triage", tenant="acme", user=7, session="s-1", plan="pro", beta=True, none=None):
        assert stamp() == {
            "breakeven.feature": "triage",
            "breakeven.tenant": "acme",
            "user.id": "7",
            "session.id": "s-1",
            "breakeven.tag.plan": "pro",
            "breakeven.tag.beta": "True",
        }
    assert stamp() == {}


def test_the_outermost_feature_pays_and_inner_ones_become_steps() -> None:
    with breakeven.feature("review", tenant="acme", plan="pro", area="eu"):
        with breakeven.feature("summarise", tenant="beta", plan="free"), breakeven.task("plan"):
            assert stamp() == {
                "breakeven.feature": "review",
                "breakeven.task": "summarise › plan",
                "breakeven.tenant": "beta",
                "breakeven.tag.plan": "free",
                "breakeven.tag.area": "eu",
            }
        assert stamp() == {
            "breakeven.feature": "review",
            "breakeven.tenant": "acme",
            "breakeven.tag.plan": "pro",
            "breakeven.tag.area": "eu",
        }


def test_a_feature_with_its_own_bill_starts_a_new_path_and_a_new_run() -> None:
    with breakeven.feature("review", tenant="acme"), breakeven.task("step"):
        outer = current()
        with breakeven.feature("translate", own_bill=True):
            assert stamp() == {"breakeven.feature": "translate", "breakeven.tenant": "acme"}
            assert current().run != outer.run
        assert current() == outer


def test_one_outermost_entry_is_one_run() -> None:
    review = breakeven.feature("review")
    with review:
        first = current().run
        with breakeven.feature("inner"):
            assert current().run == first
    with review:
        assert current().run != first


def test_a_task_outside_any_feature_records_its_path() -> None:
    with breakeven.task("nightly"), breakeven.task("digest"):
        assert stamp() == {"breakeven.task": "nightly › digest"}


def test_a_function_that_calls_itself_stays_on_its_step() -> None:
    @breakeven.feature("outer")
    def outer(depth: int) -> tuple[str | None, tuple[str, ...]]:
        return outer(depth - 1) if depth else inner(3)

    @breakeven.task("inner")
    def inner(depth: int) -> tuple[str | None, tuple[str, ...]]:
        return inner(depth - 1) if depth else here()

    assert outer(3) == ("outer", ("inner",))


def test_a_path_does_not_grow_without_end() -> None:
    @breakeven.task("a")
    def a(depth: int) -> int:
        return b(depth - 1) if depth else len(current().steps)

    @breakeven.task("b")
    def b(depth: int) -> int:
        return a(depth - 1) if depth else len(current().steps)

    assert a(100) == 16


@pytest.mark.parametrize("name", ["", "  ", None, 3, b"x", "\x00\n"])
def test_an_unfit_name_is_logged_once_and_the_code_runs_without_a_feature(
    name: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        with breakeven.feature(name, tenant="acme"):
            assert stamp() == {"breakeven.tenant": "acme"}
    with breakeven.feature("outer"), breakeven.feature(name), breakeven.task(name):
        assert here() == ("outer", ())
    assert [record.levelno for record in caplog.records if record.name == "breakeven"] == [logging.WARNING] * 2


def test_names_are_cut_and_cleaned() -> None:
    with breakeven.feature(" tic\x00ket\ud800\n-triage " + "x" * 500):
        name = current().feature
    assert name is not None
    assert name.startswith("ticket-triagex") is False
    assert name.startswith("ticket-triage x")
    assert len(name) == 200


def test_the_separator_inside_a_step_is_replaced() -> None:
    with breakeven.feature("f"), breakeven.task("a › b"):
        assert current().steps == ("a > b",)


def test_one_object_serves_many_threads_at_once() -> None:
    entry = breakeven.feature("shared")
    barrier = threading.Barrier(8)
    seen: list[str | None] = []

    @entry
    def work(depth: int) -> None:
        barrier.wait()
        if depth:
            work(depth - 1)
        else:
            seen.append(current().run)

    threads = [threading.Thread(target=work, args=(3,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 8


def test_exceptions_of_the_application_pass_through_unchanged() -> None:
    error = KeyError("theirs")

    @breakeven.feature("f")
    def fail() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        fail()
    assert caught.value is error
    assert frame_in() is None


def test_a_decorated_function_keeps_its_signature_and_kind() -> None:
    @breakeven.feature("f")
    def plain(a: int, *, b: str = "x") -> str:
        """Doc."""
        return f"{a}{b}{current().feature}"

    @breakeven.feature("f")
    async def coroutine(a: int) -> str:
        return f"{a}{current().feature}"

    assert plain(1, b="y") == "1yf"
    assert (plain.__name__, plain.__doc__, list(inspect.signature(plain).parameters)) == ("plain", "Doc.", ["a", "b"])
    assert inspect.iscoroutinefunction(coroutine)
    assert asyncio.run(coroutine(1)) == "1f"


def test_methods_static_methods_and_class_methods_can_be_decorated() -> None:
    class Service:
        @breakeven.feature("m")
        def method(self) -> Any:
            return here()

        @breakeven.feature("s")
        @staticmethod
        def static() -> Any:
            return here()

        @breakeven.feature("c")
        @classmethod
        def klass(cls) -> Any:
            return here()

    assert (Service().method(), Service().static(), Service.klass()) == (("m", ()), ("s", ()), ("c", ()))


def test_a_class_is_left_as_it_is() -> None:
    class Service:
        pass

    assert breakeven.feature("f")(Service) is Service


def test_async_with_works() -> None:
    async def main() -> Any:
        async with breakeven.feature("f"):
            await asyncio.sleep(0)
            return here()

    assert asyncio.run(main()) == ("f", ())


def test_explicit_attributes_of_a_span_are_not_overwritten() -> None:
    with breakeven.feature("f", user="mine", session="mine"), captured_spans() as spans:
        tracer.start_span("s", attributes={"user.id": "theirs"}).end()
        late = tracer.start_span("s")
        late.set_attribute("session.id", "theirs")
        late.end()
    assert [dict(span.attributes or {}) for span in spans] == [
        {"user.id": "theirs", "breakeven.feature": "f", "session.id": "mine", "breakeven.run": runs(spans)},
        {"breakeven.feature": "f", "user.id": "mine", "session.id": "theirs", "breakeven.run": runs(spans)},
    ]


def runs(spans: list[Any]) -> str:
    (run,) = {str(span.attributes["breakeven.run"]) for span in spans}
    return run


def test_the_context_given_for_a_span_decides_and_the_current_one_stands_in() -> None:
    from opentelemetry.context import get_current

    with breakeven.feature("given"):
        given = get_current()
    with breakeven.feature("current"), captured_spans() as spans:
        tracer.start_span("s", context=given).end()
        tracer.start_span("s", context=Context()).end()
    assert [(span.attributes or {})["breakeven.feature"] for span in spans] == ["given", "current"]


def test_llm_spans_are_numbered_when_they_end_and_no_others() -> None:
    with captured_spans() as spans:
        first = tracer.start_span("a", attributes={"gen_ai.operation.name": "chat"})
        for attributes in ({"llm.model_name": "x"}, {"http.method": "GET"}, {"langfuse.x": 1}, {"openinference.x": 1}):
            tracer.start_span("b", attributes=attributes).end()
        first.end()
    numbers = [(span.attributes or {}).get("breakeven.seq") for span in spans]
    base = numbers[0]
    assert isinstance(base, int)
    assert numbers == [base, None, base + 1, base + 2, base + 3]
    assert len({str((span.attributes or {})["breakeven.seq.source"]) for span in spans if span.name == "a"}) == 1


def test_a_span_over_its_attribute_limit_keeps_its_feature() -> None:
    with breakeven.feature("f"), captured_spans() as spans:
        span = tracer.start_span("s", attributes={"gen_ai.operation.name": "chat"})
        for n in range(200):
            span.set_attribute(f"gen_ai.prompt.{n}", n)
        span.end()
    attributes = spans[0].attributes or {}
    assert attributes["breakeven.feature"] == "f"
    assert attributes["gen_ai.prompt.199"] == 199
    assert "breakeven.seq" in attributes


def test_switched_off_nothing_is_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_switch, "off", True)
    entry = breakeven.feature("f")
    with entry, breakeven.attach({"breakeven": '{"feature":"x"}'}):
        assert here() == (None, ())
        assert breakeven.carrier() == {}


def test_an_error_of_ours_does_not_reach_the_application(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from breakeven import _entry, _guard

    def broken(*_: Any) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(_entry, "push", broken)
    monkeypatch.setattr(_guard, "strict", False)
    for _ in range(3):
        with breakeven.feature("f"):
            pass
    assert [record.getMessage() for record in caplog.records] == [
        "could not enter a feature (RuntimeError: ours); the application is not affected, cost data may be missing"
    ]
    monkeypatch.setattr(_guard, "strict", True)
    with pytest.raises(RuntimeError, match="ours"):
        breakeven.feature("f").__enter__()


def test_outside_any_feature_the_route_that_is_served_comes_down_to_the_call() -> None:
    with captured_spans() as spans:
        served = {"http.route": "/chat/{id}"}
        with (
            tracer.start_as_current_span("POST", kind=SpanKind.SERVER, attributes=served),
            tracer.start_as_current_span("step"),
        ):
            tracer.start_span("call", kind=SpanKind.CLIENT).end()
            with breakeven.feature("chat"):
                tracer.start_span("declared").end()
        # A client's route is the provider's, not the application's.
        with tracer.start_as_current_span("messages", kind=SpanKind.CLIENT, attributes={"http.route": "/v1/messages"}):
            tracer.start_span("below").end()
    told = {span.name: (span.attributes or {}).get("breakeven.route") for span in spans}
    assert told == {
        **{"call": "/chat/{id}", "step": "/chat/{id}", "declared": None, "POST": None},
        **{"below": None, "messages": None},
    }
