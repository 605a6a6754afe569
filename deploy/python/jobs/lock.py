"""One process at a time for an output folder."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


def hold(output: Path) -> IO[str] | None:
    """A lock on the output folder for as long as the result is kept; None where another process has it."""
    output.mkdir(parents=True, exist_ok=True)
    stream = open(output / '.lock', 'w', encoding='utf-8')
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream
