"""A database with live tickets and the server that validates them, for measurements."""

import itertools
import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from bootstrap.console import SetupError, step
from bootstrap.odoo_server import Odoo, OdooProcess
from bootstrap.paths import LOCAL, ROOT
from bootstrap.postgres import Cluster, free_port
from scenic_gate_bridge.model import new_id

from .load import Measured, pgbench, send

HERE = Path(__file__).parent
LOGIN = PASSWORD = "bench"
VALIDATE = "/scenic/gate/v1/validate"
REPORT = "/scenic/gate/v1/report"

#: One scan a transaction; a wrong answer divides by zero and ends the run.
PGBENCH_SCRIPT = """\
SELECT 1 / (scenic_gate_validate({device}, '{key_hash}',
  jsonb_build_array(jsonb_build_object(
    'uid', gen_random_uuid()::text, 'seq', nextval('scenic_bench_seq'),
    'lane', 'PLAIN', 'direction', 'in', 'kind', 'qr', 'lookup', c.lookup,
    'forged', null, 'at', '{now}'))) #>> '{{0,code}}' = 'ADMIT')::integer
FROM (SELECT nextval('scenic_bench_next') AS id OFFSET 0) n
LEFT JOIN scenic_bench_code c ON c.id = n.id;
"""


class Code(NamedTuple):
    lookup: str
    token: str
    right: int


class GatePark:
    """One database, its server with two workers and its unused codes.

    Each kind of caller has a device of its own, so that their message numbers do not
    meet.
    """

    def __init__(self, cluster: Cluster, database: str, facts: dict[str, Any]) -> None:
        self.cluster = cluster
        self.database = database
        self.devices: dict[str, dict[str, Any]] = facts["devices"]
        self.groups: list[str] = facts["groups"]
        self.codes: list[Code] = facts["codes"]
        self.server: OdooProcess
        self._used = 0
        self._numbers = {name: itertools.count(1) for name in self.devices}
        self._user: int | None = None

    @property
    def port(self) -> int:
        return self.server.port

    def make_tables(self) -> None:
        """Give pgbench the look-ups and numbers to count by."""
        self.cluster.psql(
            self.database,
            "CREATE SEQUENCE scenic_bench_seq; CREATE SEQUENCE scenic_bench_next; "
            "CREATE TABLE scenic_bench_code (id serial PRIMARY KEY, lookup text)",
        )
        psql = shutil.which("psql", path=str(self.cluster.bin))
        subprocess.run(
            [str(psql), "-X", "-q", "-d", self.database]
            + ["-c", "COPY scenic_bench_code (lookup) FROM STDIN"],
            input="".join(f"{code.lookup}\n" for code in self.codes),
            text=True,
            env={**os.environ, **self.cluster.environment()},
            check=True,
        )
        self.cluster.psql(self.database, "ANALYZE scenic_bench_code")

    def fresh(self) -> None:
        """Give every entry back, so that each code is again one nobody had before."""
        self.cluster.psql(
            self.database,
            "SET session_replication_role = replica; "
            "UPDATE scenic_entitlement SET entries_reserved = 0, entries_used = 0 "
            "WHERE entries_reserved + entries_used > 0; "
            "UPDATE scenic_ticket SET state = 'valid', first_entry_at = NULL "
            "WHERE first_entry_at IS NOT NULL",
        )
        self.cluster.psql(
            self.database, "VACUUM ANALYZE scenic_entitlement, scenic_ticket"
        )
        self.cluster.psql(self.database, "CHECKPOINT")
        self._used = 0

    def take(self, count: int) -> list[Code]:
        """Return codes that nobody had since :meth:`fresh`."""
        taken = self.codes[self._used : self._used + count]
        if len(taken) < count:
            raise SetupError("The tickets have run out: ask for more with --tickets.")
        self._used += count
        return taken

    def number(self, device: str) -> int:
        return next(self._numbers[device])

    def scan(self, device: str, token: str, lane: str) -> dict[str, Any]:
        return {
            "request_id": new_id(),
            "seq": self.number(device),
            "lane": lane,
            "direction": "in",
            "credential": {"kind": "auto", "value": token},
            "at": datetime.now(UTC).isoformat(),
        }

    def validate(
        self,
        name: str,
        *,
        clients: int,
        seconds: float,
        most: int,
        scans: int = 1,
        device: str = "one",
        lane: str = "PLAIN",
    ) -> Measured:
        """Measure lists of scans; ``most`` is a rate of requests nobody reaches."""
        tokens = [code.token for code in self.take(round(most * seconds) * scans)]
        bodies = [
            envelope({"scans": [self.scan(device, token, lane) for token in part]})
            for part in _parts(tokens, scans)
        ]
        return send(
            name,
            self.port,
            VALIDATE,
            bodies,
            clients=clients,
            seconds=seconds,
            wanted='"code": "ADMIT"',
            times=scans,
            key=self.devices[device]["key"],
        )

    def upload(self, name: str, *, seconds: float, most: int, records: int) -> Measured:
        """Measure uploads of what a device admitted by itself, and of the passes."""
        at = datetime.now(UTC).isoformat()

        def events(code: Code) -> Iterator[dict[str, Any]]:
            request = new_id()
            for kind in ("admitted", "passed"):
                yield {
                    "event_id": new_id(),
                    "seq": self.number("upload"),
                    "lane": "PLAIN",
                    "type": kind,
                    "request_id": request,
                    "direction": "in",
                    "count": 1,
                    "at": at,
                    **(
                        {"mode": "offline", "right": code.right}
                        if kind == "admitted"
                        else {}
                    ),
                }

        codes = self.take(round(most * seconds) * records // 2)
        bodies = [
            envelope({"events": [event for code in part for event in events(code)]})
            for part in _parts(codes, records // 2)
        ]
        return send(
            name,
            self.port,
            REPORT,
            bodies,
            clients=1,
            seconds=seconds,
            wanted='"code": "OK"',
            times=records,
            key=self.devices["upload"]["key"],
        )

    def orm(self, name: str, *, clients: int, seconds: float, most: int) -> Measured:
        """Measure the same rule as a plain ORM method, over Odoo's ``/jsonrpc``."""
        if self._user is None:
            self._user = self._log_in()
        bodies = [
            envelope(
                {
                    "service": "object",
                    "method": "execute_kw",
                    "args": [
                        *(self.database, self._user, PASSWORD, "scenic.bench.pass"),
                        *("validate_orm", [code.token, str(uuid.uuid4())]),
                    ],
                }
            )
            for code in self.take(round(most * seconds))
        ]
        return send(
            name,
            self.port,
            "/jsonrpc",
            bodies,
            clients=clients,
            seconds=seconds,
            wanted='"code": "ADMIT"',
        )

    def pgbench(self, name: str, *, clients: int, seconds: float) -> Measured:
        """Measure the database function alone, with all codes that are left."""
        self.cluster.psql(
            self.database,
            f"SELECT setval('scenic_bench_next', {self._used + 1}, false)",
        )
        device = self.devices["pgbench"]
        measured = pgbench(
            self.cluster,
            self.database,
            name,
            PGBENCH_SCRIPT.format(
                device=device["id"],
                key_hash=device["key_hash"],
                now=datetime.now(UTC).replace(tzinfo=None).isoformat(),
            ),
            clients=clients,
            seconds=seconds,
        )
        self._used = len(self.codes)
        return measured

    def _log_in(self) -> int:
        from .client import exchange, request

        body = envelope(
            {
                "service": "common",
                "method": "login",
                "args": [self.database, LOGIN, PASSWORD],
            }
        )
        answer = exchange(self.port, request("/jsonrpc", {}, body))
        return int(json.loads(answer.partition(b"\r\n\r\n")[2])["result"])


@contextmanager
def gate_park(
    cluster: Cluster, database: str, *, tickets: int, scanned: int, groups: int
) -> Iterator[GatePark]:
    """Fill a copy of the demo park and serve it.

    :param scanned: how many of the tickets can be scanned
    :param groups: how many group codes of 100 persons there are
    """
    odoo = Odoo(
        cluster,
        database,
        addons_path=",".join([*map(str, Odoo(cluster, "bench").source.addons)])
        + f",{ROOT},{HERE / 'addons'}",
        log_level="warn",
    )
    with step("installing the baseline"):
        odoo.install(database, ["scenic_bench"])
    file = LOCAL / f"{database}-codes.txt"
    with step(f"{tickets:,} live tickets"):
        answer = odoo.shell(
            database,
            HERE / "scripts" / "validate.py",
            BENCH_TICKETS=str(tickets),
            BENCH_GROUPS=str(groups),
            BENCH_SCANNED=str(scanned),
            BENCH_CODES=str(file),
        )
    facts = json.loads(answer.splitlines()[-1])
    rows = (line.split() for line in file.read_text().splitlines())
    facts["codes"] = [Code(row[0], row[1], int(row[2])) for row in rows]
    file.unlink()
    park = GatePark(cluster, database, facts)
    park.make_tables()
    with OdooProcess(odoo, database, free_port(), workers=2) as park.server:
        yield park


def envelope(parameters: dict[str, Any]) -> bytes:
    """Return the body of a JSON-RPC call, on one line."""
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "call", "params": parameters}
    ).encode()


def _parts(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items) - size + 1, size):
        yield items[start : start + size]
