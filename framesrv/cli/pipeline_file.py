"""`--pipeline`: a name that the server knows, or a file that says what to do with each frame.

In TOML, and in JSON alike:

    [[outputs]]
    name = "small"
    encoding = "jpeg"
    quality = 85
    ops = [{ resize = { width = 640, height = 360, fit = "contain" } }, { rotate = 90 }]

The same text below [pipelines.NAME] in a server's configuration gives it to all clients; only
the short form of an operation, rotate = 90, is known here alone.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from framesrv import client
from framesrv.cli.outcome import Fault

# An operation with one obvious argument may be written short: rotate = 90.
_OPS: Final[Mapping[str, tuple[Any, str]]] = {
    "resize": (client.resize, "width"),
    "crop": (client.crop, ""),
    "convert": (client.convert, "pixel_format"),
    "rotate": (client.rotate, "degrees"),
    "flip": (client.flip, ""),
    "blur": (client.blur, "sigma"),
    "custom": (client.custom, "processor"),
}
_RENAMED: Final = {"convert": {"format": "pixel_format"}}
_TOP: Final = ("outputs", "decode_mode")
_OUTPUT: Final = ("name", "ops", "encoding", "quality")
_STEMS: Final = ("pixel_format_", "encoding_", "interpolation_", "fit_", "decode_mode_")
_BYTES_MAX: Final = 1024 * 1024


def read_pipeline(text: str) -> client.Pipeline | str:
    """Raises Fault with the place of the mistake."""
    path = Path(text)
    if path.suffix.lower() not in {".json", ".toml"}:
        if path.is_file():
            raise Fault(f"--pipeline {text}: a pipeline's file ends in .json or .toml")
        return text
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise Fault(f"--pipeline {text}: more than a MiB; is it a pipeline?")
        written = path.read_text("utf-8")
    except OSError as error:
        raise Fault(
            f"--pipeline {text}: {error.strerror or error}; give a .json or .toml file, or the "
            "name of a pipeline of the server's"
        ) from None
    except UnicodeDecodeError:
        raise Fault(f"--pipeline {text}: the file is not text in UTF-8") from None
    try:
        asked = json.loads(written) if path.suffix.lower() == ".json" else tomllib.loads(written)
    except (ValueError, RecursionError) as error:
        raise Fault(f"--pipeline {text}: not {path.suffix[1:].upper()}: {error}") from None
    try:
        return pipeline_of(asked)
    except (ValueError, TypeError) as error:
        raise Fault(f"--pipeline {text}: {error}") from None


def pipeline_of(asked: Any) -> client.Pipeline:
    """
    >>> made = pipeline_of({"outputs": [{"name": "a", "ops": [{"rotate": 90}]}]})
    >>> made.to_proto().outputs[0].ops[0].rotate.degrees
    90
    """
    table = _table("the file", asked, _TOP)
    outputs = table.get("outputs")
    if not isinstance(outputs, list) or not outputs:
        raise ValueError("outputs must be a list of one output or more")
    made = [_output(f"output {place}", each) for place, each in enumerate(outputs, 1)]
    return client.Pipeline(*made, decode_mode=_word(table.get("decode_mode")))


def _output(where: str, asked: Any) -> client.Output:
    table = _table(where, asked, _OUTPUT)
    name, ops, quality = table.get("name", "main"), table.get("ops", []), table.get("quality")
    if not isinstance(name, str):
        raise ValueError(f"{where}: name must be a text, not {name!r}")
    if not isinstance(ops, list):
        raise ValueError(f"{where}: ops must be a list, not {ops!r}")
    if quality is not None and (isinstance(quality, bool) or not isinstance(quality, int)):
        raise ValueError(f"{where}: quality must be a whole number, not {quality!r}")
    made = [_op(f"{where}, operation {place}", each) for place, each in enumerate(ops, 1)]
    return client.Output(name, made, encoding=_word(table.get("encoding")), quality=quality)


def _op(where: str, asked: Any) -> Any:
    if not isinstance(asked, dict) or len(asked) != 1:
        raise ValueError(f'{where}: write one name with its settings, as {{"rotate": 90}}')
    ((name, settings),) = _table(where, asked, tuple(_OPS)).items()
    make, short = _OPS[name]
    if name == "flip" and settings in ("horizontal", "vertical"):
        settings = {settings: True}
    elif not isinstance(settings, dict):
        if not short:
            raise ValueError(f"{where}: {name} needs a table of settings, not {settings!r}")
        settings = {short: settings}
    renamed = _RENAMED.get(name, {})
    settings = {renamed.get(key, key): _word(value) for key, value in settings.items()}
    if name == "custom":
        options = settings.pop("options", {})
        if not isinstance(options, dict) or not isinstance(settings.get("processor", ""), str):
            raise ValueError(f"{where}: custom is a processor's name and a table of options")
        settings |= {key: str(value) for key, value in options.items()}
    try:
        return make(**settings)
    except TypeError as error:
        told = str(error).replace("()", "").removeprefix(f"{name} ")
        raise ValueError(f"{where}: {name}: {told}") from None
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _word(value: Any) -> Any:
    """The contract's long names are the short ones behind a stem.

    >>> _word("PIXEL_FORMAT_RGBA32"), _word("contain"), _word(7)
    ('rgba32', 'contain', 7)
    """
    for stem in _STEMS if isinstance(value, str) else ():
        if value.lower().startswith(stem):
            return value.lower().removeprefix(stem)
    return value


def _table(where: str, asked: Any, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(asked, dict):
        raise ValueError(f"{where} must be a table, not {asked!r}")
    for key in asked:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"{where}: {key!r} is not known; there is {', '.join(known)}{hint}")
    return asked
