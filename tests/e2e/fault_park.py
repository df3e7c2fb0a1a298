"""A park whose database server may be killed: on a cluster of its own."""

import os
import shutil
import subprocess
import threading
from contextlib import contextmanager, suppress

import psutil
from books import server_books, told_admissions
from bootstrap.console import SetupError
from bootstrap.odoo_server import Odoo
from bootstrap.postgres import Cluster
from demo.lanes import Bridge
from demo.park import DEVICE, LANES, Park, wait_for
from line import Line
from scenic_gate_bridge.model import Direction
from scenic_gate_bridge.simulator.park import Passage, Sight
from scenic_gate_bridge.simulator.reconcile import reconcile

DATABASE = "scenic_faults"


class FaultPark(Park):
    """The demo park with a line between the bridge and Odoo that can be spoiled."""

    def __init__(self, odoo, *, port):
        # an arm stays open while a test breaks something
        super().__init__(odoo, DATABASE, port=port, workers=2, pass_timeout=15)
        self.line = Line(port)
        self.codes = {}
        self.passages = []

    def __enter__(self):
        self.line.__enter__()
        try:
            return super().__enter__()
        except BaseException:
            self.line.__exit__(None, None, None)
            raise

    def __exit__(self, *exception):
        super().__exit__(*exception)
        self.line.__exit__(*exception)

    @contextmanager
    def supervised(self):
        """Start Odoo again whenever it has ended, as whoever runs it in a park does.

        It ends by itself when it has to replace a worker and finds no database.
        """
        over = threading.Event()

        def watch():
            while not over.wait(0.2):
                if not self.server.process or self.server.process.poll() is not None:
                    self.server.kill()
                    # no database yet: once more
                    with suppress(SetupError):
                        self.server.start()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def make_bridge(self, key):
        bridge = self.bridge_of(self.home, self.simulator, self.odoo.name, key)
        self.bridges = [bridge]
        return bridge

    def bridge_of(self, home, simulator, name, key):
        """Return a bridge of these simulated lanes; not started."""
        return Bridge(
            home,
            simulator,
            LANES,
            name=name,
            server_url=self.line.url,
            database=self.database,
            device_key=key,
            pass_timeout=self.pass_timeout,
        )

    def present(self, lane, ticket, at=None, **how):
        """Show the code of a ticket at a lane; return how many persons passed.

        :param at: other simulated lanes than the park's own
        """
        code = ticket["pos_qr_token"]
        self.codes[ticket["id"]] = code
        passed = (at or self.simulator).present(lane, code, **how).get("passed", 0)
        self._went(lane, "in", code, passed)
        return passed

    def walk(self, lane, direction, ticket=None):
        """Let somebody push an arm; return whether they got through."""
        passed = self.simulator.walk(lane, direction)["passed"]
        self._went(lane, direction, ticket["pos_qr_token"] if ticket else "", passed)
        return passed

    def _went(self, lane, direction, code, passed):
        passage = Passage(lane, Direction(direction), code, 0.0, Sight.SURE)
        self.passages += [passage] * passed

    def differences(self):
        """Wait until the bridge has told everything; return what does not fit.

        Odoo's tables, the bridge's journal and who walked are compared, from the
        beginning of the park.
        """
        wait_for(lambda: self.bridge.health()["outbox"] == 0, "all is uploaded", 60)
        (device,) = self.person("manager").read(
            "scenic.device", [["name", "=", DEVICE]], ["id"]
        )
        journals = [bridge.state_dir / "journal.sqlite" for bridge in self.bridges]
        told = told_admissions(journals)
        books = server_books(self.sql, device["id"], self.codes, told)
        return reconcile(journals, books, LANES, self.passages).differences

    def sql(self, statement):
        return self.odoo.cluster.psql(self.database, statement)


def move_database(source: Odoo, template: str, target: Odoo, database: str) -> None:
    """Make ``database`` a copy of one on another cluster, with files and keys."""
    cluster = target.cluster
    cluster.drop(database)
    cluster.psql("postgres", f'CREATE DATABASE "{database}" TEMPLATE template0')
    dump = subprocess.Popen(
        [source.cluster.bin / "pg_dump", "-Fc", "-Z0", "-d", template],
        stdout=subprocess.PIPE,
        env={**os.environ, **source.cluster.environment()},
    )
    with dump:
        subprocess.run(
            [cluster.bin / "pg_restore", "--exit-on-error", "-d", database],
            stdin=dump.stdout,
            env={**os.environ, **cluster.environment()},
            check=True,
        )
    if dump.returncode:
        raise subprocess.CalledProcessError(dump.returncode, "pg_dump")
    files = target.data_dir / "filestore" / database
    shutil.rmtree(files, ignore_errors=True)
    shutil.copytree(
        source.data_dir / "filestore" / template, files, copy_function=os.link
    )
    target.home.mkdir(parents=True, exist_ok=True)
    # a template in which nothing was sold yet has none: the copy makes its own
    if source.key_file.exists():
        shutil.copy2(source.key_file, target.key_file)


def kill_postgres(cluster: Cluster) -> None:
    """Kill -9 the database server with all its processes, as losing power would."""
    pid = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
    postmaster = psutil.Process(pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=30)
    cluster.started_here = False
