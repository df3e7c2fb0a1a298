"""Every mistake in a settings file is named with its line."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from gate_peer import KEY
from scenic_gate_bridge.cli import app
from scenic_gate_bridge.settings import CatraxSettings, ConfigError, load
from scenic_gate_bridge.toml_lines import line_numbers

GOOD = """\
state_dir = "state"

[server]
url = "http://127.0.0.1:8069"
key_file = "KEYFILE"

[[lanes]]
code = "L1"
direction = "in"
[lanes.driver]
kind = "catrax"
port = "/dev/lane1"
[[lanes.readers]]
kind = "line"
framing = "cr"
transport = { kind = "serial", port = "/dev/scan1", baud = 115200 }

[[lanes]]
code = "X1"
direction = "out"
driver = { kind = "catrax", port = "/dev/lane2" }
"""


@pytest.fixture
def write(tmp_path: Path) -> Any:
    key = tmp_path / "device.key"
    key.write_text(KEY)
    key.chmod(0o600)

    def make(*changes: tuple[str, str]) -> Path:
        text = GOOD
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path = tmp_path / "bridge.toml"
        path.write_text(text.replace("KEYFILE", str(key)))
        return path

    return make


BOARD = """kind = "modbus"
transport = { kind = "tcp", host = "10.0.0.5", port = 502 }
release_in = 0
pass_in = 0"""


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        (BOARD.replace("release_in = 0", ""), "needs a relay release_in"),
        (BOARD + "\nrelease_out = 0", "a relay is named twice"),
        (BOARD + "\npass_out = 0", "an input is named twice"),
        (BOARD + "\ninverted = [5]", "input 5 is not wired"),
        (BOARD.replace('"modbus"', '"infrared"'), "missing"),
        ('kind = "catrax"', "set either port or transport"),
        ('kind = "robot"', "driver.kind: one of catrax, "),
    ],
)
def test_wrong_driver_is_told(write: Any, driver: str, expected: str) -> None:
    found = problems(write(('kind = "catrax"\nport = "/dev/lane1"', driver)))
    assert any(expected in problem for problem in found), found


@pytest.mark.parametrize(
    ("kind", "module", "rest"),
    [
        ("osdp", "osdp", 'transport = { kind = "serial", port = "/dev/card1" }'),
        ("pcsc", "smartcard", 'reader = "ACS"'),
    ],
)
def test_library_that_is_not_installed(
    write: Any, monkeypatch: pytest.MonkeyPatch, kind: str, module: str, rest: str
) -> None:
    path = write((READER, f'kind = "{kind}"\n{rest}\n'))
    monkeypatch.setitem(sys.modules, module, None)
    (problem,) = problems(path)
    assert problem.startswith(":14: lanes[0].readers[0].kind: not installed: ")
    assert f"scenic-gate-bridge[{kind}]" in problem


FLAP_INPUTS = "\npinch = 2\ntailgating = 3\nfree_in = 2\nfree_out = 3"


@pytest.mark.parametrize(
    ("driver", "lane", "expected"),
    [
        (BOARD, 'profile = "swing"\noutdoor = true', [
            "indoors", "can pinch", "no input pinch", "no input tailgating",
            "no relay free_in", "no relay free_out"]),
        (BOARD + FLAP_INPUTS, 'profile = "flap"', ["an attendant is advised"]),
        (BOARD + FLAP_INPUTS, 'profile = "flap"\nattended = true', []),
        (BOARD + FLAP_INPUTS, 'profile = "tripod"\noutdoor = true', []),
        (BOARD + FLAP_INPUTS, 'profile = "tripod"\npass_timeout = 3.0', [
            "pass_timeout is shorter"]),
        ('kind = "tpw-321asp"\ntransport = { kind = "serial", port = "/dev/l" }',
         'profile = "swing"\nattended = true', [
             "no input pinch", "no input tailgating", "watch for tailgating"]),
        ('kind = "manual"', 'profile = "door"', ["a pass is assumed"]),
        ('kind = "catrax"\nport = "/dev/lane1"', 'profile = "tripod"', []),
    ],
)  # fmt: skip
def test_profiles_warn_of_their_dangers(
    write: Any, driver: str, lane: str, expected: list[str]
) -> None:
    path = write(
        ('kind = "catrax"\nport = "/dev/lane1"', driver),
        ('direction = "in"', f'direction = "in"\n{lane}'),
    )
    found = load(path).lanes[0].warnings
    assert len(found) == len(expected), found
    for warning, words in zip(found, expected, strict=True):
        assert words in warning
    result = CliRunner().invoke(app, ["check-config", "-c", str(path)])
    assert result.exit_code == 0
    for warning in found:
        assert f"lane L1: warning: {warning}" in result.output


PUSH_BAR = BOARD.replace("_in", "_out") + "\nfree_in = 2\nfree_out = 3"
BEAMS = """kind = "infrared"
transport = { kind = "tcp", host = "10.0.0.5", port = 502 }
beam_a = 0
beam_b = 1"""


@pytest.mark.parametrize(
    ("profile", "driver", "expected"),
    [
        ("push-bar", PUSH_BAR, []),
        ("infrared", BEAMS, ["hold nobody back, and count two people side by side"]),
    ],
)
def test_exits_without_a_reader(
    write: Any, profile: str, driver: str, expected: list[str]
) -> None:
    old = 'driver = { kind = "catrax", port = "/dev/lane2" }\n'
    new = f'profile = "{profile}"\n[lanes.driver]\n{driver}\n'
    lane = load(write((old, new))).lanes[1]
    assert lane.exits_freely
    assert len(lane.warnings) == len(expected)
    for warning, words in zip(lane.warnings, expected, strict=True):
        assert words in warning
    (problem,) = problems(write((old, "free_exit = false\n" + new)))
    assert f"a {profile} exit has direction out" in problem


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [problem.removeprefix(str(path)) for problem in caught.value.problems]


def test_good_settings_and_their_defaults(write: Any) -> None:
    settings = load(write())
    assert settings.device_key() == KEY
    assert settings.server.timeout == 0.8
    assert settings.api.host == "127.0.0.1"
    entry, out = settings.lanes
    assert isinstance(entry.driver, CatraxSettings)
    assert (entry.pass_timeout, entry.driver.baud) == (5.0, 115200)
    assert (entry.exits_freely, out.exits_freely) == (False, True)
    assert KEY not in repr(settings)


READER = """kind = "line"
framing = "cr"
transport = { kind = "serial", port = "/dev/scan1", baud = 115200 }
"""


def test_password_of_a_camera(write: Any, tmp_path: Path) -> None:
    file = tmp_path / "camera.password"
    camera = (
        'camera = { url = "http://10.0.0.9/x.jpg", user = "gate", auth = "basic",'
        f' password_file = "{file}" }}'
    )
    path = write(('direction = "in"', camera))
    where = ":9: lanes[0].camera.password_file: "
    (problem,) = problems(path)
    assert problem.startswith(where + "cannot read")
    file.write_text("s3cret\n")
    file.chmod(0o644)
    (problem,) = problems(path)
    assert problem.startswith(where) and "chmod 600" in problem
    file.chmod(0o600)
    (lane, _exit) = load(path).lanes
    assert lane.camera is not None and lane.camera.password() == "s3cret"
    (warning,) = lane.warnings
    assert "basic over http" in warning
    result = CliRunner().invoke(app, ["check-config", "-c", str(path)])
    assert "lane L1: camera at 10.0.0.9\n" in result.output
    assert "s3cret" not in result.output
    file.write_text("\n")
    assert problems(path) == [f"{where}{file} is empty"]


def test_key_of_a_secure_channel(write: Any, tmp_path: Path) -> None:
    key = tmp_path / "scbk"
    osdp = f"""kind = "osdp"
key_file = "{key}"
transport = {{ kind = "serial", port = "/dev/card1" }}
"""
    path = write((READER, osdp))
    where = ":15: lanes[0].readers[0].key_file: "
    (problem,) = problems(path)
    assert problem.startswith(where + "cannot read")
    key.write_text("0123456789abcdef0123456789ABCDEF\n")
    key.chmod(0o644)
    (problem,) = problems(path)
    assert problem.startswith(where) and "chmod 600" in problem
    key.chmod(0o600)
    assert not load(path).lanes[0].warnings
    key.write_text("not a key")
    (problem,) = problems(path)
    assert problem == f"{where}{key} does not hold 32 hex digits"
    open_line = osdp.replace(f'key_file = "{key}"\n', "")
    (warning,) = load(write((READER, open_line))).lanes[0].warnings
    assert "no key_file" in warning


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('direction = "in"', 'direction = "up"'), ":9: lanes[0].direction: "),
        (('"/dev/lane2" }', '"/dev/lane2" }\nfingerprint.transport.kind = "serial"'),
         ":22: lanes[1].fingerprint.transport.port: missing"),
        (('direction = "in"', 'fingerprint = { transport = { kind = "serial",'
          ' port = "/dev/scan1" } }'),
         ":16: lanes[0].readers[0].transport.port: /dev/scan1 is already used"),
        (('"/dev/lane2" }', '"/dev/lane2" }\nfingerprint = { transport = {'
          ' kind = "serial", port = "/dev/f" } }'),
         ":18: lanes[1]: fingerprint needs a lane that leads in"),
        (('direction = "in"', 'camera = { url = "http://a:b@10.0.0.9/x.jpg" }'),
         ":9: lanes[0].camera.url: no user, password"),
        (('direction = "in"', 'camera = { url = "http://10.0.0.9/", user = "gate" }'),
         ":9: lanes[0].camera: user and password_file belong together"),
        (('state_dir = "state"\n', 'state_dir = "state"\nphotos.keep_days = 31\n'),
         ":2: photos.keep_days: "),
        (('direction = "in"', "colour = 3"), ":9: lanes[0].colour: unknown key"),
        (("baud = 115200", "boud = 1"), ":16: lanes[0].readers[0].transport.boud: "),
        (('framing = "cr"', 'framing = "tab"'), ":15: lanes[0].readers[0].framing: "),
        (('kind = "line"\n', ""), ":13: lanes[0].readers[0].kind: missing"),
        (('kind = "line"', 'kind = "lime"'), ":14: lanes[0].readers[0].kind: one of"),
        (('"serial"', '"usb"'), ":16: lanes[0].readers[0].transport.kind: one of"),
        (('kind = "serial", port = "/dev/scan1"', 'kind = "tcp", port = 1'),
         ":16: lanes[0].readers[0].transport.host: missing"),
        (('code = "X1"', 'code = "L1"'), ":19: lanes[1].code: L1 is already"),
        (('"/dev/lane2"', '"/dev/scan1"'), ":21: lanes[1].driver.port: /dev/scan1 is"),
        (('"/dev/lane2"', '"/dev/./lane1"'), ":21: lanes[1].driver.port: "),
        (('"http://127', '"ftp://127'), ":4: server.url: "),
        (('//127', '//user:pw@127'), ":4: server.url: only scheme, host"),
        (('code = "X1"', 'code = "X 1"'), ":19: lanes[1].code: "),
        (('direction = "in"', 'direction = "both"'), ":7: lanes[0]: a reader of a"),
        (('direction = "in"', "free_exit = true"), ":7: lanes[0]: free_exit needs"),
        (('framing = "cr"', 'direction = "out"'), ":7: lanes[0]: a reader of dir"),
        (('[server]\n', '[server]\nkey = "sgk_x"\n'), ":4: server.key: a device key"),
        (('state_dir = "state"', "_env_file = 3"), ":1: _env_file: unknown key"),
        (("[[lanes]]\ncode = \"X1\"", "[[lanes\ncode = 1"), ": Expected"),
        (('key_file = "KEYFILE"', ""), ":3: server: no device key"),
        (('"KEYFILE"', '"/nonexistent"'), ":3: server.key_file: cannot read"),
    ],
)  # fmt: skip
def test_mistakes_are_named(write: Any, change: tuple[str, str], expected: str) -> None:
    found = problems(write(change))
    assert any(problem.startswith(expected) for problem in found), found


def test_all_mistakes_at_once(write: Any) -> None:
    found = problems(
        write(('direction = "in"', "colour = 3"), ("baud = 115200", "boud = 1"))
    )
    assert len(found) == 2


def test_key_file_must_be_private(write: Any, tmp_path: Path) -> None:
    path = write()
    (tmp_path / "device.key").chmod(0o640)
    (problem,) = problems(path)
    assert "may be read by others (mode 0640)" in problem
    (tmp_path / "device.key").chmod(0o600)
    (tmp_path / "device.key").write_text("sgk with spaces and so on\n")
    (problem,) = problems(path)
    assert "does not hold a device key" in problem


def test_environment_wins(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCENIC_GATE_BRIDGE_SERVER__KEY", "sgk_" + "e" * 43)
    monkeypatch.setenv("SCENIC_GATE_BRIDGE_SERVER__URL", "https://gate.example")
    settings = load(write())
    assert settings.device_key() == "sgk_" + "e" * 43
    assert str(settings.server.url) == "https://gate.example/"
    assert settings.server.database is None


def test_check_config_command(write: Any) -> None:
    runner = CliRunner()
    good = runner.invoke(app, ["check-config", "-c", str(write())])
    assert good.exit_code == 0
    assert "lane X1: out, catrax at /dev/lane2, free exit" in good.output
    bad = runner.invoke(
        app, ["check-config", "-c", str(write(('direction = "in"', "a = 1")))]
    )
    assert bad.exit_code == 2
    assert "bridge.toml:9: lanes[0].a: unknown key" in bad.output
    none = runner.invoke(app, ["check-config", "-c", "/nonexistent.toml"])
    assert none.exit_code == 2
    assert "cannot read" in none.output


def test_example_is_valid_but_for_its_key() -> None:
    example = Path(__file__).parent.parent / "examples" / "bridge.toml"
    found = problems(example)
    assert len(found) == 1, found
    assert "server.key_file: cannot read" in found[0]


# -- positions ---------------------------------------------------------------------

keys = st.sampled_from(["a", "b-1", "c_2", '"q.x"', "'r s'", "7"])
scalars = st.sampled_from(
    [
        "1", "-2.5", "true", "1979-05-27T07:32:00Z", '"x # ] } ="', "'l\"'",
        '"e\\"s\\\\"', '"""m\nn "" o\\""""', "'''p\n'q' '''", "0x1F",
    ]
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda xs: "[ " + ",\n # c\n".join(xs) + "\n]"),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda xs: "[" + ", ".join(xs) + ",]"
        ),
        st.dictionaries(keys, inner.filter(lambda v: "\n" not in v), max_size=2).map(
            lambda d: "{ " + ", ".join(f"{k} = {v}" for k, v in d.items()) + " }"
        ),
    ),
    max_leaves=6,
)
pairs = st.dictionaries(keys, values, max_size=3).map(
    lambda d: "".join(f"{k} = {v} # end\n" for k, v in d.items())
)
documents = st.builds(
    lambda head, tables: (
        head
        + "".join(
            (f"[[t.u{n % 2}]]\n" if array else f"[s{n}.'x y']\n\n") + body
            for n, (array, body) in enumerate(tables)
        )
    ),
    pairs,
    st.lists(st.tuples(st.booleans(), pairs), max_size=4),
)


def paths(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [at] if at else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += paths(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += paths(inner, (*at, index))
    return found


@given(documents)
def test_every_value_has_a_line(text: str) -> None:
    data = tomllib.loads(text)
    lines = line_numbers(text)
    assert set(lines) == set(paths(data))
    rows = text.split("\n")
    for path, line in lines.items():
        name = path[-1]
        if isinstance(name, str):
            assert name in rows[line - 1]
