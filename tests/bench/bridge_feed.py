"""Tickets for a bridge that decides by itself, and a server that tells them in pages.

Run as a program it serves docs/gate-api.md's `config`, `sync`, `heartbeat` and `report`
on a port of 127.0.0.1 that it prints: a process of its own, so that the memory of the
bridge is measured alone.
"""

import argparse
import base64
import json
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from scenic_gate_bridge.simulator.codes import look_up, signed_qr

SECRET = b"b" * 32
SIGNER = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
SITE = "BENCH"
LANES = 16


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.000Z}"


NOW = datetime.now(UTC)
FIRST, LAST = stamp(NOW - timedelta(hours=12)), stamp(NOW + timedelta(hours=12))


def qr(number: int) -> str:
    """The signed QR of a ticket."""
    return signed_qr(SIGNER, SITE, number, NOW.date())


def ticket(number: int, *, signed: bool) -> dict:
    """A day ticket with a QR and a 1-D number, as the feed tells it."""
    code = qr(number) if signed else f"not shown {number}"
    return {
        "id": number,
        "name": f"{number:010d}",
        "kind": "individual",
        "state": "valid",
        "persons": 1,
        "persons_sold": 1,
        "product": "成人票",
        "booking": number,
        "visit_date": NOW.date().isoformat(),
        "slotted": False,
        "first_day": NOW.date().isoformat(),
        "span": 1,
        "first_entry_at": None,
        "blocked": None,
        "staff_lanes": None,
        "media": [
            [look_up(SECRET, code), "qr", "active"],
            [look_up(SECRET, f"barcode {number}"), "barcode", "active"],
        ],
        "rights": [
            {
                "id": number,
                "site": 1,
                "component": 1,
                "rule": 1,
                "total": 1,
                "refunded": 0,
                "unlimited": False,
                "daily": 0,
                "from": FIRST,
                "to": LAST,
                "weekdays": 127,
                "minute_from": 0,
                "minute_to": 1440,
                "value": "80.00",
                "used": 0,
                "held": 0,
                "again_held": 0,
                "today": None,
                "recent": [],
            }
        ],
        "reservations": [],
    }


def config() -> dict:
    """One place with many lanes."""
    public = SIGNER.public_key().public_bytes_raw()
    days = [NOW.date() + timedelta(days=number) for number in range(-1, 3)]
    name = {"en": "Bench", "zh": "测试"}
    return {
        "version": "bench",
        "unchanged": False,
        "device": "bench",
        "decides": "site",
        "public_keys": [
            {
                "kid": 1,
                "key": base64.b64encode(public).decode(),
            }
        ],
        "site_codes": [SITE],
        "lookup_key": base64.b64encode(SECRET).decode(),
        "offline": {
            "max_age_hours": 24,
            "admit_unsynced": False,
            "max_unsynced": 0,
            "kinds": ["qr", "barcode", "ic_card", "id_document"],
        },
        "sites": [
            {
                "id": 1,
                "code": SITE,
                "name": name,
                "tz": "Asia/Shanghai",
                "days": {
                    str(day): {"open": None, "reservation": "none"} for day in days
                },
            }
        ],
        "rules": [{"id": 1, "days_from_first": None, "blackout": []}],
        "components": [
            {
                "id": 1,
                "site": 1,
                "product_class": 7,
                "name": name,
                "gate_name": "成人票",
                "sequence": 1,
                "choice": 0,
                "in_sequence": False,
                "reentry": "none",
                "reentry_minutes": 0,
                "antipassback": "off",
                "minutes_from_first": 0,
                "grace_early": 0,
                "grace_late": 0,
                "has_rules": False,
                "staff_lanes": None,
            }
        ],
        "lanes": [
            {
                "lane": f"B{number}",
                "name": name,
                "site": 1,
                "gate": {"id": 1, "name": name},
                "direction": "in",
                "into": [1],
                "out_of": [],
                "counted": True,
                "kind": "manual",
            }
            for number in range(1, LANES + 1)
        ],
        "pools": [
            {
                "id": 1,
                "name": name,
                "capacity": 10_000_000,
                "stop_at": None,
                "level": None,
                "site": 1,
            }
        ],
    }


class FeedServer(BaseHTTPRequestHandler):
    """Answers a bridge. `tickets`, `signed`: how many there are, of how many the QR is
    genuine."""

    protocol_version = "HTTP/1.1"
    tickets = signed = 0

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = self.path.rsplit("/", 1)[1]
        result = getattr(self, f"answer_{method}")(body["params"])
        answer = json.dumps(
            {"jsonrpc": "2.0", "id": body["id"], "result": result}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: object) -> None:
        pass

    def answer_config(self, params: dict) -> dict:
        made = config()
        if params["version"] == made["version"]:
            return {"version": made["version"], "unchanged": True}
        return made | {"server_time": stamp(datetime.now(UTC))}

    def answer_sync(self, params: dict) -> dict:
        told = int(params["cursor"] or 0)
        page = range(told + 1, min(told + params["limit"], self.tickets) + 1)
        return {
            "cursor": str(told + len(page)),
            "more": told + len(page) < self.tickets,
            "reset": False,
            "server_time": stamp(datetime.now(UTC)),
            "tickets": [ticket(n, signed=n <= self.signed) for n in page],
            "gone": [],
        }

    def answer_heartbeat(self, params: dict) -> dict:
        print(f"copy_at {params['copy_at']}", flush=True)
        return {"server_time": stamp(datetime.now(UTC)), "device": "bench", "lanes": []}

    def answer_report(self, params: dict) -> dict:
        return {
            "results": [
                {"event_id": event["event_id"], "code": "OK"}
                for event in params["events"]
            ]
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tickets", type=int, required=True)
    parser.add_argument("--signed", type=int, required=True)
    arguments = parser.parse_args()
    FeedServer.tickets, FeedServer.signed = arguments.tickets, arguments.signed
    server = ThreadingHTTPServer(("127.0.0.1", 0), FeedServer)
    print(f"port {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
