import asyncio
import contextvars
import inspect
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import breakeven
import pytest
from breakeven import _switch
from breakeven._payer import current, frame_in
from breakeven.testing import captured_spans, raise_errors
from opentelemetry import trace
from opentelemetry.context import Context

tracer = trace.get_tracer("test")


@pytest.fixture(autouse=True)
def errors_are_raised() -> Iterator[None]:
    with raise_errors():
        yield
    assert frame_in() is None, "a feature leaked out of the test"


def stamp() -> dict[str, Any]:
    """What a span started right now would say, without the random run."""
    with captured_spans() as spans:
        tracer.start_span("s").end()
    attributes = dict(spans[0].attributes or {})
    attributes.pop("breakeven.run", None)
    return attributes


def here() -> tuple[str | None, tuple[str, ...]]:
    return current().feature, current().steps


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


def test_concurrent_tasks_do_not_see_each_other() -> None:
    async def one(name: str) -> Any:
        async with breakeven.feature(name):
            await asyncio.sleep(0.001)
            return here()

    async def main() -> Any:
        return await asyncio.gather(*(one(f"f{n}") for n in range(20)))

    assert asyncio.run(main()) == [(f"f{n}", ()) for n in range(20)]


def test_a_generator_is_active_in_its_body_and_not_in_its_consumer() -> None:
    seen: list[Any] = []

    @breakeven.feature("stream")
    def numbers() -> Generator[int, str, str]:
        runs = {current().run}
        got = yield 1
        seen.append((got, here()))
        runs.add(current().run)
        try:
            yield 2
        except ValueError:
            runs.add(current().run)
            assert len(runs) == 1
            yield 3
        return "done"

    with breakeven.feature("consumer"):
        steps = numbers()
        assert next(steps) == 1
        assert here() == ("consumer", ())
    assert here() == (None, ())
    assert steps.send("sent") == 2
    assert steps.throw(ValueError()) == 3
    with pytest.raises(StopIteration) as stop:
        next(steps)
    assert stop.value.value == "done"
    # Made inside the consumer's feature, it is a step of that one even where it is consumed outside.
    assert seen == [("sent", ("consumer", ("stream",)))]


def test_a_generator_that_is_not_read_to_its_end_cleans_up_inside_its_feature() -> None:
    seen: list[Any] = []

    @breakeven.feature("stream")
    def numbers() -> Generator[int]:
        try:
            yield 1
        finally:
            seen.append(here())

    steps = numbers()
    next(steps)
    steps.close()
    assert seen == [("stream", ())]


async def _numbers(seen: list[Any]) -> AsyncGenerator[int, str]:
    try:
        got = yield 1
        seen.append((got, here()))
        await asyncio.sleep(0)
        yield 2
    finally:
        seen.append(here())


def test_an_async_generator_is_active_in_its_body_and_not_in_its_consumer() -> None:
    async def main() -> list[Any]:
        seen: list[Any] = []
        steps = breakeven.feature("stream")(_numbers)(seen)
        assert await anext(steps) == 1
        seen.append(here())
        assert await steps.asend("sent") == 2
        seen.append(here())
        assert [item async for item in steps] == []
        return seen

    assert asyncio.run(main()) == [(None, ()), ("sent", ("stream", ())), (None, ()), ("stream", ())]


def test_an_async_generator_can_be_closed_by_another_task(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> list[Any]:
        seen: list[Any] = []
        steps = breakeven.feature("stream")(_numbers)(seen)

        async def first() -> None:
            assert await anext(steps) == 1
            seen.append(here())

        async def close() -> None:
            with breakeven.feature("closer"):
                await steps.aclose()
                seen.append(here())

        await asyncio.create_task(first())
        await asyncio.create_task(close())
        return seen

    assert asyncio.run(main()) == [(None, ()), ("stream", ()), ("closer", ())]
    assert caplog.records == []


def test_a_with_left_open_in_an_abandoned_generator_is_undone_by_the_feature_around_it() -> None:
    def leaky() -> Generator[int]:
        with breakeven.feature("leaky"):
            yield 1

    steps = leaky()
    with breakeven.feature("around"):
        next(steps)
        assert here() == ("around", ("leaky",))
    assert here() == (None, ())
    steps.close()
    assert here() == (None, ())


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


# --- docs/context.md: where it propagates, where it is lost, and the cure --------------------------------------------


@pytest.fixture
def following() -> None:
    from breakeven._threads import follow_threads

    follow_threads()


def nth_here(_: int) -> Any:
    return here()


def in_feature(work: Callable[[], Any]) -> Any:
    with breakeven.feature("f"):
        return work()


def test_it_follows_await_tasks_gather_and_to_thread() -> None:
    async def leaf() -> Any:
        await asyncio.sleep(0)
        return current().feature

    async def main() -> Any:
        async with breakeven.feature("f"):
            return [
                await leaf(),
                await asyncio.create_task(leaf()),
                *await asyncio.gather(leaf(), leaf()),
                await in_group(leaf),
                await asyncio.to_thread(lambda: current().feature),
            ]

    async def in_group(work: Callable[[], Any]) -> Any:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work())
        return task.result()

    assert asyncio.run(main()) == ["f"] * 6


@pytest.mark.usefixtures("following")
def test_it_follows_into_executors_and_each_piece_of_work_has_its_own() -> None:
    with ThreadPoolExecutor(1) as pool:
        inside = in_feature(lambda: pool.submit(here))
        mapped = in_feature(lambda: pool.map(nth_here, [1]))
        outside = pool.submit(here)
        with breakeven.feature("other"):
            other = pool.submit(here)
        assert inside.result() == ("f", ())
        assert list(mapped) == [("f", ())]
        assert outside.result() == (None, ())
        assert other.result() == ("other", ())


@pytest.mark.usefixtures("following")
def test_it_follows_into_run_in_executor() -> None:
    async def main() -> Any:
        with breakeven.feature("f"):
            return await asyncio.get_running_loop().run_in_executor(None, here)

    assert asyncio.run(main()) == ("f", ())


def _thread(daemon: bool, target: Callable[[], Any]) -> Any:
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(target()), daemon=daemon)
    in_feature(thread.start)
    thread.join()
    return seen[0]


@pytest.mark.usefixtures("following")
def test_it_follows_into_threads_and_timers_but_not_into_daemons() -> None:
    assert _thread(False, here) == ("f", ())
    assert _thread(True, here) == (None, ())
    seen: list[Any] = []
    timer = threading.Timer(0, lambda: seen.append(here()))
    in_feature(timer.start)
    timer.join()
    assert seen == [("f", ())]


def test_copy_context_carries_it_into_a_daemon_thread() -> None:
    copied = in_feature(contextvars.copy_context)
    assert _thread(True, lambda: copied.run(here)) == ("f", ())


def test_copy_context_carries_it_where_threads_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((ThreadPoolExecutor, "submit"), (threading.Thread, "start")):
        function = getattr(owner, name)
        monkeypatch.setattr(owner, name, getattr(function, "__wrapped__", function))
    with ThreadPoolExecutor(1) as pool:
        assert in_feature(lambda: pool.submit(here)).result() == (None, ())
        assert in_feature(lambda: pool.submit(contextvars.copy_context().run, here)).result() == ("f", ())


def test_abandoned_async_generators_do_not_pile_up() -> None:
    from breakeven._payer import MAX_DEPTH

    def enter_and_forget() -> None:
        for _ in range(3 * MAX_DEPTH):
            breakeven.feature("f").__enter__()
        frame, count = frame_in(), 0
        while frame is not None:
            frame, count = frame.outer, count + 1
        assert count <= MAX_DEPTH + 1

    contextvars.copy_context().run(enter_and_forget)


def test_an_executor_gets_only_the_feature_and_not_the_span() -> None:
    from breakeven._threads import follow_threads

    follow_threads()
    with ThreadPoolExecutor(1) as pool, breakeven.feature("f"), tracer.start_as_current_span("parent"):
        assert not pool.submit(trace.get_current_span).result().get_span_context().is_valid


def test_an_undecorated_generator_consumed_outside_loses_it_and_the_decorator_cures_that() -> None:
    def plain() -> Generator[Any]:
        yield here()

    decorated = breakeven.task("stream")(plain)
    lost, kept = in_feature(plain), in_feature(decorated)
    assert list(lost) == [(None, ())]
    assert list(kept) == [("f", ("stream",))]


def test_a_with_inside_a_generator_leaks_to_its_consumer_and_the_decorator_does_not() -> None:
    def plain() -> Generator[int]:
        with breakeven.feature("f"):
            yield 1

    steps = plain()
    next(steps)
    assert here() == ("f", ())
    steps.close()
    assert here() == (None, ())


def test_a_callback_that_is_registered_inside_and_called_outside_loses_it() -> None:
    callbacks = [in_feature(lambda: here), in_feature(lambda: breakeven.attach(breakeven.carrier())(here))]
    assert [callback() for callback in callbacks] == [(None, ()), ("f", ())]
