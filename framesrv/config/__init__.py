"""Configuration: flags over ``FRAMESRV_*`` over a TOML file over defaults, sealed once read.

Where to look: each room's settings stand beside the room, as a frozen dataclass; ``rooms`` joins
them, ``setting`` is one of their values, ``values`` reads one, ``sources`` says where values come
from, ``load`` puts it together and reports every fault at once, ``show`` prints what holds.
"""

from framesrv.config.load import Configuration, load
from framesrv.config.show import show

__all__ = ["Configuration", "load", "show"]
