import json
import logging
from collections.abc import Iterator
from typing import Any

import breakeven
import pytest
from breakeven._payer import Payer, current, frame_in
from breakeven._text import clean
from breakeven.testing import captured_spans, raise_errors
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace

tracer = trace.get_tracer("test")
text = st.text(min_size=1, max_size=40)
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=10,
)


@pytest.fixture(autouse=True, scope="module")
def errors_are_raised() -> Iterator[None]:
    with raise_errors():
        yield


@given(
    feature=text,
    steps=st.lists(text, max_size=5),
    tenant=st.none() | text,
    user=st.none() | text,
    session=st.none() | text,
    tags=st.dictionaries(text, text, max_size=4),
)
def test_what_carrier_gives_attach_takes_up(
    feature: str, steps: list[str], tenant: str | None, user: str | None, session: str | None, tags: dict[str, str]
) -> None:
    extra: dict[str, Any] = {f"tag {key}": value for key, value in tags.items()}
    with breakeven.feature(feature, tenant=tenant, user=user, session=session, **extra):
        for step in steps:
            breakeven.task(step).__enter__()
        before = current()
        sent = breakeven.carrier()
    assert frame_in() is None
    received = json.loads(json.dumps(sent))
    assert received == sent
    assert all(type(value) is str and value.isascii() for value in sent.values())
    with breakeven.attach(received):
        assert current() == before
    assert frame_in() is None


@given(anything)
def test_a_foreign_value_never_raises_and_leaves_the_feature_as_it_is(value: Any) -> None:
    with breakeven.feature("mine"):
        before = current()
        for foreign in (value, {"breakeven": value}, {"traceparent": value}):
            with breakeven.attach(foreign):
                assert current() == before or isinstance(value, str)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("feature", "task", "tenant", "user", "session", "run", "tags"), anything)
    )
)
def test_a_forged_carrier_cannot_bring_in_unfit_text(body: dict[str, Any]) -> None:
    with breakeven.attach({"breakeven": json.dumps(body)}):
        payer = current()
    for name in (payer.feature, payer.tenant, payer.user, payer.session, payer.run, *payer.steps):
        assert name is None or name == clean(name)
    assert all(key == clean(key) and value == clean(value) for key, value in payer.tags)


def test_the_carrier_is_small_and_readable() -> None:
    with breakeven.feature("Überprüfung", tenant="acme", plan="pro"), breakeven.task("lesen"):
        run = current().run
        assert breakeven.carrier() == {
            "breakeven": '{"feature":"\\u00dcberpr\\u00fcfung","tenant":"acme","run":"'
            + str(run)
            + '","task":["lesen"],"tags":{"plan":"pro"}}'
        }


def test_outside_any_feature_and_trace_the_carrier_is_empty() -> None:
    assert breakeven.carrier() == {}
    with breakeven.attach({}), breakeven.attach(None):
        assert current() == Payer()


def test_the_trace_goes_on_where_the_carrier_is_attached() -> None:
    with captured_spans() as spans, breakeven.feature("f"), tracer.start_as_current_span("submit"):
        payload = breakeven.carrier()
    with captured_spans() as later:

        @breakeven.attach(payload)
        def job() -> None:
            tracer.start_span("work").end()

        job()
        tracer.start_span("after").end()
    (submit,), (work, after) = spans, later
    assert submit.context is not None
    assert work.context is not None
    assert work.parent is not None
    assert after.parent is None
    assert payload["traceparent"].startswith(f"00-{submit.context.trace_id:032x}-{submit.context.span_id:016x}-")
    assert (work.context.trace_id, work.parent.span_id) == (submit.context.trace_id, submit.context.span_id)
    assert dict(work.attributes or {}) == dict(submit.attributes or {})
    assert dict(after.attributes or {}) == {}


def test_a_span_that_is_running_stays_the_parent() -> None:
    with breakeven.feature("f"), tracer.start_as_current_span("submit"):
        payload = breakeven.carrier()
    with captured_spans() as spans, tracer.start_as_current_span("consumer") as consumer:
        with breakeven.attach(payload):
            tracer.start_span("work").end()
        assert trace.get_current_span() is consumer
    assert spans[0].parent == consumer.get_span_context()
    assert (spans[0].attributes or {})["breakeven.feature"] == "f"


def test_baggage_of_the_application_is_not_in_the_carrier() -> None:
    from opentelemetry import baggage, context

    token = context.attach(baggage.set_baggage("user.email", "secret@example.com"))
    try:
        with breakeven.feature("f"), tracer.start_as_current_span("s"):
            assert set(breakeven.carrier()) == {"breakeven", "traceparent"}
    finally:
        context.detach(token)


@pytest.mark.parametrize("value", ["{", "[]", "3", 3, b"{}", '{"task":"x"}', '{"tags":[]}', "x" * 20_000, "[" * 9_000])
def test_a_broken_carrier_is_logged_once(value: Any, caplog: pytest.LogCaptureFixture) -> None:
    from breakeven import _guard

    _guard.forget_logged()
    for _ in range(2):
        with breakeven.attach({"breakeven": value}):
            assert current() == Payer()
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, 'attach(…): the value of "breakeven" is not one that carrier() made; ignored')
    ]
