import time
from tests.dashboards.conftest import *
from tests.dashboards.conftest import queries, chosen
from tests.dashboards.traffic import HARD


def test_all(grafana):
    for name, values in (("all", chosen()), ("some", chosen(feature=HARD))):
        for q in queries():
            t = time.time()
            try:
                a = grafana.ask(q.sql, values)
                print(
                    f"{time.time() - t:.2f} {name} {q.kind:10} {q.where} {len(a.rows)} {list(a.columns.items())[:3]} {a.rows[:1]}"[
                        :260
                    ]
                )
            except AssertionError as e:
                print("FAIL", q.where, str(e)[:600], len(str(e)))
