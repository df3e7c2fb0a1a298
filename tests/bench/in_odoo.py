"""Measurements inside one Odoo process, on a copy of the demo park."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bootstrap.console import step
from bootstrap.odoo_server import Odoo
from bootstrap.postgres import Cluster
from databases import demo_database

HERE = Path(__file__).parent
ORIGIN = "scenic_bench"


class BenchDatabase:
    """A database of one measurement, thrown away after it."""

    def __init__(self, cluster: Cluster, odoo: Odoo, name: str) -> None:
        self.cluster = cluster
        self.odoo = odoo
        self.name = name

    def shell(self, script: str, **variables: object) -> Any:
        """Run a script of ``scripts/`` in ``odoo shell``.

        :param variables: environment variables that it reads
        :return: what its last line says, in JSON
        """
        answer = self.odoo.shell(
            self.name,
            HERE / "scripts" / script,
            **{name: str(value) for name, value in variables.items()},
        )
        return json.loads(answer.splitlines()[-1])

    def psql(self, statement: str) -> str:
        return self.cluster.psql(self.name, statement)


@contextmanager
def bench_database(part: str) -> Iterator[BenchDatabase]:
    """Give a fresh copy of the demo park; its cluster lives as long as the block."""
    with Cluster("bench") as cluster:
        odoo = Odoo(cluster, "bench")
        demo_database(cluster, odoo, ORIGIN)
        name = f"{ORIGIN}_{part}"
        odoo.drop_database(name)
        with step("copying the demo park"):
            odoo.copy_database(ORIGIN, name)
        try:
            yield BenchDatabase(cluster, odoo, name)
        finally:
            odoo.drop_database(name)
