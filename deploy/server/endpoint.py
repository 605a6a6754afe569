"""Where a server answers: its port, whether it is up, and `endpoint.json`, which tells it to the fleet."""

from __future__ import annotations

import json
import os
import socket
import urllib.request
import urllib.response
from datetime import UTC, datetime
from pathlib import Path

from jobs.durable import sync_folder, write_json
from serve_spec import ServeSpec

FILE = 'endpoint.json'

PROBE_TIMEOUT_SECONDS = 5.0


def free_port() -> int:
    """A port of the loopback interface that no one listens on now."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


def serves(port: int, name: str) -> bool:
    """Whether the server on `port` is healthy and serves `name`; another program's server does not count."""
    try:
        with _get(port, '/health'):
            pass
        with _get(port, '/v1/models') as answer:
            return any(model['id'] == name for model in json.load(answer)['data'])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _get(port: int, path: str) -> urllib.response.addinfourl:
    """GET without a proxy, whatever the environment says: the server is on this machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    answer: urllib.response.addinfourl = opener.open(f'http://127.0.0.1:{port}{path}', timeout=PROBE_TIMEOUT_SECONDS)
    return answer


def announce(spec: ServeSpec, port: int) -> None:
    """Write endpoint.json {key, url, servedName, pid, startedAt}; pid is this process, which ends the server."""
    write_json(
        spec.output / FILE,
        {
            'key': spec.key,
            'url': f'http://127.0.0.1:{port}',
            'servedName': spec.served_name,
            'pid': os.getpid(),
            'startedAt': datetime.now(UTC).isoformat(timespec='milliseconds'),
        },
    )


def withdraw(output: Path) -> None:
    """Remove endpoint.json."""
    (output / FILE).unlink(missing_ok=True)
    sync_folder(output)
