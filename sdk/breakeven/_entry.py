"""Entering a feature or a task: `with`, `async with`, or a decorator."""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from breakeven import _switch
from breakeven._guard import guard, log_once
from breakeven._payer import Payer, current, pop, push
from breakeven._text import clean

P = ParamSpec("P")
R = TypeVar("R")


class Entry:
    """A way in that can be used any number of times: nested, from many threads, from many tasks.

    It holds no state of its own, so one decorator serves all calls of its function at once.
    """

    def payer(self, outer: Payer) -> Payer:
        """Who pays inside, given who pays outside."""
        return outer

    @guard("enter a feature")
    def _enter(self) -> None:
        if not _switch.off:
            push(self.payer(current()), self)

    @guard("leave a feature")
    def _leave(self) -> None:
        if not _switch.off:
            pop(self)

    def __enter__(self) -> Self:
        self._enter()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._leave()

    async def __aenter__(self) -> Self:
        self._enter()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._leave()

    def __call__(self, func: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function, async function, generator function or async generator function.

        A generator is entered at each of its steps and left at each `yield`, so that the code that consumes it is not
        billed. Who pays outside it is settled when it is made: a stream handed to a web server still knows its feature.
        """
        if isinstance(func, staticmethod | classmethod):
            method = cast("staticmethod[Any, Any] | classmethod[Any, Any, Any]", func)
            return cast("Callable[P, R]", type(method)(self(method.__func__)))
        if isinstance(func, type) or not callable(func):
            log_once("decorate", "%r is not a function: decorate its methods instead; it runs without a feature", func)
            return func
        return cast("Callable[P, R]", self._wrap(func))

    def _wrap(self, func: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(func):

            @functools.wraps(func)
            async def awaiting(*args: object, **kwargs: object) -> object:
                with self:
                    return await func(*args, **kwargs)

            return awaiting

        if inspect.isasyncgenfunction(func):

            @functools.wraps(func)
            def streaming(*args: object, **kwargs: object) -> AsyncGenerator[Any, Any]:
                steps = func(*args, **kwargs)
                return steps if _switch.off else _stream(steps, self._settled())

            return streaming

        if inspect.isgeneratorfunction(func):

            @functools.wraps(func)
            def yielding(*args: object, **kwargs: object) -> Generator[Any, Any, Any]:
                steps = func(*args, **kwargs)
                return steps if _switch.off else _yield(steps, self._settled())

            return yielding

        @functools.wraps(func)
        def calling(*args: object, **kwargs: object) -> object:
            with self:
                return func(*args, **kwargs)

        return calling

    def _settled(self) -> "Settled":
        with guard("enter a feature"):
            return Settled(self.payer(current()))
        return Settled(current())


class Settled(Entry):
    """An entry whose payer is already known."""

    def __init__(self, payer: Payer) -> None:
        self._payer = payer

    def payer(self, outer: Payer) -> Payer:  # noqa: ARG002 - that is the point
        """The known one, whoever pays outside."""
        return self._payer


def _yield(steps: Generator[Any, Any, Any], entry: Entry) -> Generator[Any, Any, Any]:
    """`yield from steps`, with the entry active while `steps` runs and inactive while its consumer does."""
    given: object = None
    thrown: BaseException | None = None
    try:
        while True:
            with entry:
                try:
                    item = steps.send(given) if thrown is None else steps.throw(thrown)
                except StopIteration as stop:
                    return stop.value
            given = thrown = None
            try:
                given = yield item
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - it is the generator's to handle
                thrown = error
    finally:
        with entry:
            steps.close()


async def _stream(steps: AsyncGenerator[Any, Any], entry: Entry) -> AsyncGenerator[Any, Any]:
    """The same for an async generator. It may be closed by a task that never entered it."""
    given: object = None
    thrown: BaseException | None = None
    try:
        while True:
            with entry:
                try:
                    item = await (steps.asend(given) if thrown is None else steps.athrow(thrown))
                except StopAsyncIteration:
                    return
            given = thrown = None
            try:
                given = yield item
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - it is the generator's to handle
                thrown = error
    finally:
        with entry:
            await steps.aclose()


def clean_name(name: object, kind: str) -> str | None:
    """The name of a feature or task, or None (and one line of log) if it is not one."""
    fit = clean(name) if isinstance(name, str) else None
    if fit is None:
        log_once(f"name:{kind}", "%s(%r): the name must be a non-empty str; the code runs without it", kind, name)
    return fit


class Task(Entry):
    """A step of the task path."""

    def __init__(self, name: str) -> None:
        self._name = clean_name(name, "task")

    def payer(self, outer: Payer) -> Payer:
        """The same feature, one step further."""
        return outer if self._name is None else outer.step(self._name)


class Labels(Entry):
    """Tenant, user, session and tags, whoever pays."""

    def __init__(
        self, tenant: object, user: object, session: object, tags: Mapping[str, object], capture: bool = False
    ) -> None:
        self._capture = capture is True
        self._tenant, self._user, self._session = clean(tenant), clean(user), clean(session)
        pairs = ((clean(key), clean(value)) for key, value in tags.items())
        self._tags = tuple((key, value) for key, value in pairs if key is not None and value is not None)

    def payer(self, outer: Payer) -> Payer:
        """The same feature, described further."""
        return outer.describe(self._tenant, self._user, self._session, self._tags, self._capture)


class Feature(Labels):
    """A feature: it pays if no other does."""

    def __init__(
        self,
        name: str,
        *,
        tenant: object = None,
        user: object = None,
        session: object = None,
        own_bill: bool = False,
        capture: bool = False,
        tags: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(tenant, user, session, tags or {}, capture)
        self._name = clean_name(name, "feature")
        self._own_bill = own_bill

    def payer(self, outer: Payer) -> Payer:
        """The outermost feature, unless this one has a bill of its own."""
        inner = super().payer(outer)
        if self._name is None:
            return inner
        if outer.feature is None or self._own_bill:
            return inner.bill(self._name)
        return inner.step(self._name)


def feature(
    name: str,
    *,
    tenant: str | int | None = None,
    user: str | int | None = None,
    session: str | int | None = None,
    own_bill: bool = False,
    capture: bool = False,
    **tags: object,
) -> Feature:
    """Bill the LLM calls made inside to a feature.

    Use it with `with`, `async with`, or as a decorator of a function, async function, generator or async generator:

        with breakeven.feature("ticket-triage", tenant="acme"):
            client.chat.completions.create(...)

        @breakeven.feature("ticket-triage")
        async def triage(ticket): ...

    The outermost feature pays. A feature entered inside another one becomes a step of its task path, because a shared
    helper should not take the bill away from the feature that called it.

    Args:
        name: Name of the feature, at most 200 characters. Keep it stable: it is what cost is grouped by.
        tenant: The customer or account the work is done for. Inherited from outside if not given, like `user`,
            `session` and tags.
        user: Goes out as `user.id`.
        session: Goes out as `session.id`.
        own_bill: Pay for itself even inside another feature.
        capture: Send prompts and answers along to the collector (never to any LLM provider or other exporter), where
            the instrumentation of the client has them. Features entered inside do so too. Without it they are dropped
            before anything is sent.
        tags: Further dimensions; values are turned into short strings, None is left out.

    Never raises: with an unfit name the code runs without the feature, and the log says so once.
    """
    return Feature(name, tenant=tenant, user=user, session=session, own_bill=own_bill, capture=capture, tags=tags)


def task(name: str) -> Task:
    """Mark a step inside a feature; nested steps form a path (`plan › search`).

    Use it like `feature`: with `with`, `async with`, or as a decorator. Outside any feature the path is still recorded.
    """
    return Task(name)
