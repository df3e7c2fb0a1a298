"""A day at a park, in minutes: real bridge processes, simulated lanes and visitors,
faults by script, and at the end the books compared row by row.

Everything but the steel and the people is what stands at a real gate: each bridge is a
process of its own with its settings file, its journal on the disk and its devices on
ptys; it reaches its server through a `Link` that can be spoiled. The server is the
simulator's own `Authority`, or a real Odoo.
"""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from ..local.feed import read_config, read_ticket
from ..local.reads import CodeReader
from ..model import LaneDirection
from .authority import Authority
from .books import ServerAdmission, ServerBooks, ServerTicket, digest
from .codes import Mint
from .day import Day
from .gate import Gate, open_gates
from .ledger import Device
from .park import LaneSpec, ParkError, parse_lanes
from .reconcile import Reconciliation, reconcile
from .steel import LaneKind
from .visitors import Party, draw, holders, sold, unsynced


@dataclass(frozen=True, slots=True)
class GatePlan:
    """One bridge of a park. `coded`: its exits that read codes; `asks`: the gate that
    is the server of its site."""

    lanes: str
    coded: tuple[str, ...] = ()
    asks: str = ""

    def specs(self) -> dict[str, LaneSpec]:
        """What stands at each lane."""
        return {
            code: replace(spec, coded=code in self.coded)
            for code, spec in parse_lanes(self.lanes).items()
        }


PARKS = {
    "demo": {
        "south": GatePlan(
            "S1:in,S2:in,S3:in,S4:in,S5:in:tpw-321asp,S6:in:tpw-321asp,S7:in:modbus,"
            "S8:in:modbus,S9:both,SX1:out,SX2:out:infrared,SX3:out",
            coded=("SX3",),
        ),
        "north": GatePlan(
            "N1:in,N2:in,N3:in,N4:in,N5:in:tpw-321asp,N6:in:modbus,N7:in:modbus,"
            "N8:both:modbus,NX1:out,NX2:out:manual,NX3:out:modbus",
            coded=("NX3",),
        ),
        "island": GatePlan("I1:in,I2:in:modbus,IX1:out", coded=("IX1",)),
        "pier": GatePlan(
            "P1:in,P2:in:tpw-321asp,PX1:out:modbus", coded=("PX1",), asks="island"
        ),
    },
}
# what is simulated for the kinds of lanes that a server names; of others nobody knows
# how they hold people back
KINDS = {
    "tripod": LaneKind.CATRAX,
    "flap": LaneKind.MODBUS,
    "swing": LaneKind.TPW,
    "push_bar_exit": LaneKind.CATRAX,
    "infrared_exit": LaneKind.INFRARED,
    "door": LaneKind.MODBUS,
    "manual": LaneKind.MANUAL,
}


def books_of(authority: Authority) -> ServerBooks:
    """The simulator's own server as the reconciliation wants it."""
    return ServerBooks(
        {
            request_id: ServerAdmission(
                one.lane,
                digest(one.code),
                one.passes,
                one.passed,
                one.annulled,
                one.used,
                one.double,
                one.again,
            )
            for request_id, one in authority.admissions.items()
        },
        {event_id: event["type"] for event_id, event in authority.events.items()},
        {
            digest(code): ServerTicket(ticket.entries, ticket.used, ticket.reserved)
            for code, ticket in authority.tickets.items()
        },
        list(authority.troubles),
        _left(authority),
    )


def _left(authority: Authority) -> dict[str, tuple[int, int]]:
    """Persons who left with a code, by its digest, and how many were assumed."""
    found: dict[str, tuple[int, int]] = {}
    for one in authority.left:
        people, assumed = found.get(digest(one.code), (0, 0))
        more = one.count if one.assumed else 0
        found[digest(one.code)] = people + one.count, assumed + more
    return found


async def rehearse(
    name: str,
    visitors: int,
    faults: Sequence[str],
    seed: int,
    directory: Path,
    say: Callable[[str], None],
) -> Reconciliation:
    """Run a park by itself, with the simulator's own server."""
    if name not in PARKS:
        raise ParkError(f"--park: there is no {name!r}; there are: {', '.join(PARKS)}")
    rng = random.Random(seed)
    mint = Mint(rng)
    parties = draw(visitors, rng, mint)
    lanes = {gate: plan.specs() for gate, plan in PARKS[name].items()}
    asks = {gate: plan.asks for gate, plan in PARKS[name].items() if plan.asks}
    keys = {gate: f"sgk_{rng.randbytes(24).hex()}" for gate in lanes}
    devices: dict[str, Device] = {}
    for gate in lanes.keys() - asks.keys():
        # a site server stands for the lanes of those that ask it
        own = [gate, *(other for other, at in asks.items() if at == gate)]
        devices[keys[gate]] = Device(
            gate,
            {
                code: spec.direction
                for each in own
                for code, spec in lanes[each].items()
            },
            decides="site" if len(own) > 1 else "offline",
        )
    authority = Authority(devices, sold(parties), mint, unsynced(parties))
    port = await authority.start()
    try:
        async with open_gates(
            directory, lanes, keys, rng, ("127.0.0.1", port), asks=asks
        ) as gates:
            day = await _day(gates, parties, faults, rng, say)
    finally:
        await authority.stop()
    return reconcile(
        [gate.journal for gate in gates if gate.name not in asks],
        books_of(authority),
        day.lanes,
        day.passages,
        clients={gate.name: gate.journal for gate in gates if gate.name in asks},
    )


@dataclass(frozen=True, slots=True)
class RealServer:
    """A server that is not the simulator's own, and the tickets sold there."""

    url: str
    key: str
    database: str | None
    codes: dict[str, int]  # code: persons


async def rehearse_at(
    server: RealServer,
    faults: Sequence[str],
    seed: int,
    directory: Path,
    say: Callable[[str], None],
) -> Reconciliation:
    """Run the lanes of one device of a real server. How many entries of each ticket
    were used is asked by `sync`, if the device may decide by itself; else only the
    journal, the server's answers and the steel are compared."""
    at = urlsplit(server.url)
    if at.scheme != "http" or not at.hostname:
        raise ParkError("--server: http://host:port; the faults are put in between")
    rng = random.Random(seed)
    async with aiohttp.ClientSession() as session:
        lanes = await _lanes_of(server, session, say)
        before = await _used(server, session)
        async with open_gates(
            directory,
            {"server": lanes},
            {"server": server.key},
            rng,
            (at.hostname, at.port or 80),
            database=server.database,
        ) as gates:
            day = await _day(gates, holders(server.codes, rng), faults, rng, say)
        after = await _used(server, session)
    consumed = None
    if before is not None and after is not None:
        consumed = {name: used - before.get(name, 0) for name, used in after.items()}
    else:
        say("the device does not decide: how much the server consumed is not compared")
    journals = [gate.journal for gate in gates]
    return reconcile(journals, None, day.lanes, day.passages, consumed)


async def _call(
    server: RealServer,
    session: aiohttp.ClientSession,
    path: str,
    params: dict[str, Any],
) -> dict[str, Any]:
    """The result of a call of the gate API."""
    headers = {"Authorization": f"Bearer {server.key}"}
    if server.database:
        headers["X-Odoo-Database"] = server.database
    try:
        async with session.post(
            f"{server.url.rstrip('/')}/scenic/gate/v1/{path}",
            json={"jsonrpc": "2.0", "id": 1, "method": "call", "params": params},
            headers=headers,
        ) as answer:
            said = await answer.json(content_type=None)
            if "result" not in said:
                raise ParkError(f"--server: {said['error']['message']}")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ParkError(f"--server: {server.url}: {error}") from error
    result: dict[str, Any] = said["result"]
    return result


async def _lanes_of(
    server: RealServer, session: aiohttp.ClientSession, say: Callable[[str], None]
) -> dict[str, LaneSpec]:
    """The device's lanes, with what stands there by the server's word. Without a
    device nobody is held back, so that people can only be counted out."""
    told = await _call(server, session, "config", {"version": None})
    lanes = {}
    for lane in read_config(told).lanes:
        way, kind = LaneDirection(lane.direction), KINDS.get(lane.kind or "")
        only_out = kind in (LaneKind.INFRARED, LaneKind.MANUAL)
        if kind is None or (only_out and way is not LaneDirection.OUT):
            say(f"lane {lane.lane} ({lane.kind}, {way}) is left out")
            continue
        lanes[lane.lane] = LaneSpec(way, kind)
    if not any(spec.direction is not LaneDirection.OUT for spec in lanes.values()):
        raise ParkError("--server: this device has no lane that people come in by")
    return lanes


async def _used(
    server: RealServer, session: aiohttp.ClientSession
) -> dict[str, int] | None:
    """Entries used of the tickets whose codes are known (digest of the code: entries),
    by whomever; None where the device gets no copy."""
    told = await _call(server, session, "config", {"version": None})
    config = read_config(told)
    if config.decides == "no":
        return None
    secret = base64.b64decode(told["lookup_key"])
    reader = CodeReader(secret, config.public_keys, config.site_codes)
    codes = {reader.read("auto", code).lookup: digest(code) for code in server.codes}
    found: dict[str, int] = {}
    # without `born` what this device reported is not left out
    page = {"cursor": None, "limit": 2000}
    while True:
        said = await _call(server, session, "sync", page)
        for ticket in map(read_ticket, said["tickets"]):
            for lookup, _kind, _state in ticket.media:
                if lookup in codes:
                    used = sum(right.used for right in ticket.rights)
                    found[codes[lookup]] = used
        if not said["more"]:
            return found
        page["cursor"] = said["cursor"]


async def _day(
    gates: list[Gate],
    parties: list[Party],
    faults: Sequence[str],
    rng: random.Random,
    say: Callable[[str], None],
) -> Day:
    started = time.monotonic()
    say(
        f"park ready: {len(gates)} bridges, {sum(len(gate.lanes) for gate in gates)}"
        f" lanes, {len(parties)} parties"
    )
    day = Day(gates, rng)
    await day.run(parties, faults)
    await asyncio.gather(*(gate.settled() for gate in gates))
    say(
        f"{len(parties)} parties in {time.monotonic() - started:.0f} s: "
        + ", ".join(f"{count} {what}" for what, count in day.outcome.items())
    )
    say(
        "faults: "
        + (", ".join(f"{name} {n}x" for name, n in sorted(day.done.items())) or "none")
    )
    return day
