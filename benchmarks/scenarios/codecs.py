"""Which library should decode and encode what: its CPU time, what it allocates, and whether
other threads can run meanwhile.

The frame is drawn, not filmed, so that nothing need be downloaded: noise of every scale, as
natural pictures have it, which makes about the JPEG size of a real one.
"""

from __future__ import annotations

import io
import sys
import threading
import tracemalloc
from collections.abc import Callable, Mapping
from itertools import repeat
from time import perf_counter, sleep, thread_time
from typing import Any, Final, NamedTuple

import cv2
import imagecodecs
import numpy as np
import simplejpeg
from PIL import Image

from benchmarks.harness import Bench, Contestant
from benchmarks.model import Figure, Outcome, Scenario, Table
from framesrv.codecs import (
    Header,
    Limits,
    crc32c,
    decode,
    decoded_size,
    encode,
    encode_scratch,
    inspect,
)
from framesrv.frames import Codec, Encoding, PixelFormat
from framesrv.frames.form import Form
from framesrv.pool.scratch import ScratchBytesIO

WIDTH, HEIGHT, SIDE = 1280, 720, 320
QUALITY: Final = 85
OURS: Final = "framesrv"
_SLICE_S: Final = 0.02
_ROUNDS: Final = 31

Call = Callable[[], object]


class Task(NamedTuple):
    key: str
    what: str
    # What a call needs of its own, so that threads do not share it, is made by its maker.
    candidates: Mapping[str, Callable[[], Call]]


def drawn(width: int, height: int) -> Any:
    noise = np.random.default_rng(1)
    sum_ = noise.normal(0, 1.5, (height, width, 3)).astype(np.float32)
    for octave in range(1, 8):
        step = 2**octave
        coarse = noise.normal(0, 1, (height // step + 2, width // step + 2, 3)).astype(np.float32)
        sum_ += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * step**0.9
    sum_ -= sum_.min()
    return (sum_ * (255 / sum_.max())).astype(np.uint8)


def _ours(data: bytes, divisor: int = 1) -> Callable[[], Call]:
    def make() -> Call:
        payload = memoryview(data)
        size = decoded_size(_header(data), WIDTH // divisor, HEIGHT // divisor, divisor == 1)
        out = np.empty((size[1], size[0], 3), np.uint8)
        return lambda: decode(inspect(payload, Codec.UNSPECIFIED, Limits()), payload, out)

    return make


def _header(data: bytes) -> Header:
    return inspect(memoryview(data), Codec.UNSPECIFIED, Limits())


def _pillow(data: bytes, divisor: int = 1) -> Call:
    def call() -> object:
        with Image.open(io.BytesIO(data)) as image:
            if divisor > 1:
                image.draft("RGB", (WIDTH // divisor, HEIGHT // divisor))
            return np.asarray(image)[..., ::-1]

    return call


def decoding(frame: Any) -> list[Task]:
    jpeg = bytes(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])
    png = bytes(cv2.imencode(".png", frame)[1])
    webp = bytes(cv2.imencode(".webp", frame, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1])
    half = cv2.IMREAD_REDUCED_COLOR_2

    def by_cv2(data: bytes, mode: int = cv2.IMREAD_COLOR) -> Callable[[], Call]:
        coded = np.frombuffer(data, np.uint8)
        return lambda: lambda: cv2.imdecode(coded, mode)

    def into(decoder: Callable[..., object], data: bytes) -> Callable[[], Call]:
        def make() -> Call:
            out = np.empty((HEIGHT, WIDTH, 3), np.uint8)
            return lambda: decoder(data, out=out)

        return make

    return [
        Task(
            "jpeg",
            "decode a JPEG of 1280x720",
            {
                OURS: _ours(jpeg),
                "simplejpeg": lambda: lambda: simplejpeg.decode_jpeg(jpeg, "BGR"),
                "cv2": by_cv2(jpeg),
                "imagecodecs": into(imagecodecs.jpeg8_decode, jpeg),
                "pillow": lambda: _pillow(jpeg),
            },
        ),
        Task(
            "half",
            "the same at a half",
            {
                OURS: _ours(jpeg, 2),
                "cv2": by_cv2(jpeg, half),
                "pillow": lambda: _pillow(jpeg, 2),
            },
        ),
        Task(
            "png",
            "decode a PNG of 1280x720",
            {
                OURS: _ours(png),
                "cv2": by_cv2(png),
                "spng": into(imagecodecs.spng_decode, png),
                "pillow": lambda: _pillow(png),
            },
        ),
        Task(
            "webp",
            "decode a WebP of 1280x720",
            {OURS: _ours(webp), "cv2": by_cv2(webp), "pillow": lambda: _pillow(webp)},
        ),
    ]


def encoding(frame: Any) -> list[Task]:
    small = cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    form = Form(SIDE, SIDE, PixelFormat.BGR24)
    image = Image.fromarray(np.ascontiguousarray(small[..., ::-1]))

    def ours(kind: Encoding) -> Callable[[], Call]:
        def make() -> Call:
            buffer = ScratchBytesIO(1 << 20)
            shape = encode_scratch(form, kind)
            scratch = None if shape is None else np.empty(shape, np.uint8)
            return lambda: encode(small, form, kind, QUALITY, buffer, scratch=scratch)

        return make

    def by_cv2(suffix: str, *settings: int) -> Callable[[], Call]:
        return lambda: lambda: cv2.imencode(suffix, small, list(settings))

    def by_pillow(kind: str, **settings: Any) -> Callable[[], Call]:
        def make() -> Call:
            stream = io.BytesIO(bytes(1 << 20))

            def call() -> None:
                stream.seek(0)
                image.save(stream, kind, **settings)

            return call

        return make

    return [
        Task(
            "to_jpeg",
            "encode a JPEG of 320x320",
            {
                OURS: ours(Encoding.JPEG),
                "simplejpeg": lambda: lambda: simplejpeg.encode_jpeg(small, QUALITY, "BGR", "420"),
                "cv2": by_cv2(".jpg", cv2.IMWRITE_JPEG_QUALITY, QUALITY),
                "pillow": by_pillow("JPEG", quality=QUALITY),
            },
        ),
        Task(
            "to_png",
            "encode a PNG of 320x320",
            {
                OURS: ours(Encoding.PNG),
                "cv2": by_cv2(".png"),
                "pillow": by_pillow("PNG", compress_level=1),
            },
        ),
        Task(
            "to_webp",
            "encode a WebP of 320x320",
            {
                OURS: ours(Encoding.WEBP),
                "cv2": by_cv2(".webp", cv2.IMWRITE_WEBP_QUALITY, QUALITY),
                "pillow": by_pillow("WEBP", quality=QUALITY),
            },
        ),
    ]


def on_cpu(make: Callable[[], Call]) -> Contestant:
    """Seconds of CPU time of the calling thread."""
    call = make()

    def run(cycles: int) -> float:
        started = thread_time()
        for _ in repeat(None, cycles):
            call()
        return thread_time() - started

    return run


def traced_bytes(make: Callable[[], Call]) -> int:
    """The most that one call holds, its result included, over what was there before."""
    call = make()
    call()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def fractions(bench: Bench, frame: Any) -> Table:
    """A fraction saves pixels in what follows, so it is judged with the resize behind it."""
    jpeg = bytes(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])

    def both(eighths: int, target: tuple[int, int]) -> Contestant:
        out = np.empty((HEIGHT * eighths // 8, WIDTH * eighths // 8, 3), np.uint8)
        small = np.empty((target[1], target[0], 3), np.uint8)
        header = Header(Codec.JPEG, WIDTH, HEIGHT)
        payload = memoryview(jpeg)

        def call() -> None:
            decode(header, payload, out)
            cv2.resize(out, target, dst=small, interpolation=cv2.INTER_AREA)

        return on_cpu(lambda: call)

    rows = []
    for eighths in range(7, 0, -1):
        # Half-way to the next smaller fraction: what this one is used for.
        target = (WIDTH * (2 * eighths - 1) // 16, HEIGHT * (2 * eighths - 1) // 16)
        measured = bench.compare(
            {"full": both(8, target), "fraction": both(eighths, target)},
            baseline="full",
            rounds=_ROUNDS,
            slice_s=_SLICE_S,
        )
        fraction = measured["fraction"]
        rows.append(
            (
                f"{eighths}/8",
                f"{target[0]}x{target[1]}",
                measured["full"].here,
                fraction.here,
                f"{fraction.ratio.median:.2f} x",
            )
        )
    return Table(
        "Decoding at a fraction, and resizing",
        ("fraction", "to", "full size", "at the fraction", "ratio"),
        rows,
    )


def checksum_gb_s(frame: Any) -> float:
    payload = memoryview(frame.tobytes())
    best = min(on_cpu(lambda: lambda: crc32c(payload))(20) / 20 for _ in range(5))
    return float(payload.nbytes / max(best, 1e-9) / 1e9)


def run(bench: Bench) -> Outcome:
    cv2.setNumThreads(1)
    frame = drawn(WIDTH, HEIGHT)
    figures: list[Figure] = []
    rows: list[tuple[str, ...]] = []
    for task in [*decoding(frame), *encoding(frame)]:
        measured = bench.compare(
            {name: on_cpu(make) for name, make in task.candidates.items()},
            baseline=OURS,
            rounds=_ROUNDS,
            slice_s=_SLICE_S,
        )
        for name, make in task.candidates.items():
            figures.append(
                Figure.ratio(
                    f"codecs.{task.key}_{name}",
                    f"{task.what}: {name}",
                    measured[name].ratio,
                    measured[name].here,
                )
            )
            rows.append(
                (
                    task.what,
                    name,
                    measured[name].here,
                    f"{measured[name].ratio.median:.2f} x",
                    f"{traced_bytes(make) / 1024:,.1f} KiB",
                    f"{left_to_others(bench, make):.0%}",
                )
            )
    figures.append(Figure("codecs.crc", "CRC-32C of a frame", checksum_gb_s(frame), "GB/s"))
    return Outcome(
        figures,
        notes=(
            (
                f"{OURS}: with the checks of the headers. CPU: time of the processor for one call; "
                "traced: the most that a call holds on Python's heap, its result included; "
                "others: what another thread does meanwhile, of what it does when nobody holds the "
                "interpreter's lock."
            ),
            f"CRC-32C: {figures[-1].value:.1f} GB/s.",
        ),
        tables=(
            Table(
                "Candidates",
                ("task", "library", "CPU", "in times of ours", "traced", "others"),
                rows,
            ),
            fractions(bench, frame),
        ),
    )


def left_to_others(bench: Bench, make: Callable[[], Call]) -> float:
    """How much another thread of Python does during a call, in times of what it does while
    nothing holds the interpreter's lock. 0: the lock was held all the time.

    Not the work of two threads in times of one's: that falls when other programs want the
    cores. With forced switches out of the way, the other thread moves only if the call lets go.
    """
    call = make()
    call()
    steps = 0
    stop = threading.Event()

    def others() -> None:
        nonlocal steps
        while not stop.is_set():
            steps += 1
            sleep(0)

    thread = threading.Thread(target=others, daemon=True)
    interval = sys.getswitchinterval()
    during = idle = 0
    sys.setswitchinterval(10)
    try:
        thread.start()
        for _ in range(bench.pick(50, 3)):
            before, started = steps, perf_counter()
            call()
            took_s = perf_counter() - started
            during += steps - before
            before = steps
            sleep(took_s)
            idle += steps - before
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        thread.join()
    return during / max(1, idle)


SCENARIO = Scenario("codecs", "Decoding and encoding, by library", run)
