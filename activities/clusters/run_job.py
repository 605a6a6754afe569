"""Runs one job in a session of its own, so that it outlives the worker that submitted it.

    python run_job.py --key K --folder F --requeue-exit-code 75 --max-requeues N --grace-seconds S -- PROGRAM ARGUMENT...

It takes the folder's lock, records itself in `job.json`, and only then starts the program; at the end it writes
`exit.json`. A folder takes one job: where `job.json` is already there, or another submission holds the lock, it starts
nothing and exits with 76. A submitter that dies, before or after, therefore neither loses the job nor doubles it.

What it answers for:
- the program's processes: it is their subreaper (prctl(2), PR_SET_CHILD_SUBREAPER), so that whatever the program leaves
  behind, also in other sessions, becomes its child and is killed when the program ends;
- its own death: the kernel kills the program with it (PR_SET_PDEATHSIG);
- "start me again": the program's exit with the requeue code starts it again after a pause;
- SIGTERM: passed to the program; after the grace time everything is killed.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import sys
import time
from types import FrameType

DUPLICATE = 76
"""Exit code: this job is already there."""

FOREIGN = 77
"""Exit code: the folder belongs to a job of another key."""

NOT_STARTED = 127
"""Exit code of the program's process when the program cannot be executed (as shells have it)."""

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
LASTING_SECONDS = 60.0
"""A program that ran this long before it asked to be started again is started with the first pause again."""


class Job:
    """The program's process, as the signal handlers see it."""

    def __init__(self, grace_seconds: int) -> None:
        self.grace_seconds = grace_seconds
        self.child: int | None = None
        self.stopping = False
        self.asked = False

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """Ask the program to end, once; SIGALRM ends it."""
        if self.stopping:
            return
        self.stopping = True
        signal.alarm(max(1, self.grace_seconds))
        self.ask()

    def ask(self) -> None:
        """Send SIGTERM to the program where a stop is wanted; once, since a second one may mean "at once" to it."""
        if self.stopping and not self.asked and self.child is not None:
            self.asked = True
            self.send(signal.SIGTERM)

    def kill(self, _number: int, _frame: FrameType | None) -> None:
        """End the program."""
        self.send(signal.SIGKILL)

    def forward(self, number: int, _frame: FrameType | None) -> None:
        """Pass a signal on."""
        self.send(number)

    def send(self, number: int) -> None:
        """Send a signal to the program's first process, if it has one."""
        if self.child is not None:
            try:
                os.kill(self.child, number)
            except ProcessLookupError:
                pass


def main() -> int:
    key, folder, requeue_code, max_requeues, grace_seconds, argv = parse(sys.argv[1:])
    lock = os.open(os.path.join(folder, 'lock'), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return DUPLICATE
    job_file = os.path.join(folder, 'job.json')
    try:
        with open(job_file, encoding='utf-8') as stream:
            found = json.load(stream)['key']
    except FileNotFoundError:
        pass
    else:
        if found != key:
            print(f'Expected folder {folder} to be free or of job {key}, found job {found} in it.', file=sys.stderr)
        return DUPLICATE if found == key else FOREIGN

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    job = Job(grace_seconds)
    signal.signal(signal.SIGTERM, job.stop)
    signal.signal(signal.SIGINT, job.stop)
    signal.signal(signal.SIGALRM, job.kill)
    signal.signal(signal.SIGUSR2, job.forward)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    write_json(
        job_file,
        {
            'key': key,
            'pid': os.getpid(),
            'start': own_start(),
            'host': socket.gethostname(),
            'graceSeconds': grace_seconds,
            'requeueExitCode': requeue_code,
            'argv': argv,
            'at': time.time(),
        },
    )

    requeues = 0
    pause = FIRST_PAUSE_SECONDS
    while True:
        began = time.monotonic()
        status = run(libc, job, argv)
        sweep()
        if job.stopping or not os.WIFEXITED(status) or os.WEXITSTATUS(status) != requeue_code:
            break
        if requeues >= max_requeues:
            break
        if time.monotonic() - began >= LASTING_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        wait(job, pause)
        if job.stopping:
            break
        pause = min(LONGEST_PAUSE_SECONDS, 2 * pause)
        requeues += 1

    signal.alarm(0)
    write_json(
        os.path.join(folder, 'exit.json'),
        {
            'key': key,
            'code': os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            'signal': signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else None,
            'requeues': requeues,
            'at': time.time(),
        },
    )
    return 0


def parse(arguments: list[str]) -> tuple[str, str, int, int, int, list[str]]:
    """Arguments as the adapter gives them: fixed order, the program after `--`."""
    names = ('--key', '--folder', '--requeue-exit-code', '--max-requeues', '--grace-seconds')
    divider = 2 * len(names)
    if tuple(arguments[0:divider:2]) != names or arguments[divider : divider + 1] != ['--']:
        sys.exit(f'Expected {" … ".join(names)} … -- PROGRAM, got {arguments}.')
    key, folder, requeue_code, max_requeues, grace_seconds = arguments[1:divider:2]
    return key, folder, int(requeue_code), int(max_requeues), int(grace_seconds), arguments[divider + 1 :]


def run(libc: ctypes.CDLL, job: Job, argv: list[str]) -> int:
    """Run the program to its end; its wait status. Orphans that end meanwhile are reaped."""
    parent = os.getpid()
    # Between fork and the note of the child's id no signal may be lost on it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGUSR2, signal.SIGALRM})
    child = os.fork()
    if child == 0:
        start_program(libc, parent, argv)
    job.child = child
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    job.ask()
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            job.child = None
            return status


def start_program(libc: ctypes.CDLL, parent: int, argv: list[str]) -> None:
    """In the child: die with the parent, become the program."""
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(NOT_STARTED)
        os.setpgid(0, 0)
        signal.alarm(0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2, signal.SIGALRM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(2, f'Cannot run {argv[0]}: {error}\n'.encode())
    finally:
        os._exit(NOT_STARTED)


def sweep() -> None:
    """Kill and reap every process that the program left behind."""
    while True:
        for pid in children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children() -> list[int]:
    """Ids of this process's children."""
    found = []
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open(f'/proc/{name}/stat', encoding='utf-8', errors='replace') as stream:
                parent = int(stream.read().rpartition(')')[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == os.getpid():
            found.append(int(name))
    return found


def wait(job: Job, seconds: float) -> None:
    """Pause; a stop ends it."""
    until = time.monotonic() + seconds
    while not job.stopping and time.monotonic() < until:
        time.sleep(0.05)


def own_start() -> str:
    """Boot and start of this process, as the adapter compares it (process-identity.ts)."""
    with open('/proc/sys/kernel/random/boot_id', encoding='utf-8') as stream:
        boot = stream.read().strip()
    with open('/proc/self/stat', encoding='utf-8', errors='replace') as stream:
        ticks = stream.read().rpartition(')')[2].split()[19]
    return f'{boot}/{ticks}'


def write_json(file: str, value: object) -> None:
    """Write so that a reader sees nothing or the whole."""
    temporary = f'{file}.tmp'
    with open(temporary, 'w', encoding='utf-8') as stream:
        json.dump(value, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, file)
    descriptor = os.open(os.path.dirname(file), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == '__main__':
    sys.exit(main())
