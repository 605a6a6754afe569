"""The frame of a program: reads `--spec`, runs, and turns a refusal into FAILED.json and exit code 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from jobs.exits import REFUSED
from jobs.refusal import Refusal
from jobs.results import DONE, write_failed
from jobs.spec import Fields, read_spec


class Spec(Protocol):
    """What every spec has: the job's key and its output folder."""

    @property
    def key(self) -> str: ...

    @property
    def output(self) -> Path: ...


AnySpec = TypeVar('AnySpec', bound=Spec)


def run(parse: Callable[[Fields], AnySpec], work: Callable[[AnySpec], int]) -> int:
    """Parse the spec named on the command line and do its work; returns the exit code."""
    parser = argparse.ArgumentParser(description=sys.modules['__main__'].__doc__)
    parser.add_argument('--spec', type=Path, required=True, help='the spec, a JSON file')
    fields = None
    try:
        fields = read_spec(parser.parse_args().spec)
        return work(parse(fields))
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        _leave_reason(fields, str(refusal))
        return REFUSED


def _leave_reason(fields: Fields | None, reason: str) -> None:
    """FAILED.json, where the spec says enough to know its place and the place is not another job's result."""
    values = fields.values if fields is not None else {}
    key, output = values.get('key'), values.get('output')
    if isinstance(key, str) and isinstance(output, str) and not (Path(output) / DONE).exists():
        write_failed(Path(output), key, reason)
