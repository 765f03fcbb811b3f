"""The words that stand for the contract's enums: "BGR24", "jpeg", "contain", "oldest"."""

from __future__ import annotations

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from framesrv.protocol.gen import frames_pb2 as pb


def words(enum: EnumTypeWrapper, prefix: str) -> dict[str, int]:
    """
    >>> words(pb.Fit, "FIT_")
    {'stretch': 1, 'contain': 2, 'cover': 3}
    """
    return {
        name.removeprefix(prefix).lower(): number for name, number in enum.items() if number != 0
    }


PIXEL_FORMATS = words(pb.PixelFormat, "PIXEL_FORMAT_")
CODECS = words(pb.Codec, "CODEC_")
ENCODINGS = words(pb.Encoding, "ENCODING_")
INTERPOLATIONS = words(pb.Interpolation, "INTERPOLATION_")
FITS = words(pb.Fit, "FIT_")
DECODE_MODES = words(pb.DecodeMode, "DECODE_MODE_")
DROP_POLICIES = words(pb.DropPolicy, "DROP_POLICY_")

CHANNELS: dict[int, int] = {
    pb.PIXEL_FORMAT_BGR24: 3,
    pb.PIXEL_FORMAT_RGB24: 3,
    pb.PIXEL_FORMAT_RGBA32: 4,
    pb.PIXEL_FORMAT_BGRA32: 4,
    pb.PIXEL_FORMAT_GRAY8: 1,
}
PLANAR: tuple[int, ...] = (pb.PIXEL_FORMAT_NV12, pb.PIXEL_FORMAT_I420)


def number_of(what: str, word: str | None, known: dict[str, int]) -> int:
    """The enum's number for a word; 0, which leaves it to the server, for None.

    >>> number_of("fit", "cover", FITS), number_of("fit", None, FITS)
    (3, 0)
    """
    if word is None:
        return 0
    number = known.get(word.lower()) if isinstance(word, str) else None
    if number is None:
        raise ValueError(f"{what} must be one of {', '.join(known)}, not {word!r}")
    return number
