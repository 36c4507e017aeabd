"""`list_orders`: orders, the newest first."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.commands.console import Console
from tests.commands.inside import doubt, publish, queue, run
from tests.services.flow_server import Flow

inside = pytest.mark.django_db


def test_a_script_reads_data_alone_on_stdout(shop: Console) -> None:
    data = shop.json("list_orders", "--state", "queued")

    assert [(order["order_ref"], order["state"]) for order in data] == [
        ("Q3", "queued"),
        ("Q2", "queued"),
        ("Q1", "queued"),
    ]


@inside
def test_people_read_a_line_each_the_newest_first(flow: Flow) -> None:
    publish(flow, "N1", "queue_1")
    queue("N2")
    doubt(flow, "N3")

    done = run("list_orders")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[:2] for line in lines] == [["N3", "In"], ["N2", "Queued"], ["N1", "Published"]]
    assert all("1,500.00 ZAR" in line for line in lines)
    assert lines[0].endswith("Look for it at Flow, then settle it here.")


@inside
def test_an_order_is_told_as_show_order_tells_it(flow: Flow) -> None:
    publish(flow, "N1", "queue_1", "queue_2")

    (listed,), shown = run("list_orders", "--json").data, run("show_order", "N1", "--json").data

    assert listed == {name: value for name, value in shown.items() if name != "events"}
    assert [campaign["tracking_id"] for campaign in listed["campaigns"]] == ["queue_2", "queue_1"]


@inside
def test_only_those_in_a_state(flow: Flow) -> None:
    publish(flow, "N1", "queue_1")
    queue("N2")

    assert [order["order_ref"] for order in run("list_orders", "--state", "queued", "--json").data] == ["N2"]
    none = run("list_orders", "--state", "cancelled", "--json")
    assert (none.returncode, none.data, none.stderr) == (0, [], "There is no such order.\n")


def test_a_state_that_there_is_not_is_wrong_usage() -> None:
    done = run("list_orders", "--state", "live")

    assert (done.returncode, done.stdout) == (2, "")
    assert "argument --state: invalid choice: 'live'" in done.stderr


@inside
def test_many_orders_take_as_many_queries_as_few(flow: Flow) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert run("list_orders", "--json").returncode == 0
        return len(captured)

    publish(flow, "N0", "queue_0")
    few = queries()
    for number in range(1, 25):
        publish(flow, f"N{number}", f"queue_{number}", f"queue_x{number}")

    assert queries() == few == 5
