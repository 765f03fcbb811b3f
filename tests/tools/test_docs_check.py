"""Each kind of fault is found, at its line, and what is right raises none."""

from pathlib import Path

import pytest

from tools.docs_check import REQUIRED, WHOLE, Repo, check, check_examples, load, main, words
from tools.markdown import Block, anchors, links, parse, slug


def faults(text: str, **others: str) -> list[str]:
    """The faults of docs/page.md with this text, in a small repository."""
    pages = dict.fromkeys(REQUIRED, "") | {"docs/page.md": text} | others
    paths = {".", "docs", "LICENSE", "examples/demo.py", "benchmarks/__main__.py", *pages}
    repo = Repo(
        documents={path: parse(path, page) for path, page in pages.items()},
        paths=frozenset(paths),
        targets=frozenset({"run", "test", "docs-check"}),
        installed=frozenset({"pytest"}),
    )
    return [str(fault) for fault in check(repo)]


@pytest.mark.parametrize(
    "text",
    [
        "[a](../LICENSE) and ![b](../README.md) and [c](page.md)",
        "[a](/LICENSE) [b](<../LICENSE>) [c](../LICENSE 'title')",
        "[a](https://example.org/x.md) [b](mailto:a@example.org) [c](//example.org)",
        "# One way\n[a](#one-way)",
        "`[a](missing.md)` is only an example",
        "```markdown\n[a](missing.md)\n```",
        "`make`, `make test`, `make -j2 run PYTHON=python3.12`, `make docs-check && make run`",
        "`python -m benchmarks`, `python -m pytest -q`, `python examples/demo.py`",
        "one can make tea in prose",
        "```console\n$ X=1 make run\nmake: *** no target, says the output\n```",
        "```python\nmake = 'tea'\n```",
        "`python -c 'import this'` and `don't`",
    ],
)
def test_what_is_right_has_no_faults(text: str) -> None:
    assert faults(text) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("\n[a](gone.md)", "2: link to gone.md: there is no docs/gone.md"),
        ("[a]: gone.md", "1: link to gone.md: there is no docs/gone.md"),
        ("[a](../../LICENSE)", "1: link to ../../LICENSE: there is no ../LICENSE"),
        ("# One\n[a](#two)", "2: link to #two: no heading makes #two"),
        ("[a](../README.md#two)", "1: link to ../README.md#two: no heading makes #two"),
        ("x `make tea`", "1: make tea: the Makefile has no tea"),
        ("```console\n$ make run\n$ make tea\n```", "3: make tea: the Makefile has no tea"),
        ("```sh\nmake run && A=1 make tea\n```", "2: make tea: the Makefile has no tea"),
        ("~~~bash\nmake tea", "2: make tea: the Makefile has no tea"),
        ("`python -m gone.away`", "1: python -m gone.away: no such module"),
        ("`.venv/bin/python3.11 gone.py`", "1: python gone.py: no such file"),
    ],
)
def test_a_fault_is_named_with_its_line(text: str, fault: str) -> None:
    assert faults(text) == [f"docs/page.md:{fault}"]


def test_all_faults_are_reported_at_once_and_in_order() -> None:
    found = faults("`make tea`\n[a](gone.md)", **{"README.md": "[b](#gone)"})

    assert [fault.split(": ")[0] for fault in found] == [
        "README.md:1",
        "docs/page.md:1",
        "docs/page.md:2",
    ]


def test_a_required_document_may_not_be_missing() -> None:
    repo = Repo(documents={}, paths=frozenset({"."}), targets=frozenset())

    assert [fault.path for fault in check(repo)] == sorted(REQUIRED)


def test_the_index_links_every_adr_and_numbers_are_unique() -> None:
    index = {"docs/adr/README.md": "[1](0001-a.md)", "docs/adr/0001-a.md": ""}

    assert faults("", **index) == []
    assert faults("", **index, **{"docs/adr/0002-b.md": ""}) == [
        "docs/adr/README.md:1: does not link docs/adr/0002-b.md"
    ]
    assert faults("", **index, **{"docs/adr/0001-b.md": ""}) == [
        "docs/adr/0001-b.md:1: has the number of docs/adr/0001-a.md",
        "docs/adr/README.md:1: does not link docs/adr/0001-b.md",
    ]
    assert faults("", **{"docs/adr/0001-a.md": ""}) == ["docs/adr/README.md:1: is missing"]


@pytest.mark.parametrize(
    ("title", "anchor"),
    [
        ("Two words", "two-words"),
        ("The `acquire_all` call, *now*!", "the-acquire_all-call-now"),
        ("[A link](x.md) & more", "a-link--more"),
    ],
)
def test_headings_make_the_anchors_that_github_makes(title: str, anchor: str) -> None:
    assert slug(title) == anchor


def test_equal_headings_are_numbered_and_html_anchors_count() -> None:
    page = parse("x.md", '# A\n## A ##\n# A\n```sh\n# B\n```\n<a id="c"></a>')

    assert anchors(page) == {"a", "a-1", "a-2", "c"}


def test_links_are_unquoted() -> None:
    assert list(links(parse("x.md", "[a](a%20b.md#c)"))) == [(1, "a b.md#c")]


def test_a_block_knows_its_language_and_first_line() -> None:
    page = parse("x.md", "text\n```Python\na\n\nb\n```\n````\n```\n````")

    assert page.blocks == (Block("python", 3, ("a", "", "b")), Block("", 8, ("```",)))


def test_words_splits_a_line_into_commands() -> None:
    assert words("A=1 make x | tee 'a b'; make y=1") == [
        ["make", "x"],
        ["tee", "a b"],
        ["make", "y=1"],
    ]


def test_examples_run_each_by_itself_and_show_the_documents_line(tmp_path: Path) -> None:
    blocks = ["a = 1\n", "b = 2\nprint(a)", "x = (", "sys.exit()"]
    text = "# X\n" + "\n".join(f"```python\n{block}\n```" for block in blocks)

    found = check_examples([parse("README.md", text)], tmp_path)

    assert [(fault.line, fault.text) for fault in found] == [
        (8, "the example fails: NameError: name 'a' is not defined"),
        (11, "the example fails: SyntaxError: '(' was never closed"),
        (14, "the example fails: NameError: name 'sys' is not defined"),
    ]


@pytest.mark.parametrize("page", WHOLE)
def test_main_runs_the_examples_of_whole_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], page: str
) -> None:
    (tmp_path / "docs").mkdir()
    for name in REQUIRED:
        (tmp_path / name).write_text("\n")
    (tmp_path / page).write_text("```python\nraise SystemExit('no')\n```\n")
    (tmp_path / "docs" / "client.md").write_text("```python\nraise SystemExit('no')\n```\n")

    assert main(tmp_path) == 1
    assert capsys.readouterr().out.splitlines()[:-1] == [f"{page}:2: the example fails: no"]


def test_main_reads_a_real_tree_and_says_how_it_went(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in REQUIRED:
        (tmp_path / name).write_text("`make go`, [ci](.ci/run), `python -m json.tool`\n")
    (tmp_path / "Makefile").write_text("X := 1\ngo: ## go\n\ttrue\n")
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").touch()
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "deep" / "page.md").write_text("[up](../../README.md)\n")

    assert main(tmp_path) == 0
    assert load(tmp_path).targets == {"go"}

    (tmp_path / "docs" / "deep" / "page.md").write_text("[up](../README.md)\n`python -m no.way`\n")

    assert main(tmp_path) == 1
    assert capsys.readouterr().out.splitlines() == [
        "docs: 4 documents checked, 0 faults",
        "docs/deep/page.md:1: link to ../README.md: there is no docs/README.md",
        "docs/deep/page.md:2: python -m no.way: no such module",
        "docs: 4 documents checked, 2 faults",
    ]
