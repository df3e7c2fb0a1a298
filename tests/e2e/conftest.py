"""The demo park in real processes: Odoo with two workers, simulated lanes, bridge."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "dev"))

from bootstrap.odoo_server import Odoo  # noqa: E402
from bootstrap.postgres import Cluster, free_port  # noqa: E402
from databases import demo_database  # noqa: E402
from demo.park import Park  # noqa: E402
from demo.window import Window  # noqa: E402
from fault_park import DATABASE as FAULTS  # noqa: E402
from fault_park import FaultPark, move_database  # noqa: E402
from gate_client import CLIENTS, GateClient  # noqa: E402
from testing.runner import test_cluster  # noqa: E402

TEMPLATE = "scenic_e2e_template"
DATABASE = "scenic_e2e"


@pytest.fixture(scope="session")
def cluster():
    with test_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def odoo(cluster):
    """Odoo on the cluster of the tests, with the demo park as a template."""
    odoo = Odoo(cluster, "e2e")
    demo_database(cluster, odoo, TEMPLATE)
    return odoo


@pytest.fixture(scope="session")
def template(odoo):
    """The name of the demo park's database, to be copied."""
    return TEMPLATE


@pytest.fixture(scope="session")
def park(odoo):
    """A running park on a fresh copy of the demo database."""
    odoo.copy_database(TEMPLATE, DATABASE)
    park = Park(odoo, DATABASE, port=free_port(), workers=2, pass_timeout=1.5)
    park.forget()
    with park:
        yield park


@pytest.fixture(scope="session")
def fault_park(odoo):
    """A running park whose servers and line may be broken; durable as in production."""
    with Cluster("faults") as cluster:
        other = Odoo(cluster, "faults")
        move_database(odoo, TEMPLATE, other, FAULTS)
        park = FaultPark(other, port=free_port())
        park.forget()
        with park:
            yield park


@pytest.fixture
def sql(cluster):
    """Ask the park's database behind Odoo's back."""
    return lambda statement: cluster.psql(DATABASE, statement)


@pytest.fixture(scope="module")
def window(park):
    window = Window(park.person("cashier"))
    yield window
    window.close()


@pytest.fixture(scope="session")
def manager(park):
    return park.person("manager")


@pytest.fixture(scope="session")
def gates(manager):
    """A device of its own for each client."""
    return [GateClient(manager) for _ in range(CLIENTS)]


@pytest.fixture(scope="session")
def gate(gates):
    return gates[0]
