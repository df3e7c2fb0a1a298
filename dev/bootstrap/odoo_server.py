"""Odoo's command line and server, on a cluster of ours with our add-ons."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path

from .console import SetupError, run_logged
from .odoo_source import OdooSource, find_odoo
from .paths import LOCAL, LOGS, PYTHON, ROOT
from .postgres import Cluster, free_port
from .python_env import environment

#: What the suite stands on; a database with these is the template of all others.
STOCK_MODULES = ("point_of_sale", "account", "portal", "sale_management", "l10n_cn")

ODOO_BIN = Path(__file__).parent / "bin" / "odoo-bin"

#: The embedded PostgreSQL has no pg_trgm; Odoo says so and does without.
MISSING_EXTENSION = "bad query: b'CREATE EXTENSION IF NOT EXISTS pg_trgm'"


class Odoo:
    """One configuration of Odoo: a cluster, a data folder, a config file.

    :param name: names the config file, the data folder and the logs.
    :param one_key_file: one ticket key file for all databases of this configuration,
        so that a database keeps its keys when it is renamed; else one a database.
    """

    def __init__(
        self,
        cluster: Cluster,
        name: str,
        *,
        one_key_file: bool = True,
        **options: object,
    ) -> None:
        self.cluster = cluster
        self.name = name
        self.source: OdooSource = find_odoo()
        self.home = LOCAL / "odoo-data" / name
        self.config = self.home / "odoo.conf"
        # One for all configurations on a cluster: attachments belong to databases.
        self.data_dir = LOCAL / "odoo-data" / f"cluster-{cluster.home.name}"
        self.key_file = self.home / "scenic-keys.json" if one_key_file else None
        self.options = options

    def write_config(self) -> Path:
        """Write the config file (0600: it holds the database password)."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        addons = [*self.source.addons, ROOT]
        options = {
            "addons_path": ",".join(str(path) for path in addons),
            "data_dir": self.data_dir,
            "db_host": self.cluster.host,
            "db_port": self.cluster.port,
            "db_user": self.cluster.user,
            "db_password": self.cluster.password,
            "http_interface": "127.0.0.1",
            "list_db": False,
            "without_demo": True,
            "max_cron_threads": 1,
            **self.options,
        }
        text = "[options]\n" + "".join(f"{k} = {v}\n" for k, v in options.items())
        if self.key_file:
            text += f"\n[scenic]\nkey_file = {self.key_file}\n"
        self.config.touch(mode=0o600)
        self.config.write_text(text)
        return self.config

    def environment(self, **extra: str) -> dict[str, str]:
        return environment(
            PYTHONPATH=str(self.source.pythonpath),
            **self.cluster.environment(),
            **extra,
        )

    def command(self, *arguments: str | Path) -> list[str]:
        """Return the command line of ``odoo-bin <arguments>`` with our config."""
        self.write_config()
        words = [str(word) for word in arguments]
        # The config file is an option of the innermost sub-command (i18n export).
        head = []
        while words and not words[0].startswith("-"):
            head.append(words.pop(0))
        return [str(PYTHON), str(ODOO_BIN), *head, "-c", str(self.config), *words]

    def run(self, arguments: Sequence[str | Path], log: str, failure: str) -> Path:
        """Run a command of Odoo to its end, logged.

        :raises SetupError: ``failure`` when it exits with an error or logs one.
        """
        place = LOGS / f"{log}.log"
        run_logged(
            self.command(*arguments), place, failure, env=self.environment(), cwd=ROOT
        )
        for line in place.read_text(errors="replace").splitlines():
            if line.endswith(MISSING_EXTENSION):
                continue
            if " ERROR " in line or " CRITICAL " in line:
                raise SetupError(f"{failure} Odoo said: {line} (log: {place})")
        return place

    def copy_database(self, template: str, database: str) -> None:
        """Make ``database`` a copy of ``template``, attachments included."""
        self.cluster.copy(template, database)
        shutil.rmtree(self._filestore(database), ignore_errors=True)
        if self._filestore(template).exists():
            shutil.copytree(
                self._filestore(template),
                self._filestore(database),
                copy_function=os.link,
            )

    def rename_database(self, old: str, new: str) -> None:
        self.cluster.rename(old, new)
        shutil.rmtree(self._filestore(new), ignore_errors=True)
        if self._filestore(old).exists():
            self._filestore(old).rename(self._filestore(new))

    def drop_database(self, database: str) -> None:
        self.cluster.drop(database)
        shutil.rmtree(self._filestore(database), ignore_errors=True)

    def _filestore(self, database: str) -> Path:
        return self.data_dir / "filestore" / database

    def install(self, database: str, modules: Iterable[str], *more: str) -> None:
        self.run(
            ["-d", database, "-i", ",".join(modules), "--stop-after-init", "--no-http"]
            + list(more),
            f"install-{database}",
            f"The database {database} could not be made.",
        )

    def shell(self, database: str, script: Path, **extra: str) -> str:
        """Run a script in ``odoo shell`` (it finds ``env``); returns what it printed.

        :raises SetupError: with the last line of its output when it fails.
        """
        log = LOGS / f"shell-{script.stem}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        guarded = (
            "import sys, traceback\n"
            f"source = open({str(script)!r}).read()\n"
            "try:\n"
            f"    exec(compile(source, {script.name!r}, 'exec'))\n"
            "except Exception:\n"
            "    traceback.print_exc()\n"
            "    sys.exit(1)\n"
        )
        done = subprocess.run(
            self.command("shell", "-d", database, "--no-http", "--log-level", "warn"),
            input=guarded,
            capture_output=True,
            text=True,
            env=self.environment(**extra),
            cwd=ROOT,
            check=False,
        )
        log.write_text(done.stdout + done.stderr)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            last = lines[-1] if lines else "no output"
            raise SetupError(f"{script.name} failed: {last} (all of it: {log})")
        return done.stdout


class OdooProcess:
    """A running Odoo server; :meth:`stop` ends it and everything it started."""

    def __init__(self, odoo: Odoo, database: str, port: int, workers: int = 0) -> None:
        self.odoo = odoo
        self.database = database
        self.port = port
        self.workers = workers
        self.log = LOGS / f"odoo-{odoo.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *arguments: str) -> "OdooProcess":
        """Start the server and wait until it answers.

        :raises SetupError: when the port is taken or the server ends early.
        """
        check_port(self.port)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = self.odoo.command(
            "-d", self.database, "--http-port", str(self.port), "--workers"
        ) + [str(self.workers), "--gevent-port", str(free_port()), *arguments]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.odoo.environment(),
                cwd=ROOT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 120
        while not self._answers():
            if self.process.poll() is not None:
                raise SetupError(f"Odoo ended while starting (log: {self.log}).")
            if time.monotonic() > deadline:
                self.stop()
                raise SetupError(f"Odoo does not answer (log: {self.log}).")
            time.sleep(0.2)
        return self

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/web/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """Kill -9 the server and its workers, as a crash would.

        Its port is free again when this returns.
        """
        self._signal(signal.SIGKILL)
        # the kernel may still be ending the workers, who hold the port, too
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(SetupError):
                return check_port(self.port)
            time.sleep(0.05)

    def stop(self) -> None:
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if not self.process:
            return
        # its workers, too, if it has ended itself
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def __enter__(self) -> "OdooProcess":
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()


def check_port(port: int) -> None:
    """Make sure nothing listens on the port.

    :raises SetupError: naming the port and how to choose another.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SetupError(
                f"Port {port} is taken by another program: stop it, or choose another "
                f"port, for example: make run PORT={port + 10}"
            ) from error
