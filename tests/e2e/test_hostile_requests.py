"""What is no good request gets a clear error and changes nothing; no other key opens.

After each attack the same device admits the same ticket.
"""

import http.client
import json
import urllib.parse
import uuid

import pytest
import requests
from demo.park import PASSWORD
from gate_client import Refused, codes_of, new_key

MAX_BODY = 4 * 1024 * 1024


@pytest.fixture
def code(window):
    return codes_of(window.sell(("成人票", 1, 120.0)))[0]


@pytest.fixture
def unharmed(gate, code, sql):
    """The control, after the test: the attack left nothing, the ticket is admitted."""
    count = f"SELECT count(*) FROM scenic_pass_event WHERE device_id = {gate.device}"
    before = sql(count)
    yield
    assert sql(count) == before
    assert gate.scan(code)["code"] == "ADMIT"


def envelope(*scans, **fields):
    body = {"jsonrpc": "2.0", "id": 7, "method": "call", "params": {"scans": scans}}
    return json.dumps({**body, **fields}).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "PARSE_ERROR"),
        (b"\x00", "PARSE_ERROR"),
        (b"\xff\xfe{}", "PARSE_ERROR"),
        (b'{"jsonrpc": "2.0"', "PARSE_ERROR"),
        (b"[" * 100_000, "PARSE_ERROR"),
        (b'{"jsonrpc": "2.0", "params": NaN}', "PARSE_ERROR"),
        (b"[]", "INVALID_REQUEST"),
        (b"null", "INVALID_REQUEST"),
        (b"{}", "INVALID_REQUEST"),
        (envelope(jsonrpc="1.0"), "INVALID_REQUEST"),
        (envelope(method="scenic.ticket.search"), "INVALID_REQUEST"),
        (envelope(params=[]), "INVALID_REQUEST"),
        (envelope(), "INVALID_PARAMS"),
        (envelope({}), "INVALID_PARAMS"),
        (envelope(params={"scans": "T1"}), "INVALID_PARAMS"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_body_that_is_no_request(body, expected, gate, unharmed):
    status, answer = gate.send("validate", body)
    assert (status, answer["error"]["data"]["code"]) == (400, expected)
    assert answer["error"]["data"]["text"].keys() == {"en", "zh"}


def test_body_may_have_four_mebibyte_and_not_a_byte_more(gate, unharmed):
    body = envelope(pad="").replace(b'"pad": ""', b'"pad": "%s"')
    body %= b"x" * (MAX_BODY + 2 - len(body))
    assert len(body) == MAX_BODY
    status, answer = gate.send("validate", body)
    assert (status, answer["error"]["data"]["code"]) == (400, "INVALID_PARAMS")
    status, answer = gate.send("validate", body + b" ")
    assert (status, answer["error"]["data"]["code"]) == (400, "INVALID_REQUEST")
    assert str(MAX_BODY) in answer["error"]["message"]


def test_fifty_scans_at_once_and_not_one_more(gate, code):
    scans = [gate.scan_of("T1NOBODY") for _ in range(51)]
    with pytest.raises(Refused) as refused:
        gate.post("validate", {"scans": scans})
    assert (refused.value.status, refused.value.code) == (400, "INVALID_PARAMS")
    scans = [*scans[:49], gate.scan_of(code)]
    results = gate.post("validate", {"scans": scans})["results"]
    assert [each["code"] for each in results] == [*["UNKNOWN"] * 49, "ADMIT"]


@pytest.mark.parametrize("text", ["L\x001", "\ud800", "L1\udfff"])
def test_text_with_nul_or_half_a_surrogate_pair(text, gate, code, unharmed):
    with pytest.raises(Refused) as refused:
        gate.scan(code, lane=text)
    assert refused.value.code == "INVALID_PARAMS"


@pytest.mark.parametrize(
    "noise", ["\x00", "\ud800", "T1\x00", "' OR '1'='1", "%s%n", "T1" + "Z" * 510, "💥"]
)
def test_noise_of_a_reader_is_an_unknown_code(noise, gate, code):
    assert gate.scan(noise)["code"] == "UNKNOWN"
    assert gate.scan(code)["code"] == "ADMIT"


def test_forged_code_is_told_apart(gate, code):
    place = len(code) // 2 + 20
    other = "A" if code[place] != "A" else "B"
    forged = code[:place] + other + code[place + 1 :]
    assert gate.scan(forged)["code"] == "FORGED"
    assert gate.scan(code)["code"] == "ADMIT"


def test_wrong_content_type_gets_the_same_answer(gate, code):
    scan = gate.scan_of(code)
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        status, answer = gate.send(
            "validate", envelope(scan), Content_Type=content_type
        )
        assert status == 200
        assert answer["result"]["results"][0]["code"] == "ADMIT"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_only_post_does_anything(method, gate, code, unharmed):
    line = http.client.HTTPConnection(urllib.parse.urlparse(gate.url).netloc)
    line.request(
        method,
        "/scenic/gate/v1/validate",
        envelope(gate.scan_of(code)),
        {"Authorization": f"Bearer {gate.key}"},
    )
    answer = line.getresponse()
    said = answer.read()
    line.close()
    assert answer.status == (400 if method == "OPTIONS" else 405)
    assert b"Traceback" not in said


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def test_session_and_user_key_do_not_open_the_gate_api(park, gate, code, unharmed):
    admin = park.person("admin")
    body = envelope(gate.scan_of(code))
    headers = {"Content-Type": "application/json"}
    url = f"{gate.url}/scenic/gate/v1/validate"
    answer = admin.session.post(url, body, headers=headers, timeout=60)
    assert answer.status_code == 401
    assert answer.json()["error"]["data"]["code"] == "DEVICE_KEY_INVALID"

    wizard = admin.call(
        "res.users.apikeys.description", "create", {"name": "x", "duration": "1"}
    )
    check = admin.call("res.users.apikeys.description", "make_key", [wizard])
    action = admin.call(
        "res.users.identitycheck",
        "run_check",
        [check["res_id"]],
        context={"password": PASSWORD},
    )
    user_key = action["context"]["default_key"]
    # it is a good key where users' keys open
    who = requests.post(
        f"{gate.url}/json/2/res.users/context_get",
        json={},
        headers=bearer(user_key),
        timeout=60,
    )
    assert who.status_code == 200
    answer = requests.post(
        url, body, headers={**headers, **bearer(user_key)}, timeout=60
    )
    assert answer.status_code == 401
    assert answer.json()["error"]["data"]["code"] == "DEVICE_KEY_INVALID"


def test_device_key_opens_nothing_else(gate, unharmed):
    def post(path, body):
        headers = bearer(gate.key)
        return requests.post(
            f"{gate.url}{path}", json=body, headers=headers, timeout=60
        )

    assert post("/json/2/res.users/context_get", {}).status_code == 401
    asked = {
        "jsonrpc": "2.0",
        "method": "call",
        "params": {
            "model": "scenic.ticket",
            "method": "search_read",
            "args": [[], ["name"]],
            "kwargs": {},
        },
    }
    answer = post("/web/dataset/call_kw", asked).json()
    assert answer["error"]["data"]["name"] == "odoo.http.SessionExpiredException"
    page = requests.get(
        f"{gate.url}/odoo", headers=bearer(gate.key), allow_redirects=False, timeout=60
    )
    assert page.status_code == 303
    assert "/web/login" in page.headers["Location"]


def test_dead_and_made_up_keys_open_nothing(manager, gates, code):
    """A device that got a new key; nobody else has its old one."""
    device = gates[2]
    old = device.key
    device.new_key()
    for key in (old, "sgk_" + "A" * 43, "sgk_", "", f"{device.key} "):
        status, answer = device.send(
            "validate",
            envelope(device.scan_of(code)),
            Authorization=f"Bearer {key}",
        )
        assert (status, answer["error"]["data"]["code"]) == (401, "DEVICE_KEY_INVALID")
    assert device.scan(code)["code"] == "ADMIT"


def test_rotated_key_lets_nobody_wait(manager, gates, window):
    """The old key works until the new one is used, and a little longer."""
    device = gates[3]
    codes = iter(codes_of(window.sell(("成人票", 4, 120.0))))
    old = device.key
    new = new_key(manager, device.device, "action_rotate_key")
    for device.key in (old, new, old, new):
        assert device.scan(next(codes), str(uuid.uuid4()))["code"] == "ADMIT"
