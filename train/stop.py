"""A request to stop: Ctrl-C, or SIGTERM."""

import signal


class Stop:
    """Turns the first Ctrl-C or SIGTERM into ``asked``; the second interrupts at once."""

    def __init__(self):
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
