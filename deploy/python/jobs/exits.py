"""Exit codes of the programs in this folder."""

from __future__ import annotations

FINISHED = 0
"""DONE.json is there, with this spec's key."""

FAILED = 1
"""An error that another start may cure; the traceback is on stderr."""

REFUSED = 2
"""Starting again does not help: bad spec, bad data, or the output belongs to another key (see FAILED.json, stderr)."""

REQUEUE = 75
"""EX_TEMPFAIL of sysexits.h: stopped by a signal or a busy output folder; start the same command again to go on."""
