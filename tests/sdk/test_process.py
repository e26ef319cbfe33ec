"""Spans of processes that end, are told to end, and have children: programs of their own, a real collector."""

import signal
from typing import Any

import pytest

from tests.sdk.programs import CALL, tokens


def sources(loopback: Any) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for span in loopback.spans:
        found.setdefault(span["attributes"]["breakeven.seq.source"], []).append(span["attributes"]["breakeven.seq"])
    return found


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise ValueError('theirs')", 1),
        ("import signal; os.kill(os.getpid(), signal.SIGINT); time.sleep(5)", -2),
    ],
)
def test_spans_arrive_when_the_program_ends(run: Any, loopback: Any, end: str, status: int) -> None:
    ended = run(CALL + "call()\n" + end + "\n")
    assert (ended.status, tokens(loopback)) == (status, [1])


def test_sigterm_delivers_and_keeps_its_exit_status(start: Any, loopback: Any) -> None:
    process = start(CALL + "call()\nprint('ready', flush=True)\ntime.sleep(30)\n", OTEL_BSP_SCHEDULE_DELAY="60000")
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    assert tokens(loopback) == [1]


def test_sigterm_with_the_collector_down_ends_in_time(start: Any) -> None:
    process = start(
        CALL + "call()\nprint('ready', flush=True)\ntime.sleep(30)\n", BREAKEVEN_ENDPOINT="http://127.0.0.1:9"
    )
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM


def test_a_sigterm_handler_of_the_application_goes_on_working_and_later_spans_arrive(start: Any, loopback: Any) -> None:
    process = start(
        """
        import os, signal, sys, time
        done = []
        signal.signal(signal.SIGTERM, lambda *_: done.append(1))
        """
        + CALL.replace("\n", "\n        ")
        + """
        print("ready", flush=True)
        while not done:
            time.sleep(0.01)
        call()
        time.sleep(0.3)
        os._exit(7)  # no exit handlers: only what was sent at once arrives
        """,
        OTEL_BSP_SCHEDULE_DELAY="60000",
    )
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 7
    assert tokens(loopback) == [1]


def test_an_ignored_sigterm_stays_ignored(run: Any) -> None:
    ended = run(
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + CALL
        + "os.kill(os.getpid(), signal.SIGTERM)\nassert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN\n"
    )
    assert (ended.status, ended.err) == (0, "")


def test_a_forked_child_delivers_its_own_spans_and_counts_for_itself(run: Any, loopback: Any) -> None:
    ended = run(
        CALL
        + """
call(1); call(2)
pid = os.fork()
if pid == 0:
    call(10); call(11)
    sys.exit(0)
os.waitpid(pid, 0)
call(3)
"""
    )
    assert ended.err == ""
    assert tokens(loopback) == [1, 2, 3, 10, 11]
    assert sorted(sources(loopback).values()) == [[1, 2], [1, 2, 3]]


def test_prefork_workers_with_init_in_the_master_deliver(start: Any, loopback: Any) -> None:
    process = start(
        CALL
        + """
import signal
workers = []
for n in range(2):
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as gunicorn's workers do
        call(n)
        while True:
            time.sleep(0.01)
    workers.append(pid)
time.sleep(0.2)
for pid in workers:
    os.kill(pid, signal.SIGTERM)
for pid in workers:
    assert os.waitpid(pid, 0)[1] == 0
""",
        OTEL_BSP_SCHEDULE_DELAY="60000",
    )
    assert process.communicate(timeout=20) == ("", "")
    assert tokens(loopback) == [0, 1]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_deliver(run: Any, loopback: Any, method: str) -> None:
    ended = run(
        CALL
        + f"""
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    worker = context.Process(target=call, args=(1,))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(call, 2).result()
    with context.Pool(1) as pool:  # leaves by SIGTERM
        pool.apply(call, (3,))
""",
        OTEL_BSP_SCHEDULE_DELAY="60000",
    )
    assert (ended.status, ended.err) == (0, "")
    assert tokens(loopback) == [1, 2, 3]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_process_knows_the_feature_through_a_carrier_only(run: Any, loopback: Any, method: str) -> None:
    ended = run(
        CALL
        + f"""
def work(n, carrier):
    with breakeven.attach(carrier):
        breakeven.record(provider="openai", model="m", input_tokens=n)

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("{method}")) as pool:
        pool.submit(abs, -1).result()
        with breakeven.feature("outer"):
            pool.submit(work, 1, breakeven.carrier()).result()
            pool.submit(work, 2, None).result()
"""
    )
    assert (ended.status, ended.err) == (0, "")
    seen = [span["attributes"] for span in loopback.spans]
    assert {each["gen_ai.usage.input_tokens"]: each.get("breakeven.feature") for each in seen} == {1: "outer", 2: None}


def test_after_shutdown_a_forked_child_sends_nothing_either(run: Any, loopback: Any) -> None:
    ended = run(CALL + "breakeven.shutdown()\npid = os.fork()\ncall(1)\nif pid:\n    os.waitpid(pid, 0)\n")
    assert (ended.status, ended.err, loopback.spans) == (0, "", [])


def test_os_exit_loses_what_was_not_flushed(run: Any, loopback: Any) -> None:
    program = CALL + "call(1)\nassert breakeven.flush()\ncall(2)\nos._exit(0)\n"
    assert run(program, OTEL_BSP_SCHEDULE_DELAY="60000").status == 0
    assert tokens(loopback) == [1]
