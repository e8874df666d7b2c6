"""Commands that end and daemons that stay."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from .errors import TestbedError

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def run(*command: object, stdin: str | None = None) -> str:
    """Runs a command to its end and returns what it printed; a failure names the command and its complaint."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, input=stdin or "", capture_output=True, text=True)
    except FileNotFoundError:
        raise TestbedError(f"'{words[0]}' is not installed; run: tests/setup/packages.sh cluster") from None
    if done.returncode != 0:
        complaint = (done.stderr or done.stdout).strip() or "it said nothing"
        raise TestbedError(f"'{' '.join(words)}' failed with status {done.returncode}: {complaint}")
    return done.stdout


def tied_to_us() -> Callable[[], None]:
    """For a Popen's preexec_fn: the child is killed when this process is, from its first moment on."""
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # killed before it could be tied
            os._exit(1)

    return tie


class Daemon:
    """A background process with a log and a record of who it is, so that a reused pid is never taken for it."""

    def __init__(self, name: str, folder: Path):
        self.name = name
        self.log = folder / f"{name}.log"
        self._record = folder / f"{name}.pid"

    def start(self, command: Iterable[object], environment: dict[str, str] | None = None) -> None:
        """Starts it in a session of its own, its output appended to its log."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | (environment or {}),
                start_new_session=True,
            )
        self._record.write_text(f"{process.pid} {_start_time(process.pid)}")

    @property
    def pid(self) -> int | None:
        """Its process, or None if it is not running."""
        try:
            pid, started = self._record.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if _start_time(int(pid)) == started else None

    def stop(self, how: signal.Signals, seconds: float = 20) -> None:
        """Sends a signal and waits for the end."""
        if (pid := self.pid) is None:
            raise TestbedError(f"{self.name} is not running (log: {self.log})")
        os.kill(pid, how)
        wait_for(f"{self.name} to stop after {how.name}", lambda: self.pid is None, seconds)

    def last_words(self, count: int) -> str:
        """The end of its log, for an error."""
        lines = self.log.read_text(errors="replace").splitlines()[-count:] if self.log.exists() else []
        return "\n".join([f"{self.name}: the end of {self.log}:", *(f"    {line}" for line in lines)])


def wait_for(what: str, condition: Callable[[], object], seconds: float, watched: Iterable[Daemon] = ()) -> None:
    """Waits until the condition holds; gives up at once when a watched daemon dies."""
    watched = list(watched)
    deadline = time.monotonic() + seconds
    while not condition():
        for daemon in watched:
            if daemon.pid is None:
                raise TestbedError(f"{daemon.name} ended while waiting for {what}\n{daemon.last_words(12)}")
        if time.monotonic() > deadline:
            logs = [daemon.last_words(3) for daemon in watched]
            raise TestbedError("\n".join([f"waited {seconds:g} s for {what}, in vain", *logs]))
        time.sleep(0.05)


def _start_time(pid: int) -> str | None:
    """When a living process started, in the kernel's ticks; None for a dead or unreaped one."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else fields[18]
