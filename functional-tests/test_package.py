"""The installed package, as a program that merely imports it sees it."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(program: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_importing_the_package_loads_no_room_and_no_numpy(tmp_path: Path) -> None:
    program = (
        "import sys, framesrv; "
        "print([m for m in sys.modules if m.startswith(('framesrv.', 'numpy'))])"
    )

    assert run(program, tmp_path) == "[]"


def test_a_room_is_loaded_when_it_is_asked_for(tmp_path: Path) -> None:
    program = "import sys, framesrv; framesrv.errors; print('framesrv.errors' in sys.modules)"

    assert run(program, tmp_path) == "True"


def test_an_unknown_name_is_an_attribute_error(tmp_path: Path) -> None:
    program = "import framesrv; print(hasattr(framesrv, 'gone'), 'pool' in dir(framesrv))"

    assert run(program, tmp_path) == "False True"


def test_the_version_is_the_one_in_pyproject(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    version = run("import framesrv; print(framesrv.__version__)", tmp_path)

    assert version == project["project"]["version"]
