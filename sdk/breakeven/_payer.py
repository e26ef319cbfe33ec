"""Who pays for the calls made right now, kept in one key of the OpenTelemetry Context.

A Context value stays in the process. Baggage would not: HTTP instrumentations, and Anthropic's own client, send it to
whoever is called.
"""

import secrets
from typing import Final, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from breakeven import attributes as a

MAX_STEPS: Final = 16
"""Functions that call each other in turns would otherwise grow the task path without end."""
MAX_DEPTH: Final = 2000
"""Deeper than code can nest. Async generators that are abandoned with a feature open leave their frames behind, and a
loop that runs for days must not pile them up."""


class Payer(NamedTuple):
    """The feature that pays, and everything that is written on its spans beside it."""

    feature: str | None = None
    steps: tuple[str, ...] = ()
    tenant: str | None = None
    user: str | None = None
    session: str | None = None
    run: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    capture: bool = False

    def bill(self, feature: str) -> "Payer":
        """This feature pays from here on: a new path, a new run."""
        return self._replace(feature=feature, steps=(), run=secrets.token_hex(8))

    def step(self, name: str) -> "Payer":
        """One step further along the task path; a function that calls itself stays on its step."""
        here = self.steps[-1] if self.steps else self.feature
        if name == here or len(self.steps) >= MAX_STEPS:
            return self
        return self._replace(steps=(*self.steps, name.replace(a.TASK_SEPARATOR, " > ")))

    def describe(
        self,
        tenant: str | None,
        user: str | None,
        session: str | None,
        tags: tuple[tuple[str, str], ...],
        capture: bool = False,
    ) -> "Payer":
        """With what is given here, and the rest as it was."""
        if not (tenant or user or session or tags or capture):
            return self
        return self._replace(
            tenant=tenant or self.tenant,
            user=user or self.user,
            session=session or self.session,
            tags=tuple({**dict(self.tags), **dict(tags)}.items()) if self.tags else tags,
            capture=capture or self.capture,
        )

    def attributes(self) -> dict[str, str | bool]:
        """Span attributes, in the order of the contract."""
        named = {
            a.FEATURE: self.feature,
            a.TASK: a.TASK_SEPARATOR.join(self.steps) or None,
            a.TENANT: self.tenant,
            a.USER: self.user,
            a.SESSION: self.session,
            a.RUN: self.run,
        }
        stamp: dict[str, str | bool] = {name: value for name, value in named.items() if value is not None}
        if self.capture:
            stamp[a.CAPTURE] = True
        for name, value in self.tags:
            stamp[a.TAG_PREFIX + name] = value
        return stamp


NOBODY: Final = Payer()


class Frame:
    """One entry into a feature or task. Frames are never changed after they are made, only replaced."""

    __slots__ = ("depth", "entry", "outer", "payer", "stamp")

    def __init__(self, payer: Payer, outer: "Frame | None", entry: object) -> None:
        if outer is not None and outer.depth >= MAX_DEPTH:
            outer = outer.outer
        self.depth: int = 0 if outer is None else outer.depth + 1
        self.payer = payer
        self.outer: Frame | None = outer
        self.entry = entry
        self.stamp = outer.stamp if outer is not None and outer.payer is payer else payer.attributes()


_KEY: Final = otel_context.create_key("breakeven")


def frame_in(context: Context | None = None) -> Frame | None:
    """The innermost frame of a Context (of the current one by default)."""
    frame = otel_context.get_value(_KEY, context)
    return frame if isinstance(frame, Frame) else None


def current() -> Payer:
    """Who pays right now."""
    frame = frame_in()
    return NOBODY if frame is None else frame.payer


def push(payer: Payer, entry: object) -> None:
    """Let `payer` pay until `pop(entry)`."""
    here = otel_context.get_current()
    # Context tokens are not kept: a token can only be given back where it was drawn, and a generator may be closed by
    # another task. `pop` finds its frame by looking for its entry instead.
    otel_context.attach(otel_context.set_value(_KEY, Frame(payer, frame_in(here), entry), here))


def pop(entry: object) -> None:
    """Undo the innermost `push` of this entry, and with it what was left behind above it.

    Does nothing where the entry was never pushed, such as in another task.
    """
    here = otel_context.get_current()
    frame = frame_in(here)
    while frame is not None and frame.entry is not entry:
        frame = frame.outer
    if frame is not None:
        otel_context.attach(otel_context.set_value(_KEY, frame.outer, here))
