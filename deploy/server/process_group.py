"""A program with all its children as one process group that cannot outlive this process.

The group is ended when this process asks for it, and also when this process is killed: a small guardian, forked from
it, waits for the end of a pipe that only this process holds open.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
"""prctl(2)."""

POLL_SECONDS = 0.02

FAREWELL = b'.'
"""What this process writes into the pipe when there is nothing left to end."""


class ProcessGroup:
    """A running program, the leader of its own session and group.

    bereaved: called by the guardian, after it has ended the group, when this process was killed.
    """

    def __init__(
        self, command: list[str], environment: dict[str, str], log: Path, bereaved: Callable[[], None]
    ) -> None:
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        with open(log, 'wb') as output:
            self._leader = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0),
            )
        self._guardian, self._pipe = _start_guardian(self._leader.pid, bereaved)

    @property
    def pid(self) -> int:
        """Process id of the leader, and of the group."""
        return self._leader.pid

    def exit_code(self) -> int | None:
        """Exit code of the leader once it has ended (minus the signal that ended it)."""
        return self._leader.poll()

    def stop(self, grace_seconds: float) -> None:
        """Ask the leader to end, then end whatever is left of the group; returns when nothing of it runs."""
        if self._leader.poll() is None:
            self._leader.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._leader.wait(grace_seconds)
        while _alive(self._leader.pid):
            os.killpg(self._leader.pid, signal.SIGKILL)
            self._leader.poll()
            _reap(self._leader.pid)
            time.sleep(POLL_SECONDS)
        os.write(self._pipe, FAREWELL)
        os.close(self._pipe)
        os.waitpid(self._guardian, 0)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _reap(group: int) -> None:
    """Collect ended members of the group that came to this process when their parent ended (PR_SET_CHILD_SUBREAPER)."""
    try:
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _start_guardian(group: int, bereaved: Callable[[], None]) -> tuple[int, int]:
    """Process id of the guardian, and the end of the pipe whose closing wakes it."""
    reading, writing = os.pipe()
    guardian = os.fork()
    if guardian:
        os.close(reading)
        return guardian, writing
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.close(writing)
        if os.read(reading, 1) != FAREWELL:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
            bereaved()
    finally:
        os._exit(0)
