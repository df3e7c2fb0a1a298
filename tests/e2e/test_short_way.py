"""Good requests of gates go past Odoo's pages; both ways say and know the same."""

import hashlib
import http.client
import json
import urllib.parse
import uuid

import pytest
from gate_client import GateClient, Refused, codes_of

UNKNOWN = "9" * 22
#: With a cookie a request goes Odoo's way
ODOOS_WAY = {"Cookie": "session_id=x"}
WATCH = """
ALTER FUNCTION scenic_gate_unchanged RENAME TO short_way_own;
CREATE TABLE short_way_seen (id serial, unchanged boolean, query text);
CREATE FUNCTION scenic_gate_unchanged(p_known bigint[]) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_unchanged boolean := short_way_own(p_known);
BEGIN
    INSERT INTO short_way_seen (unchanged, query)
    VALUES (v_unchanged, current_query());
    RETURN v_unchanged;
END $$;
"""
FORGET = """
DROP FUNCTION scenic_gate_unchanged;
ALTER FUNCTION short_way_own RENAME TO scenic_gate_unchanged;
DROP TABLE short_way_seen;
"""


@pytest.fixture
def seen(sql):
    """What the short way asked first, since the last look: were the caches good?

    Of one device, which each statement names by its key: the park's own beat beside.
    """
    sql(WATCH)

    def look(device):
        key_hash = hashlib.sha256(device.key.encode()).hexdigest()
        rows = sql(
            "WITH looked AS (DELETE FROM short_way_seen WHERE query LIKE "
            f"'%{key_hash}%' RETURNING id, unchanged) "
            "SELECT unchanged FROM looked ORDER BY id"
        )
        return [row == "t" for row in rows.split()]

    yield look
    sql(FORGET)


@pytest.fixture
def warm(gate, seen):
    warm_up(gate, seen)
    return gate


def warm_up(gate, seen):
    """Let both workers know registry and caches as they are, as after a sale."""
    quiet = 0
    while quiet < 20:
        gate.scan(UNKNOWN)
        # a code that nobody has is looked at twice, the first time decides the way
        quiet = quiet + 1 if seen(gate) == [True] else 0


def body_of(name, gate, **fields):
    params = {
        "validate": {"scans": [gate.scan_of(UNKNOWN)]},
        "report": {"events": [gate.event_of("exit", direction="out", count=1)]},
        "heartbeat": {"seq": gate.next_seq(), "version": "1", "outbox": 0}
        | {"unresolved": 0, "lanes": []},
        "config": {},
    }[name]
    call = {"jsonrpc": "2.0", "id": 7, "method": "call", "params": params}
    return json.dumps({**call, **fields}).encode()


@pytest.mark.parametrize("name", ["validate", "report", "heartbeat"])
def test_a_good_request_takes_it(name, warm, seen):
    status, answer = warm.send(name, body_of(name, warm))
    assert (status, "result" in answer, seen(warm)) == (200, True, [True])
    status, answer = warm.send(name, body_of(name, warm), X_Odoo_Database="scenic_e2e")
    assert (status, "result" in answer, seen(warm)) == (200, True, [True])


@pytest.mark.parametrize(
    ("name", "fields", "headers", "expected"),
    [
        ("config", {}, {}, 200),
        ("validate?debug=1", {}, {}, 200),
        ("validate", {}, ODOOS_WAY, 200),
        ("validate", {}, {"Content-Type": "text/plain"}, 200),
        ("validate", {}, {"Authorization": "Bearer sgk_" + "A" * 43}, 401),
        ("validate", {"params": {"scans": [{}]}}, {}, 400),
        ("validate", {"method": "write"}, {}, 400),
        ("validates", {}, {}, 400),
    ],
    ids=str,
)
def test_no_other_takes_it(name, fields, headers, expected, warm, seen):
    body = body_of("config" if name == "config" else "validate", warm, **fields)
    status, _answer = warm.send(name, body, **headers)
    assert status == expected
    assert seen(warm) == []


def exchange(gate, body, **headers):
    """Return status, headers and body of an answer, as they are on the wire."""
    line = http.client.HTTPConnection(urllib.parse.urlparse(gate.url).netloc)
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {gate.key}",
        **headers,
    }
    line.request("POST", "/scenic/gate/v1/validate", body, headers)
    answer = line.getresponse()
    said = answer.read()
    line.close()
    kept = {k: v for k, v in answer.getheaders() if k not in ("Date",)}
    return answer.status, kept, said


def test_both_ways_answer_the_same(warm, window, seen):
    """To the byte, but for the time of the server."""
    for code in (codes_of(window.sell(("成人票", 1, 120.0)))[0], UNKNOWN):
        warm_up(warm, seen)
        request = warm.scan_of(code)
        warm.decide(request)
        assert seen(warm) == [True]
        call = {"jsonrpc": "2.0", "id": "№ 7", "method": "call"}
        body = json.dumps({**call, "params": {"scans": [request]}}).encode()
        short = exchange(warm, body)
        assert seen(warm) == [True]
        long = exchange(warm, body, **ODOOS_WAY)
        assert seen(warm) == []
        times = [json.loads(way[2])["result"]["results"][0] for way in (short, long)]
        for way, result in zip((short, long), times, strict=True):
            assert way[2].count(result["server_time"].encode()) == 1
        assert short[:2] == long[:2]
        assert short[2] == long[2].replace(
            times[1]["server_time"].encode(), times[0]["server_time"].encode()
        )


def test_each_knows_the_answers_of_the_other(warm, window, seen):
    ways = [{}, ODOOS_WAY]
    for first, second in (ways, ways[::-1]):
        (code,) = codes_of(window.sell(("成人票", 1, 120.0)))
        warm_up(warm, seen)
        scan = warm.scan_of(code)
        call = {"jsonrpc": "2.0", "id": 1, "method": "call"}
        body = json.dumps({**call, "params": {"scans": [scan]}}).encode()
        told = [warm.send("validate", body, **way)[1] for way in (first, second)]
        results = [answer["result"]["results"][0] for answer in told]
        assert [each["code"] for each in results] == ["ADMIT"] * 2
        assert [each["repeat"] for each in results] == [False, True]

        event = warm.event_of("passed", request_id=scan["request_id"], count=1)
        body = json.dumps({**call, "params": {"events": [event]}}).encode()
        told = [warm.send("report", body, **way)[1] for way in (first, second)]
        codes = [answer["result"]["results"][0]["code"] for answer in told]
        assert codes == ["OK", "REPEAT"]
        assert warm.scan(code, str(uuid.uuid4()))["code"] == "USED"
        assert seen(warm) == [True] * 3


def test_a_setting_holds_in_all_workers_at_once(park, warm, seen):
    """Caches of a worker are as old as its last request; the short way asks, too."""
    name = "scenic_ticket_gate.requests_per_second"
    admin = park.person("admin")
    before = admin.call("ir.config_parameter", "get_param", name)
    # so seldom that no request at all is allowed
    admin.call("ir.config_parameter", "set_param", name, "0.01")
    try:
        for _call in range(12):
            with pytest.raises(Refused) as refused:
                warm.scan(UNKNOWN)
            assert refused.value.code == "RATE_LIMITED"
    finally:
        admin.call("ir.config_parameter", "set_param", name, before or "100")
    # a fresh device: the one above has to wait for its bucket
    gate = GateClient(warm.manager)
    for _call in range(12):
        assert gate.scan(UNKNOWN)["code"] == "UNKNOWN"
    assert True in seen(gate)


def test_a_changed_registry_is_loaded_anew(warm, window, seen, sql):
    """By Odoo, for the very request that met it; then the way is short again."""
    codes = iter(codes_of(window.sell(("成人票", 12, 120.0))))
    warm_up(warm, seen)
    sql("INSERT INTO orm_signaling_registry DEFAULT VALUES")
    answers = [warm.scan(next(codes)) for _call in range(12)]
    assert {answer["code"] for answer in answers} == {"ADMIT"}
    assert not any(answer["repeat"] for answer in answers)
    looks = seen(warm)
    # once for each of the two workers that was asked
    assert looks.count(False) in (1, 2)
    assert looks[-1] is True
