"""The images and the compose file, as far as they can be judged without an engine.

``docker-compose config`` (Debian's) reads the file; what it must promise is checked on
its answer.
"""

import ast
import configparser
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml
from bootstrap.paths import ADDONS, GLUE, ROOT

DOCKER = ROOT / "docker"
COMPOSE = DOCKER / "compose.yaml"
EXAMPLE = DOCKER / ".env.example"
DOCKERFILES = sorted(DOCKER.glob("*/Dockerfile"))
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")

#: Python packages that the odoo image brings by itself, as Odoo's own requirements.
IN_THE_ODOO_IMAGE = {
    "cryptography",
    "openpyxl",
    "python-stdnum",
    "requests",
    "xlsxwriter",
}


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def variables():
    """Return what compose.yaml asks for: name → (operator, default or message)."""
    return {match[1]: match.groups()[1:] for match in VARIABLE.finditer(read(COMPOSE))}


REQUIRED = sorted(
    name for name, (operator, _) in variables().items() if operator == "?"
)


def compose_config(values, *arguments):
    program = shutil.which("docker-compose")
    if not program:
        pytest.fail(
            "docker-compose is missing, so docker/compose.yaml cannot be checked; "
            "as root run: apt-get install docker-compose"
        )
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    # an env file of its own, empty: a developer's docker/.env must not matter
    with tempfile.NamedTemporaryFile(suffix=".env") as empty:
        return subprocess.run(
            [program, "--env-file", empty.name, "-f", COMPOSE, *arguments, "config"],
            env={**environment, **values},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def services():
    """Return all services, with those of profiles, as docker-compose sees them."""
    done = compose_config(dict.fromkeys(REQUIRED, "x-Secret-1"), *_profiles())
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["services"]


def _profiles():
    found = yaml.safe_load(read(COMPOSE))["services"].values()
    names = {name for service in found for name in service.get("profiles", ())}
    return [part for name in sorted(names) for part in ("--profile", name)]


def test_nothing_but_secrets_is_required():
    assert REQUIRED
    assert all(name.endswith("_PASSWORD") for name in REQUIRED)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("state", ["unset", "empty"])
def test_a_missing_password_is_refused_by_name(name, state):
    values = dict.fromkeys(REQUIRED, "x-Secret-1")
    values.pop(name)
    if state == "empty":
        values[name] = ""
    done = compose_config(values)
    assert done.returncode != 0
    assert f"set {name} in docker/.env" in done.stderr


def test_no_secret_has_a_default():
    for name, (operator, default) in variables().items():
        if re.search(r"PASSWORD|KEY|SECRET|TOKEN", name):
            assert operator == "?" or not default, name


def test_the_example_names_every_variable_and_fills_no_secret():
    lines = read(EXAMPLE).splitlines()
    given = dict(line.split("=", 1) for line in lines if line and line[0] != "#")
    offered = dict(
        line[1:].split("=", 1) for line in lines if re.match(r"#SCENIC_\w+=", line)
    )
    assert set(given) | set(offered) == set(variables())
    assert set(given) >= set(REQUIRED)
    assert not any(given.values())
    for name, value in offered.items():
        assert value == (variables()[name][1] or ""), name


def test_secrets_reach_only_the_services_that_need_them():
    values = {name: f"secret-{number}" for number, name in enumerate(REQUIRED)}
    done = compose_config(values, *_profiles())
    services = yaml.safe_load(done.stdout)["services"]
    found = {
        name: {
            service
            for service, content in services.items()
            if value in yaml.safe_dump(content)
        }
        for name, value in values.items()
    }
    assert found == {
        "SCENIC_DB_ADMIN_PASSWORD": {"db"},
        "SCENIC_DB_PASSWORD": {"db", "prepare", "odoo"},
        "SCENIC_ADMIN_PASSWORD": {"prepare"},
    }


def test_postgresql_is_published_nowhere(services):
    assert services["db"]["image"] == "postgres:16"
    assert "ports" not in services["db"]
    assert list(services["db"]["networks"]) == ["inside"]
    assert any(volume.startswith("db-data:") for volume in services["db"]["volumes"])


def test_every_port_is_bound_to_this_machine(services):
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports), ports


def test_every_service_that_stays_has_a_health_check_and_restarts(services):
    for name, service in services.items():
        if service.get("restart") == "no":
            continue
        assert service["restart"] == "unless-stopped", name
        dockerfile = service.get("build", {}).get("dockerfile")
        if dockerfile:
            assert re.search(r"^HEALTHCHECK ", read(ROOT / dockerfile), re.M), name
        else:
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_odoo_waits_for_a_prepared_database(services):
    assert services["odoo"]["depends_on"] == {
        "db": {"condition": "service_healthy"},
        "prepare": {"condition": "service_completed_successfully"},
    }


def test_our_containers_hold_no_capability(services):
    for name, service in services.items():
        if "build" in service:
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
            assert not service.get("privileged"), name


def test_the_key_file_lies_on_its_own_volume(services):
    dockerfile = read(DOCKER / "odoo/Dockerfile")
    folder = re.search(r"SCENIC_KEY_FILE=(\S+)/", dockerfile)[1]
    assert f"ticket-keys:{folder}:rw" in services["odoo"]["volumes"]


def test_odoo_settings():
    parser = configparser.RawConfigParser()
    parser.read(DOCKER / "odoo/odoo.conf")
    options = dict(parser["options"])
    assert options["workers"] == "2"
    assert options["proxy_mode"] == "False"
    assert options["list_db"] == "False"
    assert not {"admin_passwd", "db_password"} & set(options)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_images_run_as_nobody_special_from_a_named_version(path):
    text = read(path).replace("\\\n", " ")
    bases = re.findall(r"^FROM\s+(\S+)", text, re.M)
    assert bases and all(re.search(r":\d", base) for base in bases)
    users = re.findall(r"^USER\s+(\S+)", text, re.M)
    assert users and users[-1] not in ("root", "0")
    assert re.search(r"^HEALTHCHECK ", text, re.M)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_what_images_copy_is_in_the_build_context(path):
    kept = [
        line[1:]
        for line in read(ROOT / ".dockerignore").splitlines()
        if line[:1] == "!"
    ]
    for sources in re.findall(r"^COPY\s+(?:--\S+\s+)*(.+)\s\S+$", read(path), re.M):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert any(f"{source}/".startswith(f"{name.rstrip('/')}/") for name in kept)


def test_the_build_context_leaves_the_rest_out():
    lines = read(ROOT / ".dockerignore").splitlines()
    assert "*" in lines
    assert {"docker/.env", "docker/secrets/"} <= set(lines)


def test_the_odoo_image_has_every_addon():
    text = read(DOCKER / "odoo/Dockerfile")
    script = read(DOCKER / "odoo/scenic-odoo")
    installed = re.search(r"^addons=\((.*)\)$", script, re.M)[1].split()
    assert sorted(installed) == sorted(ADDONS)
    for addon in (*ADDONS, *GLUE):
        assert re.search(rf"^COPY {addon} /opt/scenic/addons/{addon}$", text, re.M)


def test_the_odoo_image_has_what_the_addons_import():
    wanted = set()
    for addon in (*ADDONS, *GLUE):
        manifest = ast.literal_eval(read(ROOT / addon / "__manifest__.py"))
        wanted |= set(manifest.get("external_dependencies", {}).get("python", ()))
    listed = read(DOCKER / "odoo/requirements.txt").splitlines()
    installed = {line for line in listed if line and line[0] != "#"}
    assert {name.lower() for name in wanted} <= installed | IN_THE_ODOO_IMAGE
    pinned = {
        line.split("==")[0].lower()
        for line in read(ROOT / "requirements.txt").splitlines()
    }
    assert installed <= pinned


def test_the_bridge_comes_with_the_simulator_profile_only(services):
    profiles = {name: content.get("profiles") for name, content in services.items()}
    assert profiles.pop("bridge") == ["simulator"]
    assert set(profiles) == {"db", "odoo", "prepare"}
    assert not any(profiles.values())


def test_the_device_key_reaches_the_bridge_only():
    values = dict.fromkeys(REQUIRED, "x-Secret-1") | {"SCENIC_DEVICE_KEY": "sgk_secret"}
    done = compose_config(values, *_profiles())
    services = yaml.safe_load(done.stdout)["services"]
    assert [
        name for name, content in services.items() if "sgk_secret" in str(content)
    ] == ["bridge"]


@pytest.mark.parametrize("name", ["odoo/scenic-odoo", "postgres/10-roles.sh"])
def test_scripts_parse_and_may_be_run(name):
    path = DOCKER / name
    subprocess.run(["bash", "-n", path], check=True)
    assert os.access(path, os.X_OK)


@pytest.mark.parametrize(
    ("arguments", "values", "message"),
    [
        (["serve"], {}, "set PGHOST"),
        (["serve"], {"PGHOST": "h", "PGUSER": "u", "PGPASSWORD": ""}, "set PGPASSWORD"),
        (["prepare"], {"SCENIC_ADMIN_LOGIN": "a"}, "set SCENIC_ADMIN_PASSWORD"),
        (["prepare"], {"SCENIC_DATABASE": "a'b"}, "SCENIC_DATABASE may hold"),
        (["dance"], {"PGHOST": "h"}, "unknown command dance"),
    ],
)
def test_the_start_script_refuses_in_one_sentence(tmp_path, arguments, values, message):
    complete = {
        **dict.fromkeys(["PGHOST", "PGUSER", "PGPASSWORD", "SCENIC_DATABASE"], "x"),
        **dict.fromkeys(["SCENIC_LANGUAGE", "SCENIC_COUNTRY"], "x"),
        **{"SCENIC_ADMIN_LOGIN": "x", "SCENIC_ADMIN_PASSWORD": "x"},
    }
    if message == "set PGHOST":
        complete.pop("PGHOST")
    if message == "set SCENIC_ADMIN_PASSWORD":
        complete.pop("SCENIC_ADMIN_PASSWORD")
    done = subprocess.run(
        [DOCKER / "odoo/scenic-odoo", *arguments],
        env={
            **complete,
            **values,
            "PATH": os.environ["PATH"],
            "ODOO_RC": str(DOCKER / "odoo/odoo.conf"),
            "TMPDIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("scenic-odoo: ") and message in done.stderr
    assert done.stderr.count("\n") == 1
