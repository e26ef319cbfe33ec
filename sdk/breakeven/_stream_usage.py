"""Asks the streams of the `openai` client for their usage, without the application seeing what it did not ask for.

A stream reports its tokens only in a last chunk of its own, and only if `stream_options.include_usage` was sent. The
instrumentations, whichever wrap `create` before or after `init`, must see that chunk; the application must not. So the
resource hands out `create` in a wrapper made at each look-up: it is outside of everything that is there at the time.
"""

import functools
import importlib.util
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

from breakeven import _calls, _switch
from breakeven._calls import Call
from breakeven._guard import guard, log_once

_MODULES: Final = ("openai.resources.chat.completions", "openai.resources.completions")
_RAW: Final = "x-stainless-raw-response"
_PATCHED: Final = "_breakeven_patched"
_REPORTS_ANYWAY: Final = ("openrouter.ai",)
"""Hosts whose streams always end in a usage chunk: applications may rely on it, so nothing is hidden from them."""
_MAX_REFUSING: Final = 1000

_asking = False
_refusing: set[str] = set()
"""Base URLs of servers that answer `stream_options` with an error."""


@guard("ask streams for their usage")
def ask_for_usage() -> None:
    """From here on, ask. The client is not imported for it: what is not there yet is patched when it is imported."""
    global _asking
    _asking = True
    missing = {name for name in _MODULES if name not in sys.modules}
    for name in set(_MODULES) - missing:
        _patch_module(sys.modules[name])
    if missing and importlib.util.find_spec("openai") is not None:
        sys.meta_path.insert(0, _OnImport(missing))


def stop_asking() -> None:
    """Leave calls as they are from now on."""
    global _asking
    _asking = False


class _OnImport(MetaPathFinder):
    """Patches modules right after they are imported; finding them is left to all other finders."""

    def __init__(self, waiting: set[str]) -> None:
        self._waiting = waiting

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the interface
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname not in self._waiting:
            return None
        self._waiting.discard(fullname)
        spec = importlib.util.find_spec(fullname)
        with guard("ask streams for their usage"):
            loader: Any = None if spec is None else spec.loader
            if loader is not None:
                execute = loader.exec_module

                def exec_module(module: ModuleType) -> None:
                    execute(module)
                    _patch_module(module)

                loader.exec_module = exec_module
        return spec


@guard("ask streams for their usage")
def _patch_module(module: ModuleType) -> None:
    for name, wrap in (("Completions", _sync), ("AsyncCompletions", _async)):
        resource = getattr(module, name, None)
        if isinstance(resource, type) and _PATCHED not in vars(resource):
            _patch(resource, wrap)


def _patch(resource: type, wrap: Callable[[Any, Any], Any]) -> None:
    inherited: Any = resource.__getattribute__

    def __getattribute__(self: object, name: str) -> Any:
        found = inherited(self, name)
        # One that was put on the object itself is a mock or a wrapper that already holds ours.
        if name != "create" or not _asking or "create" in inherited(self, "__dict__"):
            return found
        return wrap(self, found)

    resource.__getattribute__ = __getattribute__  # type: ignore[method-assign, assignment]
    setattr(resource, _PATCHED, True)


def _sync(resource: Any, found: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(found)
    def create(*args: Any, **kwargs: Any) -> Any:
        call = _call_of(kwargs)
        token = _calls.current.set(call)
        try:
            if not _wanted(resource, kwargs):
                return found(*args, **kwargs)
            try:
                return _hide(found(*args, **{**kwargs, **_asked()}), "__iter__", _Stream, call)
            except Exception as error:
                if not _refuses(resource, error):
                    raise
            call.claimed = False
            return _hide(found(*args, **kwargs), "__iter__", _Stream, call)
        finally:
            _calls.current.reset(token)

    return create


def _async(resource: Any, found: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(found)
    async def create(*args: Any, **kwargs: Any) -> Any:
        call = _call_of(kwargs)
        token = _calls.current.set(call)
        try:
            if not _wanted(resource, kwargs):
                return await found(*args, **kwargs)
            try:
                return _hide(await found(*args, **{**kwargs, **_asked()}), "__aiter__", _AsyncStream, call)
            except Exception as error:
                if not _refuses(resource, error):
                    raise
            call.claimed = False
            return _hide(await found(*args, **kwargs), "__aiter__", _AsyncStream, call)
        finally:
            _calls.current.reset(token)

    return create


def _call_of(kwargs: dict[str, Any]) -> Call:
    request = kwargs.get("messages", kwargs.get("prompt"))
    tools = kwargs.get("tools")
    return Call(request, tools if isinstance(tools, list | tuple) else None)


def _asked() -> dict[str, Any]:
    return {"stream_options": {"include_usage": True}}


def _wanted(resource: Any, kwargs: dict[str, Any]) -> bool:
    """Whether this is a stream whose chunks the application reads, and about whose options it said nothing."""
    if kwargs.get("stream") is not True or _switch.off:
        return False
    with guard("ask a stream for its usage"):
        options = kwargs.get("stream_options", _ABSENT)
        if options is not _ABSENT and type(options).__name__ not in ("NotGiven", "Omit"):
            return False
        if "stream_options" in (kwargs.get("extra_body") or ()):
            return False
        if any(str(name).lower() == _RAW for name in kwargs.get("extra_headers") or ()):
            return False
        url = _base_url(resource)
        host = urlsplit(url).hostname or ""
        return url not in _refusing and not host.endswith(_REPORTS_ANYWAY)
    return False


_ABSENT: Final = object()


def _base_url(resource: Any) -> str:
    return str(resource._client.base_url)


def _refuses(resource: Any, error: Exception) -> bool:
    """Whether the server did not like what we asked for. It is not asked again."""
    with guard("read an error of a stream"):
        if getattr(error, "status_code", None) not in (400, 422):
            return False
        said = f"{error} {getattr(error, 'body', '')}"
        if "stream_options" not in said and "include_usage" not in said:
            return False
        url = _base_url(resource)
        if len(_refusing) < _MAX_REFUSING:
            _refusing.add(url)
        log_once(
            f"stream_options:{url}",
            "%s refuses stream_options: its streams are not asked for their usage, their tokens are estimated",
            url,
        )
        return True
    return False


def _hide(answer: Any, needed: str, proxy: Callable[[Any, Call], Any], call: Call) -> Any:
    with guard("hide the usage of a stream"):
        if hasattr(answer, needed):
            return proxy(answer, call)
    return answer


@guard("listen to a stream")
def _listen(call: Call, chunk: Any) -> None:
    """Note what is said, for an estimate in case the stream ends without its usage."""
    for choice in chunk.choices:
        delta = getattr(choice, "delta", choice)
        for name in ("content", "text", "refusal", "reasoning_content"):
            if text := getattr(delta, name, None):
                call.heard(text)
        for tool in getattr(delta, "tool_calls", None) or ():
            if function := tool.function:
                call.heard((function.name or "") + (function.arguments or ""))


def _is_extra(chunk: Any) -> bool:
    """Whether the chunk tells the usage and nothing else."""
    return (
        getattr(chunk, "usage", None) is not None
        and getattr(chunk, "choices", None) == []
        and getattr(chunk, "moderation", None) is None
    )


class _Proxy:
    """Is taken for the stream it stands for, as the proxies of the instrumentations are."""

    __slots__ = ("_breakeven_call", "_breakeven_steps", "_breakeven_stream")
    _breakeven_call: Call
    _breakeven_steps: Any
    _breakeven_stream: Any

    def __init__(self, stream: Any, steps: Any, call: Call) -> None:
        object.__setattr__(self, "_breakeven_call", call)
        object.__setattr__(self, "_breakeven_stream", stream)
        object.__setattr__(self, "_breakeven_steps", steps)

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._breakeven_stream.__class__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._breakeven_stream, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._breakeven_stream, name, value)

    def __repr__(self) -> str:
        return repr(self._breakeven_stream)


class _Stream(_Proxy):
    __slots__ = ()

    def __init__(self, stream: Any, call: Call) -> None:
        super().__init__(stream, stream if hasattr(stream, "__next__") else iter(stream), call)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        while _is_extra(chunk := next(self._breakeven_steps)):
            pass
        _listen(self._breakeven_call, chunk)
        return chunk

    def __enter__(self) -> Any:
        self._breakeven_stream.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._breakeven_stream.__exit__(*error)


class _AsyncStream(_Proxy):
    __slots__ = ()

    def __init__(self, stream: Any, call: Call) -> None:
        super().__init__(stream, stream if hasattr(stream, "__anext__") else aiter(stream), call)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        while _is_extra(chunk := await anext(self._breakeven_steps)):
            pass
        _listen(self._breakeven_call, chunk)
        return chunk

    async def __aenter__(self) -> Any:
        await self._breakeven_stream.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        return await self._breakeven_stream.__aexit__(*error)
