"""``make run``: a park that sells, prints, admits and counts, in real processes."""

import shutil
import time
from collections.abc import Callable
from typing import TypeVar

import requests
from bootstrap.console import say, step
from bootstrap.odoo_server import Odoo, OdooProcess, check_port
from bootstrap.paths import LOCAL, LOGS
from bootstrap.postgres import Cluster
from databases import demo_database

from .lanes import Bridge, Simulator
from .odoo_client import OdooClient, OdooRefused
from .walk_through import walk_through

DATABASE = "scenic_demo"
PASSWORD = "demo"
DEVICE = "southgate-1"
LANES = {"L1": "in", "L2": "in", "L3": "in", "X1": "out"}
PEOPLE = {
    "cashier": "李娜, cashier 售票员",
    "supervisor": "王强, shift supervisor 值班主管",
    "operator": "赵敏, gate operator 检票员",
    "finance": "陈静, finance 财务",
    "manager": "刘洋, ticketing manager 票务经理",
    "auditor": "周敏, auditor 审计",
    "yuanshan": "远山旅行社, agency portal 旅行社",
    "qinghe": "青禾旅行社, agency portal 旅行社",
    "admin": "administrator 管理员",
}
T = TypeVar("T")


class Park:
    """The demo park's processes: Odoo, the simulated lanes, the bridge.

    :param workers: 0 for one threaded server, else Odoo's prefork workers
    """

    #: Code → which way it leads.
    lanes = LANES

    def __init__(
        self,
        odoo: Odoo,
        database: str,
        *,
        port: int,
        bridge_port: int = 0,
        workers: int = 0,
        pass_timeout: float = 1.5,
    ) -> None:
        self.odoo = odoo
        self.database = database
        self.server = OdooProcess(odoo, database, port, workers)
        self.home = LOCAL / "park" / database
        self.simulator = Simulator(self.home / "ports", self.lanes, odoo.name)
        self.bridge: Bridge
        self.bridge_port = bridge_port
        self.pass_timeout = pass_timeout

    def forget(self) -> None:
        """Throw the bridge's journal away: it belonged to another database."""
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self) -> "Park":
        self.server.start()
        try:
            self.simulator.start()
            self.bridge = self.make_bridge(self.new_device_key())
            self.bridge.check_config()
            self.bridge.start()
            wait_for(
                lambda: self.bridge.health()["status"] == "ok", "the bridge is online"
            )
        except BaseException:
            self.stop()
            raise
        return self

    def make_bridge(self, key: str) -> Bridge:
        """Return the bridge of this park with a device key; not started."""
        return Bridge(
            self.home,
            self.simulator,
            self.lanes,
            name=self.odoo.name,
            server_url=self.server.url,
            database=self.database,
            device_key=key,
            port=self.bridge_port,
            pass_timeout=self.pass_timeout,
            beside=self.beside_the_lanes(),
        )

    def beside_the_lanes(self) -> dict[str, list[str]]:
        """Return what a lane has beside barrier and scanner, as settings lines."""
        return {}

    def stop(self) -> None:
        if hasattr(self, "bridge"):
            self.bridge.stop()
        self.simulator.stop()
        self.server.stop()

    def __enter__(self) -> "Park":
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def person(self, login: str) -> OdooClient:
        return OdooClient(self.server.url, self.database, login, PASSWORD)

    def new_device_key(self) -> str:
        """Rotate the key of the south gate's device, as a manager would."""
        manager = self.person("manager")
        (device,) = manager.read("scenic.device", [["name", "=", DEVICE]], ["id"])
        action = manager.call("scenic.device", "action_generate_key", [device["id"]])
        key: str = action["context"]["scenic_device_key"]
        return key


def wait_for(check: Callable[[], T], what: str, seconds: float = 30) -> T:
    """Poll until ``check`` returns something true, and return it.

    :raises TimeoutError: naming ``what`` never became true.
    """
    deadline = time.monotonic() + seconds
    while not (found := check()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)
    return found


def run_park(*, port: int, once: bool) -> int:
    """Build what is missing, start, walk through, and stay up unless ``once``."""
    check_port(port)
    with Cluster("run") as cluster:
        odoo = Odoo(cluster, "run")
        is_new = demo_database(cluster, odoo, DATABASE)
        park = Park(odoo, DATABASE, port=port, bridge_port=0 if once else port + 1)
        if is_new:
            park.forget()
        with step("starting Odoo, the bridge and the simulated lanes"):
            park.start()
        try:
            if not once:
                _addresses(park)
            failures = _walk_through(park)
            if failures:
                say(f"✗ {failures} expectations did not hold")
            else:
                say("✓ every expectation held")
            if not once:
                _stay(park)
        finally:
            park.stop()
    return 1 if failures else 0


def _walk_through(park: Park) -> int:
    """Walk through; a step that cannot even be taken is one that did not hold."""
    try:
        return walk_through(park, LOCAL / "park" / "tickets")
    except (OdooRefused, TimeoutError, ValueError, requests.RequestException) as error:
        say(f"  ✗ stopped: {error} (logs: {LOGS})")
        return 1


def _addresses(park: Park) -> None:
    say("")
    say(f"  Odoo            {park.server.url}/odoo")
    say(f"  Point of Sale   {park.server.url}/odoo/point-of-sale")
    say(f"  agency portal   {park.server.url}/my")
    say(f"  lane log        {park.bridge.url}/")
    say(f"  bridge health   {park.bridge.url}/health")
    say(f"  tickets printed {LOCAL / 'park' / 'tickets'}")
    say("")


def _stay(park: Park) -> None:
    _addresses(park)
    say(f"  log in as (password: {PASSWORD}):")
    for login, who in PEOPLE.items():
        say(f"    {login:<12}{who}")
    say("")
    say(
        "  show a code at a lane:  curl -H 'Content-Type: application/json' -d "
        f'\'{{"code": "T1…"}}\' {park.simulator.url}/lanes/L1/present'
    )
    say("  Ctrl-C stops everything.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        say("\nstopping …")
