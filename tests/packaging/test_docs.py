"""The documentation is true: its links lead somewhere, its commands exist, its map has every room."""

import re
from pathlib import Path

import pytest

from fleetsave.settings import Settings, variable
from tests.packaging.deployments import PROJECT

PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])
PACKAGE = PROJECT / "layers" / "fleetsave" / "fleetsave"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        name, _, heading = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), f"{page.name} links to {target}"
        if heading:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            assert heading in {slug(text) for text in headings}, f"{page.name} links to {target}"


def slug(heading: str) -> str:
    """Return a heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_make_target_named_is_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text()
    blocks = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    named = set(re.findall(r"`make ([a-z]+)", text)) | set(re.findall(r"^\s*make ([a-z]+)", blocks, re.MULTILINE))
    assert named <= targets


def test_continuous_integration_runs_the_readmes_commands_and_no_others() -> None:
    lines = (PROJECT / ".ci" / "run").read_text().splitlines()
    assert [line for line in lines if line.startswith("make")] == ["make check", "make test", "make build"]


def test_every_room_is_on_the_map() -> None:
    text = (PROJECT / "ARCHITECTURE.md").read_text()
    rooms = [path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    assert [room for room in rooms if f"`{room}`" not in text and room != "__init__"] == []


def test_no_python_file_of_the_code_is_longer_than_three_hundred_lines() -> None:
    files = [*PACKAGE.rglob("*.py"), *(PROJECT / "functions").rglob("*.py")]
    assert [str(file) for file in files if len(file.read_text().splitlines()) > 300] == []


def test_every_setting_is_documented_as_the_code_describes_it() -> None:
    text = (PROJECT / "docs" / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        assert f"| `{variable(name)}` | {field.description} |" in text
