"""Four ways to lend buffers, built as small as they can honestly be, to be measured alike."""

from benchmarks.designs.design import Design, Lender
from benchmarks.designs.fresh import FRESH
from benchmarks.designs.locked import LOCKED
from benchmarks.designs.ours import OURS, OURS_OFF
from benchmarks.designs.queued import QUEUED

DESIGNS = (LOCKED, QUEUED, OURS, OURS_OFF, FRESH)

__all__ = ["DESIGNS", "FRESH", "LOCKED", "OURS", "OURS_OFF", "QUEUED", "Design", "Lender"]
