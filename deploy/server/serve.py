"""Serves one checkpoint with vLLM until it is told to stop.

    python serve.py --spec spec.json

Writes `<output>/endpoint.json` when the server is healthy and removes it when the server ends; vLLM's output goes to
`<output>/vllm.log`. SIGTERM, SIGINT and SIGUSR2 stop vLLM and every process of it, exit code 0. When vLLM ends by
itself its last lines are printed and the exit code is 1. When this program is killed, vLLM is killed with it.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'python'))

from endpoint import announce, free_port, serves, withdraw
from jobs.exits import FAILED, FINISHED, REQUEUE
from jobs.lock import hold
from jobs.program import run
from process_group import ProcessGroup
from serve_spec import ServeSpec, parse_serve_spec
from vllm_command import runs_on_cpu, vllm_command, vllm_environment

STOP_GRACE_SECONDS = 10.0
"""What vLLM gets to end by itself; it needs about half a second, and requests in flight are aborted anyway."""

START_POLL_SECONDS = 0.1
WATCH_POLL_SECONDS = 0.5

PORT_ATTEMPTS = 3
"""A free port can be taken by another program before vLLM listens on it."""

LAST_LINES = 60


def serve(spec: ServeSpec, stop: threading.Event) -> int:
    """Serve until `stop` is set or vLLM ends; returns the exit code."""
    lock = hold(spec.output)
    if lock is None:
        print(f'Another server writes to {spec.output}; start again when it has ended.', file=sys.stderr)
        return REQUEUE
    withdraw(spec.output)
    log = spec.output / 'vllm.log'
    for _ in range(PORT_ATTEMPTS):
        code = _serve_on(free_port(), spec, log, stop)
        if code is None:
            return FINISHED
        if b'address already in use' not in log.read_bytes().lower():
            break
    lines = log.read_text(encoding='utf-8', errors='replace').splitlines()[-LAST_LINES:]
    print('\n'.join(lines), file=sys.stderr)
    print(
        f'vLLM ended by itself with exit code {code}; its last {len(lines)} lines are above, all in {log}.',
        file=sys.stderr,
    )
    return FAILED


def _serve_on(port: int, spec: ServeSpec, log: Path, stop: threading.Event) -> int | None:
    """Serve on `port`; None when told to stop, otherwise vLLM's exit code."""
    cpu = runs_on_cpu()
    group = ProcessGroup(
        vllm_command(spec, port, cpu), vllm_environment(spec, cpu), log, bereaved=lambda: withdraw(spec.output)
    )
    try:
        announced = False
        while not stop.wait(WATCH_POLL_SECONDS if announced else START_POLL_SECONDS):
            if group.exit_code() is not None:
                return group.exit_code()
            if not announced and serves(port, spec.served_name):
                announce(spec, port)
                announced = True
        return None
    finally:
        withdraw(spec.output)
        group.stop(STOP_GRACE_SECONDS)


if __name__ == '__main__':
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
        signal.signal(number, lambda *_: asked.set())
    sys.exit(run(parse_serve_spec, lambda spec: serve(spec, asked)))
