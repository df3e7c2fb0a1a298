#!/usr/bin/env python3
"""One program behind the Makefile: set-up, demo, tests, benchmarks, pictures.

``python3 dev/scenic.py --help`` lists the commands. It needs nothing but Python's
standard library to start; what a command needs beyond that, it installs under
``.local/``.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from bootstrap import odoo_source, postgres, python_env, system_tools
from bootstrap.console import SetupError, one_sentence_on_failure, say
from bootstrap.odoo_server import Odoo
from bootstrap.paths import ADDONS, GLUE, LOCAL, LOGS, PYTHON, ROOT
from bootstrap.postgres import Cluster
from lint import node_tools

#: What a first set-up takes, with room to work in.
NEEDED_BYTES = 6 * 2**30


def set_up(*, testing: bool) -> None:
    """Bring the machine to where Odoo, the bridge and the tools can run."""
    if os.environ.get("VIRTUAL_ENV") and Path(sys.prefix) == python_env.VENV:
        return
    LOGS.mkdir(parents=True, exist_ok=True)
    if not (LOCAL / ".ready").exists():
        free = shutil.disk_usage(LOCAL).free
        if free < NEEDED_BYTES:
            raise SetupError(
                f"The disk is nearly full: the set-up needs {NEEDED_BYTES // 2**30} GB "
                f"below {LOCAL}, {free / 2**30:.1f} GB are free."
            )
    system_tools.need(system_tools.PRINTING)
    if testing:
        system_tools.need(system_tools.TESTING)
    odoo_source.find_odoo()
    python_env.prepare_python()
    postgres.find_programs()
    if testing:
        node_tools.prepare_node_tools()
    (LOCAL / ".ready").touch()


def inside_venv(arguments: list[str]) -> None:
    """Go on in the venv's Python, in place of this process."""
    if Path(sys.prefix) != python_env.VENV:
        os.execve(
            PYTHON,
            [str(PYTHON), str(Path(__file__).resolve()), *arguments],
            python_env.environment(),
        )


def command_line() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev/scenic.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text)

    add("setup", "set everything up and stop")
    run = add("run", "demo park: build, start, sell, walk visitors through, stay up")
    run.add_argument("--once", action="store_true", help="stop after the walk-through")
    run.add_argument("--port", type=int, default=8069, help="Odoo's port")
    test = add("test", "run every test; the last line says how many passed")
    test.add_argument("parts", nargs="*", help="only these parts")
    add("lint", "run the linters")
    odoo_test = add("odoo-test", "run tests of one add-on")
    odoo_test.add_argument("addon", choices=[*ADDONS, *GLUE])
    odoo_test.add_argument("--tags", help="as Odoo's --test-tags; default: all of it")
    odoo_test.add_argument("--fresh", action="store_true", help="install anew first")
    stock_test = add("stock-test", "run tests of Odoo's own Point of Sale")
    stock_test.add_argument("--tags", required=True, help="as Odoo's --test-tags")
    stock_test.add_argument("--plain", action="store_true", help="without our add-ons")
    stock_test.add_argument("--fresh", action="store_true", help="install anew first")
    pytest = add("pytest", "run pytest with the services' environment")
    pytest.add_argument("arguments", nargs=argparse.REMAINDER)
    bench = add("bench", "measure, and print ratios")
    bench.add_argument("--tickets", type=int, default=50_000)
    bench.add_argument("--seconds", type=float, default=5.0)
    bench.add_argument("--only", nargs="*", default=[], help="measurements by name")
    pictures = add("screenshots", "make the pictures of README.md and docs/ anew")
    pictures.add_argument("parts", nargs="*", help="only these, for example: window")
    i18n = add("i18n", "export the message templates and merge them into zh_CN.po")
    i18n.add_argument("addons", nargs="*", choices=[*ADDONS, *GLUE, []], default=[])
    shell = add("shell", "open odoo shell on the demo database")
    shell.add_argument("--database", default="scenic_demo")
    add("clean", "remove the databases, keep the downloads")
    return parser


def main(arguments: list[str]) -> int:
    options = command_line().parse_args(arguments)
    needs_tests = options.command in (
        *("test", "lint", "odoo-test", "stock-test", "pytest", "bench", "screenshots"),
    )
    set_up(testing=needs_tests)
    inside_venv(arguments)
    return COMMANDS[options.command](options)


def _setup(_options: argparse.Namespace) -> int:
    say("✓ everything is set up")
    return 0


def _run(options: argparse.Namespace) -> int:
    from demo.park import run_park

    return run_park(port=options.port, once=options.once)


def _test(options: argparse.Namespace) -> int:
    from testing.runner import run_all

    return run_all(options.parts)


def _lint(_options: argparse.Namespace) -> int:
    from testing.runner import run_all

    return run_all(["lint"])


def _odoo_test(options: argparse.Namespace) -> int:
    from testing import odoo_part
    from testing.runner import report, test_cluster

    tags = options.tags or f"/{options.addon}"
    run = odoo_part.run_addon if options.fresh else odoo_part.rerun_addon
    with test_cluster() as cluster:
        odoo = Odoo(cluster, "test", one_key_file=False)
        return report([run(cluster, odoo, options.addon, tags)])


def _stock_test(options: argparse.Namespace) -> int:
    from testing import stock_part
    from testing.runner import report, test_cluster

    with test_cluster() as cluster:
        odoo = Odoo(cluster, "test", one_key_file=False)
        result = stock_part.rerun_stock(
            cluster, odoo, options.tags, plain=options.plain, fresh=options.fresh
        )
        return report([result])


def _pytest(options: argparse.Namespace) -> int:
    os.chdir(ROOT)
    os.execve(
        PYTHON,
        [str(PYTHON), "-m", "pytest", *options.arguments],
        python_env.environment(),
    )


def _bench(options: argparse.Namespace) -> int:
    sys.path.insert(0, str(ROOT / "tests"))
    from bench import run

    return run(options.only, tickets=options.tickets, seconds=options.seconds)


def _screenshots(options: argparse.Namespace) -> int:
    from demo.pictures import take_pictures

    return take_pictures(options.parts)


def _i18n(options: argparse.Namespace) -> int:
    from translations import update

    return update(options.addons or [*ADDONS, *GLUE])


def _shell(options: argparse.Namespace) -> int:
    import subprocess

    with Cluster("run") as cluster:
        odoo = Odoo(cluster, "run")
        return subprocess.run(
            odoo.command("shell", "-d", options.database, "--no-http"),
            env=odoo.environment(),
            cwd=ROOT,
            check=False,
        ).returncode


def _clean(_options: argparse.Namespace) -> int:
    for name in ("run", "test", "bench"):
        cluster = Cluster(name)
        if (cluster.data / "PG_VERSION").exists():
            with cluster:
                for database in sorted(cluster.databases()):
                    if database.startswith(("scenic", "test_")):
                        cluster.drop(database)
                        say(f"dropped {database} ({name})")
        for folder in (name, f"cluster-{name}"):
            shutil.rmtree(LOCAL / "odoo-data" / folder, ignore_errors=True)
    return 0


COMMANDS = {
    "setup": _setup,
    "run": _run,
    "test": _test,
    "lint": _lint,
    "odoo-test": _odoo_test,
    "stock-test": _stock_test,
    "pytest": _pytest,
    "bench": _bench,
    "screenshots": _screenshots,
    "i18n": _i18n,
    "shell": _shell,
    "clean": _clean,
}

if __name__ == "__main__":
    with one_sentence_on_failure():
        sys.exit(main(sys.argv[1:]))
