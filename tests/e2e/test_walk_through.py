"""``make run`` is a test: every expectation of its walk-through holds."""

import psutil
from demo.park import wait_for
from demo.walk_through import walk_through


def test_sold_printed_admitted_passed_consumed_and_in_the_books(park, tmp_path):
    assert walk_through(park, tmp_path / "tickets") == 0


def test_server_has_a_process_for_websockets_that_stays(park):
    """It is started by its path; one that cannot start would be started for ever."""

    def listening():
        server = psutil.Process(park.server.process.pid)
        return [
            process
            for process in server.children()
            if "gevent" in process.cmdline()
            and any(
                connection.status == psutil.CONN_LISTEN
                for connection in process.net_connections("tcp")
            )
        ]

    wait_for(listening, "the process listens")
