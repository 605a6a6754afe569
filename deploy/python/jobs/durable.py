"""Files that survive a power cut: written beside their place, synced, renamed, and the folder synced."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

BLOCK_BYTES = 1 << 20


def sync_folder(folder: Path) -> None:
    """Make the names inside `folder` durable (POSIX: a rename is durable only after fsync of the directory)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(file: Path) -> None:
    """Make the content of `file` durable."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(file: Path, value: Any) -> None:
    """Write `value` as JSON so that a reader sees the old file or the whole new one, never a part."""
    temporary = file.with_name(f'.{file.name}.{os.getpid()}.tmp')
    with open(temporary, 'w', encoding='utf-8') as stream:
        json.dump(value, stream, indent=1)
        stream.write('\n')
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, file)
    sync_folder(file.parent)


def publish_folder(temporary: Path, final: Path) -> None:
    """Sync every file of `temporary` and rename it to `final`, replacing what an earlier attempt left there.

    Files get the permissions of their folder: safetensors writes its own with 0600, unreadable for a server's user.
    """
    readable = temporary.stat().st_mode & 0o666
    for file in sorted(temporary.rglob('*')):
        if file.is_file():
            file.chmod(readable)
            sync_file(file)
        else:
            sync_folder(file)
    sync_folder(temporary)
    if final.exists():
        shutil.rmtree(final)
    os.rename(temporary, final)
    sync_folder(final.parent)


def sha256_of(file: Path) -> str:
    """SHA-256 of the content of `file`, in hexadecimal."""
    digest = hashlib.sha256()
    with open(file, 'rb') as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
