"""Gate devices of the tests, each with its key, its lane and its count of messages."""

import http.client
import itertools
import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime

CLIENTS = 16


class Refused(Exception):
    """The server answered with an error instead of a result."""

    def __init__(self, status, error):
        super().__init__(f"HTTP {status}: {error}")
        self.status = status
        self.code = error["data"]["code"]


class ServerFailed(Refused):
    """A fault of the server: the same request may be repeated."""


class Device:
    """Speaks docs/gate-api.md.

    Safe to be shared by threads: each scan and event gets the next ``seq``, as the
    one counter of a real device gives it.
    """

    def __init__(self, url, device, key, lane):
        self.url = url
        self.device = device
        self.key = key
        self.lane = lane
        self._lock = threading.Lock()
        self._seq = itertools.count(1)

    def next_seq(self):
        with self._lock:
            return next(self._seq)

    def send(self, path, body, **headers):
        """Post bytes; return the HTTP status and the answer.

        :param headers: instead of, and in addition to, those of a good request
        """
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.key}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        request = urllib.request.Request(
            f"{self.url}/scenic/gate/v1/{path}", body, headers
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def post(self, path, parameters):
        """Call a method; return its ``result``.

        :raise Refused: with the code of the error
        """
        body = {"jsonrpc": "2.0", "id": 1, "method": "call", "params": parameters}
        status, answer = self.send(path, json.dumps(body).encode())
        if "error" in answer:
            kind = ServerFailed if status >= 500 else Refused
            raise kind(status, answer["error"])
        return answer["result"]

    def scan_of(self, code, **fields):
        """Return a scan for the body of ``validate``."""
        return {
            "request_id": str(uuid.uuid4()),
            "seq": self.next_seq(),
            "lane": self.lane,
            "direction": "in",
            "credential": {"kind": "auto", "value": code},
            "at": now(),
            **fields,
        }

    def scan(self, code, request_id=None, **fields):
        """Scan a code; return the result, as soon as somebody answers."""
        if request_id:
            fields["request_id"] = request_id
        scan = self.scan_of(code, **fields)
        return until_answered(lambda: self.decide(scan))

    def decide(self, scan):
        return self.post("validate", {"scans": [scan]})["results"][0]

    def passed(self, request_id, count=1):
        return self.report("passed", request_id, count)

    def report(self, kind, request_id, count=1):
        """Report one event of an admission; return the code of its result."""
        [result] = self.tell(self.event_of(kind, request_id=request_id, count=count))
        return result["code"]

    def event_of(self, kind, **fields):
        """Return an event for the body of ``report``."""
        return {
            "event_id": str(uuid.uuid4()),
            "seq": self.next_seq(),
            "lane": self.lane,
            "type": kind,
            "direction": "in",
            "at": now(),
            **fields,
        }

    def tell(self, *events):
        return self.post("report", {"events": events})["results"]


class GateClient(Device):
    """A device of the park, made as a manager makes one, with one lane."""

    def __init__(self, manager, lane="P1", direction="in", gate="L1", decides="no"):
        """:param gate: code of a lane of the gate that the new lane belongs to"""
        self.manager = manager
        (beside,) = manager.read(
            "scenic.lane", [["code", "=", gate]], ["gate_id", "site_id"]
        )
        device = manager.call(
            "scenic.device",
            "create",
            {
                "name": f"parallel-{uuid.uuid4().hex[:6]}",
                "site_id": beside["site_id"][0],
                "decides": decides,
            },
        )
        manager.call(
            "scenic.lane",
            "create",
            {
                "name": lane,
                "code": lane,
                "gate_id": beside["gate_id"][0],
                "device_id": device,
                "direction": direction,
                "kind": "handheld",
            },
        )
        super().__init__(manager.url, device, "", lane)
        self.new_key()

    def new_key(self):
        """Give the device a new key: the old one dies, the count begins anew."""
        self.key = new_key(self.manager, self.device)
        self._seq = itertools.count(1)


def new_key(manager, device, method="action_generate_key"):
    """Make a key of a device, as a manager does, and return it."""
    action = manager.call("scenic.device", method, [device])
    return action["context"]["scenic_device_key"]


def until_answered(call, also=(), seconds=60):
    """Repeat a call with the same ids until somebody answers, as a device does.

    :param also: answers that count as none
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except (OSError, http.client.HTTPException, *also):
            # nobody there, cut off, or more connections than two workers listen for
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def now():
    return datetime.now(UTC).isoformat()


def codes_of(order):
    """Return the QR codes of the tickets of an order of the window."""
    return [ticket["pos_qr_token"] for ticket in order["tickets"]]


def at_once(*calls):
    """Make calls at the same moment, each in a thread; return what each got.

    :raise Exception: what the first call that failed has raised
    """
    barrier = threading.Barrier(len(calls), timeout=60)
    answers, errors = [None] * len(calls), []

    def work(number, call):
        barrier.wait()
        try:
            answers[number] = call()
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=work, args=numbered) for numbered in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return answers
