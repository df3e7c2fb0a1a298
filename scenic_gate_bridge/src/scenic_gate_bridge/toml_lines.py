"""On which line of a TOML file each value stands.

`tomllib` reads values but forgets where they were. This walks the same text, already
accepted by `tomllib`, and only finds positions, so that an error in a setting can name
its line.
"""

from __future__ import annotations

Path = tuple[str | int, ...]

_BLANK = " \t"
_SPACE = " \t\r\n"


def line_numbers(text: str) -> dict[Path, int]:
    """Path of every table, key and array element → line number, from 1."""
    return _Walker(text).walk()


class _Walker:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.tables: dict[Path, int] = {}  # arrays of tables → how many so far

    def walk(self) -> dict[Path, int]:
        table: Path = ()
        while True:
            self._skip_space()
            if self.at >= len(self.text):
                return self.lines
            if self.text.startswith("[[", self.at):
                self.at += 2
                table = self._header()
                index = self.tables.get(table, 0)
                self.tables[table] = index + 1
                table = (*table, index)
                self._note(table)
                self.at = self.text.index("]]", self.at) + 2
            elif self.text[self.at] == "[":
                self.at += 1
                table = self._header()
                self._note(table)
                self.at = self.text.index("]", self.at) + 1
            else:
                self._pair(table)

    def _note(self, path: Path) -> None:
        line = self.text.count("\n", 0, self.at) + 1
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], line)

    def _header(self) -> Path:
        """A dotted table name, with the newest index of every array of tables."""
        keys = self._dotted()
        path: Path = ()
        for position, key in enumerate(keys):
            path = (*path, key)
            if position < len(keys) - 1 and path in self.tables:
                path = (*path, self.tables[path] - 1)
        return path

    def _pair(self, table: Path) -> None:
        self._skip(_BLANK)
        path = table
        start = self.at
        path = (*table, *self._dotted())
        end, self.at = self.at, start
        self._note(path)
        self.at = self.text.index("=", end) + 1
        self._value(path)

    def _dotted(self) -> list[str]:
        keys = []
        while True:
            self._skip(_BLANK)
            keys.append(self._key())
            self._skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return keys
            self.at += 1

    def _key(self) -> str:
        if self.text[self.at] in "\"'":
            start = self.at
            self._string()
            return _unquote(self.text[start : self.at])
        start = self.at
        while self.at < len(self.text) and (
            self.text[self.at].isalnum() or self.text[self.at] in "_-"
        ):
            self.at += 1
        return self.text[start : self.at]

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        first = self.text[self.at]
        if first in "\"'":
            self._string()
        elif first == "[":
            self.at += 1
            index = 0
            while not self._closes("]"):
                self._note((*path, index))
                self._value((*path, index))
                index += 1
        elif first == "{":
            self.at += 1
            while not self._closes("}"):
                self._pair(path)
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}#\r\n":
                self.at += 1

    def _closes(self, bracket: str) -> bool:
        """Move to the next element of an array or inline table; true at its end."""
        self._skip_space()
        if self.text[self.at] == ",":
            self.at += 1
            self._skip_space()
        if self.text[self.at] != bracket:
            return False
        self.at += 1
        return True

    def _string(self) -> None:
        quote = self.text[self.at]
        mark = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self.at += len(mark)
        while not self.text.startswith(mark, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(mark)
        # a multi-line string may end in up to two quotes of its own
        while len(mark) == 3 and self.text.startswith(quote, self.at):
            self.at += 1

    def _skip(self, characters: str) -> None:
        while self.at < len(self.text) and self.text[self.at] in characters:
            self.at += 1

    def _skip_space(self) -> None:
        while True:
            self._skip(_SPACE)
            if not self.text.startswith("#", self.at):
                return
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end


def _unquote(key: str) -> str:
    import tomllib

    return next(iter(tomllib.loads(f"{key} = 0")))
