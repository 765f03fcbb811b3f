"""Checks that what the documents name is real: links, commands, examples, the index of ADRs.

Faults are printed all at once as file:line: text, and the exit status is 1 if there are any.
The checks are pure functions of a Repo; only load, module_exists and run_example touch the world.
"""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tools.markdown import Block, Document, anchors, code_lines, links, parse

REQUIRED = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
ADR_INDEX = "docs/adr/README.md"
WHOLE = ("README.md", "docs/streams.md")  # whose examples are programs that need nothing else
EXAMPLE_TIMEOUT_S = 60

MAKE_RULE = re.compile(r"^(?P<name>[A-Za-z][\w-]*)\s*:(?!=)", re.MULTILINE)
ADR = re.compile(r"^docs/adr/\d{4}-[^/]+\.md$")
PYTHON = re.compile(r"^python(?:3(?:\.\d+)?)?$")


class Fault(NamedTuple):
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Repo:
    documents: dict[str, Document]
    paths: frozenset[str]  # every file and folder, relative to the root, which is "."
    targets: frozenset[str]  # of the Makefile
    installed: frozenset[str] = frozenset()  # modules named by the documents that are importable


def resolve(path: str, target: str) -> str:
    """A link's file relative to the root; a leading slash means the root, as on GitHub.

    >>> resolve("docs/adr/README.md", "../../LICENSE")
    'LICENSE'
    """
    base = "" if target.startswith("/") else str(PurePosixPath(path).parent)
    return os.path.normpath(os.path.join(base, target.lstrip("/")))  # noqa: PTH118


def check_links(document: Document, repo: Repo) -> Iterator[Fault]:
    for number, target in links(document):
        file, _, anchor = target.partition("#")
        path = resolve(document.path, file) if file else document.path
        if path not in repo.paths:
            yield Fault(document.path, number, f"link to {target}: there is no {path}")
        elif anchor and path in repo.documents and anchor not in anchors(repo.documents[path]):
            yield Fault(document.path, number, f"link to {target}: no heading makes #{anchor}")


def words(text: str) -> list[list[str]]:
    """The simple commands of a line, without leading assignments; none if it is not shell."""
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        tokens = list(lexer)
    except ValueError:
        return []
    commands: list[list[str]] = [[]]
    for token in tokens:
        if token in {"&&", "||", ";", "|", "&", "(", ")"}:
            commands.append([])
        elif commands[-1] or not re.match(r"^\w+=", token):
            commands[-1].append(token)
    return [command for command in commands if command]


def commands(document: Document) -> Iterator[tuple[int, str, list[str]]]:
    for line in code_lines(document):
        for program, *arguments in words(line.text):
            yield line.number, PurePosixPath(program).name, arguments


def modules(document: Document) -> Iterator[str]:
    for _, program, arguments in commands(document):
        if PYTHON.match(program) and arguments[:1] == ["-m"] and len(arguments) > 1:
            yield arguments[1]


def check_commands(document: Document, repo: Repo) -> Iterator[Fault]:
    for number, program, arguments in commands(document):
        if program == "make":
            for word in arguments:
                if re.match(r"^[a-z][\w-]*$", word) and word not in repo.targets:
                    yield Fault(document.path, number, f"make {word}: the Makefile has no {word}")
        elif PYTHON.match(program) and arguments:
            first = arguments[0]
            if first == "-m" and len(arguments) > 1 and not is_module(arguments[1], repo):
                yield Fault(document.path, number, f"python -m {arguments[1]}: no such module")
            elif first.endswith(".py") and os.path.normpath(first) not in repo.paths:
                yield Fault(document.path, number, f"python {first}: no such file")


def is_module(name: str, repo: Repo) -> bool:
    path = name.replace(".", "/")
    return name in repo.installed or bool({f"{path}.py", f"{path}/__main__.py"} & repo.paths)


def check_index(repo: Repo) -> Iterator[Fault]:
    """Each ADR is linked in the index, and no two share a number."""
    records = sorted(path for path in repo.paths if ADR.match(path))
    index = repo.documents.get(ADR_INDEX)
    if index is not None:
        linked = {resolve(ADR_INDEX, target.partition("#")[0]) for _, target in links(index)}
        for path in records:
            if path not in linked:
                yield Fault(ADR_INDEX, 1, f"does not link {path}")
    elif records:
        yield Fault(ADR_INDEX, 1, "is missing")
    for before, path in pairwise(records):
        if PurePosixPath(before).name[:4] == PurePosixPath(path).name[:4]:
            yield Fault(path, 1, f"has the number of {before}")


def check(repo: Repo) -> list[Fault]:
    faults = [Fault(path, 1, "is missing") for path in REQUIRED if path not in repo.documents]
    faults.extend(check_index(repo))
    for document in repo.documents.values():
        faults.extend(check_links(document, repo))
        faults.extend(check_commands(document, repo))
    return sorted(faults)


def walk(root: Path) -> Iterator[str]:
    """Every file and folder but what tools keep in hidden folders; .ci is ours."""
    yield "."
    for folder, names, files in os.walk(root):
        names[:] = [n for n in names if n == ".ci" or not n.startswith((".", "__pycache__"))]
        for name in (*names, *files):
            yield (Path(folder) / name).relative_to(root).as_posix()


def module_exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def load(root: Path) -> Repo:
    paths = frozenset(walk(root))
    pages = [path for path in sorted(paths) if re.match(r"^docs/.*\.md$", path)]
    documents = {
        path: parse(path, (root / path).read_text(encoding="utf-8"))
        for path in (*REQUIRED, *pages)
        if path in paths
    }
    makefile = root / "Makefile"
    rules = makefile.read_text(encoding="utf-8") if makefile.exists() else ""
    targets = frozenset(match["name"] for match in MAKE_RULE.finditer(rules))
    named = {name for document in documents.values() for name in modules(document)}
    return Repo(documents, paths, targets, frozenset(filter(module_exists, named)))


def run_example(path: str, block: Block, root: Path) -> Fault | None:
    """Runs one example by itself, padded so that its tracebacks show the document's lines."""
    source = "\n" * (block.number - 1) + "\n".join(block.lines) + "\n"
    launcher = (
        "import sys; code = compile(sys.stdin.read(), sys.argv[1], 'exec'); "
        "exec(code, {'__name__': '__main__'})"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", launcher, path],
            input=source, cwd=root, capture_output=True, text=True, check=False,
            timeout=EXAMPLE_TIMEOUT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Fault(path, block.number, f"the example ran for over {EXAMPLE_TIMEOUT_S} s")
    if done.returncode == 0:
        return None
    lines = re.findall(rf'File "{re.escape(path)}", line (\d+)', done.stderr)
    last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return Fault(path, int(lines[-1]) if lines else block.number, f"the example fails: {last}")


def check_examples(documents: Iterable[Document], root: Path) -> list[Fault]:
    blocks = [(d.path, block) for d in documents for block in d.blocks if block.lang == "python"]
    results = [run_example(path, block, root) for path, block in blocks]
    return [fault for fault in results if fault is not None]


def main(root: Path) -> int:
    repo = load(root)
    whole = [document for path, document in repo.documents.items() if path in WHOLE]
    faults = sorted([*check(repo), *check_examples(whole, root)])
    for fault in faults:
        print(fault)
    print(f"docs: {len(repo.documents)} documents checked, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
