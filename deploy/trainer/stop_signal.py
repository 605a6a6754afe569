"""SIGTERM and SIGUSR2 (Slurm's warning before a time limit): save what there is and ask to be started again."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from jobs.exits import REQUEUE

SIGNALS = (signal.SIGTERM, signal.SIGUSR2)


class StopSignal:
    """Remembers that the process was asked to stop.

    Outside of training there is nothing to save, so the process ends at once; within, the Trainer sees `asked` at the
    end of its step.
    """

    def __init__(self) -> None:
        self.asked = False
        self.training = False
        for number in SIGNALS:
            signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        if not self.training:
            sys.exit(REQUEUE)
