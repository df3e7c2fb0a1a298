"""No registry host and no path of one machine in any file of the repository.

The bad examples are put together at run time, or this file would be a finding.
"""

import subprocess

import pytest
from lint import check_hosts
from lint.check_hosts import REGISTRIES, check_file, check_text, tracked_files


def text(*parts):
    return "".join(parts)


REFUSED = [
    text('"resolved": "https://registry.npm', 'js.org/eslint"'),
    text("index-url = https://pypi", ".org/simple"),
    text("FILES.PYTHON", "HOSTED.ORG"),
    text("deb http://deb.deb", "ian.org/debian bookworm main"),
    text("image: docker", ".io/library/odoo:19.0"),
    text("FROM ghcr", ".io/somebody/image"),
    text("cd /", "work/main"),
    text('log = "/', 'tmp/odoo.log"'),
    text("data_dir=/", "root/.local/share"),
    text("HOME=/", "home/anna/odoo"),
    text("see /", "Users/anna/odoo"),
    text("(/", "tmp/x)"),
    text("file:///", "work/x"),
]

INNOCENT = [
    "pip install segno; npm ci; apt-get install nodejs",
    "is PyPI reachable?",
    "https://www.odoo.com/documentation/19.0",
    "https://www.debian.org/legal",
    "image: odoo:19.0",
    "tmpfs: [/tmp]",
    "a/tmp/b and homework/x and ~/tmp/x",
    "/var/lib/odoo /etc/odoo/odoo.conf /mnt/extra-addons",
    "GET /scenic/gate/v1/validate",
    "$HOME/tmp/x ${LOCAL}/tmp/x .local/tmp/x",
    text("notpypi", ".organic"),
]


@pytest.mark.parametrize("line", REFUSED)
def test_refused(line):
    assert len(list(check_text(f"first\n{line}\n"))) == 1
    assert next(check_text(f"first\n{line}\n"))[0] == 2


@pytest.mark.parametrize("line", INNOCENT)
def test_innocent(line):
    assert list(check_text(line)) == []


@pytest.mark.parametrize("host", REGISTRIES)
def test_every_registry_is_found(host):
    assert len(list(check_text(f"x https://a.{host}/y"))) == 1


def test_binary_files_are_left_alone(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(b"\0" + REFUSED[0].encode())
    assert check_file(path) == []


def test_what_git_would_track_is_checked_and_what_it_ignores_is_not(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("ignored.txt\n")
    (tmp_path / "ignored.txt").write_text("x")
    (tmp_path / "new, with spaces.txt").write_text("x")
    found = [path.name for path in tracked_files(tmp_path)]
    assert found == [".gitignore", "new, with spaces.txt"]


def test_the_command_fails_on_a_finding(tmp_path, capsys):
    path = tmp_path / "a.txt"
    path.write_text(REFUSED[0])
    assert check_hosts.main([str(path)]) == 1
    assert "names the package registry" in capsys.readouterr().out
    path.write_text(INNOCENT[0])
    assert check_hosts.main([str(path)]) == 0
