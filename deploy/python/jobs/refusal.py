"""The failure that a restart cannot cure: a bad spec, a damaged training set, a folder that is no model."""

from __future__ import annotations


class Refusal(Exception):
    """Ends the program with exit code 2; the message says what was expected, what was found, where, what to do."""
