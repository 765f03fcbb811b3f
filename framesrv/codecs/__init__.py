"""Decoding into a lease, encoding into a lease; header sniffing and caps.

Where to look: ``inspection`` says what an image is and refuses what costs too much, ``decoding``
and ``raw`` make BGR pixels of it, ``orient`` turns them upright, ``encoding`` writes the result.
Each format has a ``_header`` and a ``_pixels`` file. Nothing here borrows or keeps a buffer.
"""

from framesrv.codecs.checksum import crc32c
from framesrv.codecs.decoding import decode, decode_scratch
from framesrv.codecs.encoding import encode, encode_scratch
from framesrv.codecs.header import Header
from framesrv.codecs.inspection import inspect
from framesrv.codecs.limits import Limits
from framesrv.codecs.orient import orient_step
from framesrv.codecs.raw import raw_form, raw_is_bgr, raw_to_bgr, raw_view
from framesrv.codecs.scaled import decoded_size

__all__ = [
    "Header",
    "Limits",
    "crc32c",
    "decode",
    "decode_scratch",
    "decoded_size",
    "encode",
    "encode_scratch",
    "inspect",
    "orient_step",
    "raw_form",
    "raw_is_bgr",
    "raw_to_bgr",
    "raw_view",
]
