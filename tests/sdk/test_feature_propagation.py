"""Where a feature goes by itself and where it does not: tasks, generators, threads, executors, callbacks."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import breakeven
import pytest
from breakeven._payer import current, frame_in
from opentelemetry import trace

from tests.sdk.features import here, tracer

pytestmark = pytest.mark.usefixtures("errors_are_raised")


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


# --- docs/context.md: where it propagates, where it is lost, and the cure --------------------------------------------


@pytest.fixture
def following(errors_are_raised: None) -> None:
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
