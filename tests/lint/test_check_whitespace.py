"""Ends of lines and files."""

import pytest
from lint.check_whitespace import check_data, main


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (b"a \nb\n", "1: blanks at the end"),
        (b"a\nb\t\n", "2: blanks at the end"),
        (b"a\r\n", "1: ends in CR LF"),
        (b"a\nb", "2: no newline at the end"),
        (b"a\n\n", "2: empty lines at the end"),
        (b"<<<<<<< mine\n", "1: a merge conflict"),
    ],
)
def test_refused(data, finding):
    assert list(check_data(data)) == [finding]


@pytest.mark.parametrize("data", [b"", b"a\n", b"a\n\n  b\n", b"=======\n"])
def test_innocent(data):
    assert list(check_data(data)) == []


def test_the_command_names_the_file(tmp_path, capsys):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a")
    assert main([str(path)]) == 1
    assert "a.txt:1: no newline" in capsys.readouterr().out
