"""What the set-up says to a person: steps, progress, one sentence on failure."""

import errno
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class SetupError(Exception):
    """A failure whose text is the one sentence to show; no traceback goes with it."""


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a long step, show every ten seconds that it lives, and its duration."""
    started = time.monotonic()
    done = threading.Event()
    say(f"· {what} …")

    def tick() -> None:
        while not done.wait(10):
            say(f"    … {what}: {time.monotonic() - started:.0f} s so far")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()
    say(f"  ✓ {what} ({time.monotonic() - started:.0f} s)")


def run_logged(
    command: Sequence[str | Path],
    log: Path,
    failure: str,
    *,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run a command with its output in a log file.

    :raises SetupError: ``failure`` with the last line of the output, naming the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        try:
            done = subprocess.run(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                check=False,
            )
        except FileNotFoundError as error:
            raise SetupError(
                f"{failure} The program {error.filename} is missing."
            ) from error
    if done.returncode:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line]
        text = "\n".join(lines)
        if "No space left on device" in text:
            raise SetupError(
                f"{failure} The disk is full: free some space and try again."
            )
        last = lines[-1] if lines else "no output"
        raise SetupError(f"{failure} Last words: {last} (all of them: {log})")


@contextmanager
def one_sentence_on_failure() -> Iterator[None]:
    """Turn the failures a person can mend into one sentence and exit code 1.

    Being asked to end (SIGTERM) ends in order too: what was started is stopped.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    except SetupError as error:
        sys.exit(f"✗ {error}")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            sys.exit("✗ The disk is full: free some space and try again.")
        raise
    except KeyboardInterrupt:
        sys.exit(130)
