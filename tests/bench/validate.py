"""What a validation through Odoo costs, against bare PostgreSQL and a plain ORM method.

All three validate the same live tickets in turns within one run, so that the machine's
mood falls on each alike: read the ratios, not the milliseconds.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from bootstrap.console import SetupError, say, step
from bootstrap.odoo_server import Odoo, OdooProcess
from bootstrap.paths import LOCAL, ROOT
from bootstrap.postgres import Cluster, free_port
from databases import demo_database

from .load import KeepAliveClient, Measured, load, median_of, pgbench

HERE = Path(__file__).parent
DATABASE = "scenic_bench"
ROUNDS = 3
LOGIN = PASSWORD = "bench"

PGBENCH_SCRIPT = """\
\\set n :n + 1
\\set id :base + :client_id * :share + :n
SELECT scenic_gate_validate({device}, '{key_hash}',
  jsonb_build_array(jsonb_build_object(
    'uid', gen_random_uuid()::text, 'seq', 1, 'lane', 'B1', 'direction', 'in',
    'kind', 'qr', 'lookup', (SELECT lookup FROM scenic_bench_code WHERE id = :id),
    'forged', false, 'at', '{now}')));
"""


class Codes:
    """Hands out codes that nobody had before; says when they have run out."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.next = itertools.count()

    def take(self) -> str:
        index = next(self.next)
        if index >= len(self.tokens):
            raise SetupError("The tickets have run out: ask for more with --tickets.")
        return self.tokens[index]


def main(*, tickets: int, seconds: float) -> int:
    """Run the measurement and print its table and ratios; 0 if every call was right."""
    if tickets < 10_000:
        raise SetupError("The bench needs at least 10000 tickets.")
    with Cluster("bench") as cluster:
        addons = f"{ROOT},{HERE / 'addons'}"
        odoo = Odoo(cluster, "bench")
        demo_database(cluster, odoo, DATABASE)
        odoo = Odoo(
            cluster,
            "bench",
            addons_path=",".join([*map(str, odoo.source.addons), addons]),
            log_level="warn",
        )
        with step("installing the baseline"):
            odoo.install(DATABASE, ["scenic_bench"])
        codes_file = LOCAL / "bench-codes.txt"
        with step(f"{tickets} live tickets"):
            answer = odoo.shell(
                DATABASE,
                HERE / "make_tickets.py",
                BENCH_TICKETS=str(tickets),
                BENCH_CODES=str(codes_file),
            )
        device = json.loads(answer.splitlines()[-1])
        _bench_user(cluster, odoo)
        pairs = [line.split() for line in codes_file.read_text().splitlines()]
        _code_table(cluster, [pair[0] for pair in pairs])
        with OdooProcess(odoo, DATABASE, free_port(), workers=2) as server:
            return _measure(
                cluster, server, device, [pair[1] for pair in pairs], seconds
            )


def _measure(
    cluster: Cluster,
    server: OdooProcess,
    device: dict[str, str],
    tokens: list[str],
    seconds: float,
) -> int:
    gate = _gate_call(server, device["key"])
    orm = _orm_call(server)
    runs: dict[str, list[Measured]] = {}

    def keep(measured: Measured) -> None:
        runs.setdefault(f"{measured.name} c={measured.clients}", []).append(measured)

    for number in range(1, ROUNDS + 1):
        with step(f"round {number} of {ROUNDS}"):
            _fresh(cluster)
            codes = Codes(tokens)
            for clients in (1, 8):
                keep(load("gate API", clients, seconds, gate(codes)))
            for clients in (1, 8):
                keep(load("ORM /jsonrpc", clients, seconds, orm(codes)))
            _fresh(cluster)
            share = min(len(tokens) // 10, 4000)
            for clients, base in ((1, 8 * share), (8, 0)):
                keep(
                    pgbench(
                        str(cluster.bin / "pgbench"),
                        {**os.environ, **cluster.environment()},
                        DATABASE,
                        PGBENCH_SCRIPT.format(
                            device=device["device"],
                            key_hash=device["key_hash"],
                            now=datetime.now(UTC).isoformat(),
                        ),
                        clients=clients,
                        transactions=share,
                        variables={"n": 0, "base": base, "share": share},
                    )
                )
    lines = {key: median_of(found) for key, found in runs.items()}
    return _print(lines, len(tokens))


def _print(lines: dict[str, Measured], tickets: int) -> int:
    say("")
    say(f"validate on {date.today()}: {tickets} live tickets, 2 Odoo workers,")
    say(f"{os.cpu_count()} cores, PostgreSQL with default durability,")
    say(f"median of {ROUNDS} rounds, taken in turns")
    say(f"{'':<18}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'calls/s':>10}{'wrong':>7}")
    for key, line in lines.items():
        say(
            f"{key:<18}{line.p50:>9.2f}{line.p95:>9.2f}{line.p99:>9.2f}"
            f"{line.rate:>10.0f}{line.unexpected:>7}"
        )
    one, many = lines["gate API c=1"], lines["gate API c=8"]
    orm_one, orm_many = lines["ORM /jsonrpc c=1"], lines["ORM /jsonrpc c=8"]
    bare_one, bare_many = lines["pgbench c=1"], lines["pgbench c=8"]
    say("")
    say(
        f"validate_vs_orm: p50 c=1 {one.p50 / orm_one.p50:.2f}, "
        f"throughput c=8 {many.rate / orm_many.rate:.2f}"
    )
    say(
        f"validate_vs_pgbench: p50 c=1 {one.p50 / bare_one.p50:.1f}, "
        f"throughput c=8 {many.rate / bare_many.rate:.3f}"
    )
    wrong = sum(line.unexpected for line in lines.values())
    if wrong:
        say(f"✗ {wrong} calls were not answered as expected")
    return 1 if wrong else 0


def _gate_call(
    server: OdooProcess, key: str
) -> Callable[[Codes], Callable[[], Callable[[], bool]]]:
    headers = {"Authorization": f"Bearer {key}"}
    numbers = itertools.count(1)

    def bind(codes: Codes) -> Callable[[], Callable[[], bool]]:
        def make() -> Callable[[], bool]:
            client = KeepAliveClient("127.0.0.1", server.port)

            def call() -> bool:
                scan = {
                    "request_id": str(uuid.uuid4()),
                    "seq": next(numbers),
                    "lane": "B1",
                    "direction": "in",
                    "credential": {"kind": "auto", "value": codes.take()},
                    "at": datetime.now(UTC).isoformat(),
                }
                body = _envelope({"scans": [scan]})
                answer = json.loads(
                    client.post("/scenic/gate/v1/validate", body, headers)
                )
                return bool(
                    answer.get("result", {}).get("results", [{}])[0].get("code")
                    == "ADMIT"
                )

            return call

        return make

    return bind


def _orm_call(
    server: OdooProcess,
) -> Callable[[Codes], Callable[[], Callable[[], bool]]]:
    first = KeepAliveClient("127.0.0.1", server.port)
    asked = {
        "service": "common",
        "method": "login",
        "args": [DATABASE, LOGIN, PASSWORD],
    }
    uid = json.loads(first.post("/jsonrpc", _envelope(asked), {}))["result"]

    def bind(codes: Codes) -> Callable[[], Callable[[], bool]]:
        def make() -> Callable[[], bool]:
            client = KeepAliveClient("127.0.0.1", server.port)

            def call() -> bool:
                arguments = [DATABASE, uid, PASSWORD, "scenic.bench.pass"]
                arguments += ["validate_orm", [codes.take(), str(uuid.uuid4())]]
                body = _envelope(
                    {"service": "object", "method": "execute_kw", "args": arguments}
                )
                answer = json.loads(client.post("/jsonrpc", body, {}))
                return bool(answer.get("result", {}).get("code") == "ADMIT")

            return call

        return make

    return bind


def _envelope(parameters: dict[str, object]) -> bytes:
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "call", "params": parameters}
    ).encode()


def _fresh(cluster: Cluster) -> None:
    """Give every entry back, so that each code is again one nobody had before."""
    cluster.psql(
        DATABASE,
        "UPDATE scenic_entitlement SET entries_reserved = 0, entries_used = 0 "
        "WHERE entries_reserved + entries_used > 0",
    )
    cluster.psql(DATABASE, "VACUUM ANALYZE scenic_entitlement")
    cluster.psql(DATABASE, "CHECKPOINT")


def _code_table(cluster: Cluster, lookups: list[str]) -> None:
    cluster.psql(
        DATABASE,
        "DROP TABLE IF EXISTS scenic_bench_code; "
        "CREATE TABLE scenic_bench_code (id serial PRIMARY KEY, lookup text)",
    )
    psql = shutil.which("psql", path=str(cluster.bin))
    subprocess.run(
        [str(psql), "-X", "-q", "-d", DATABASE]
        + ["-c", "COPY scenic_bench_code (lookup) FROM STDIN"],
        input="\n".join(lookups) + "\n",
        text=True,
        env={**os.environ, **cluster.environment()},
        check=True,
    )
    cluster.psql(DATABASE, "ANALYZE")


def _bench_user(cluster: Cluster, odoo: Odoo) -> None:
    """The baseline's user; its database never leaves this machine."""
    script = LOCAL / "bench_user.py"
    script.write_text(
        "user = env['res.users'].search([('login', '=', 'bench')])\n"
        "if not user:\n"
        "    env['res.users'].create({'name': 'bench', 'login': 'bench',\n"
        "        'password': 'bench',\n"
        "        'group_ids': [(4, env.ref('base.group_system').id)]})\n"
        "    env.cr.commit()\n"
    )
    odoo.shell(DATABASE, script)


if __name__ == "__main__":
    sys.exit("run it with: make bench")
