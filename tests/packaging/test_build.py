"""What `sam build` makes runs where it is deployed, with nothing but what is in it."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.builds import FOR_AWS, FOR_THIS_PYTHON, PROJECT, Flavour, built
from tests.packaging.deployments import OWN

FUNCTIONS = ("dispatch", "collect", "verify", "prune", "recover", "watchdog", "api")
PYTHON_LAYERS = ("FleetsaveLayer", "DependenciesLayer")
LAYERS = (*PYTHON_LAYERS, "PostgresLayer")
UNZIPPED_LIMIT = 250 << 20
"""Lambda's limit for a function and its layers, unzipped, in bytes."""

MACHINES = {"x86_64": 62, "arm64": 183}
"""e_machine of ELF files (elf.h)."""

BOTH = pytest.mark.parametrize("flavour", [FOR_AWS, FOR_THIS_PYTHON], ids=["for-aws", "for-this-python"])

IMPORT = """
import json, sys
import app
assert callable(app.handler)
files = {name: module.__file__ for name, module in sys.modules.items() if getattr(module, "__file__", None)}
print(json.dumps({"path": sys.path, "files": files}))
"""


def folders(build: Path, function: str) -> list[Path]:
    return [build / f"{function.capitalize()}Function", *(build / layer / "python" for layer in PYTHON_LAYERS)]


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def machine(library: Path) -> int:
    header = library.read_bytes()[:20]
    assert header.startswith(b"\x7fELF"), library
    (found,) = struct.unpack_from("<H", header, 18)
    return int(found)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_built_function_imports_with_its_own_folder_and_its_layers_alone(function: str, tmp_path: Path) -> None:
    own = folders(built(FOR_THIS_PYTHON), function)
    environment = {"PYTHONPATH": ":".join(map(str, own)), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(tmp_path)}
    command = [sys.executable, "-S", "-s", "-P", "-c", IMPORT]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)["files"]
    assert loaded["app"] == str(own[0] / "app.py")
    for package, layer in (("fleetsave", own[1]), ("boto3", own[2]), ("pydantic", own[2])):
        assert Path(loaded[package]).is_relative_to(layer)
    strays = [name for name, file in loaded.items() if ".venv" in file or Path(file).is_relative_to(PROJECT / "layers")]
    assert strays == []


@BOTH
def test_a_function_is_its_one_file(flavour: Flavour) -> None:
    for function in FUNCTIONS:
        folder = folders(built(flavour), function)[0]
        assert [path.name for path in folder.iterdir()] == ["app.py"]
        assert (folder / "app.py").read_bytes() == (PROJECT / "functions" / function / "app.py").read_bytes()


@BOTH
def test_every_library_of_the_layer_is_for_the_machine_it_is_deployed_on(flavour: Flavour) -> None:
    libraries = list((built(flavour) / "DependenciesLayer").rglob("*.so*"))
    assert len(libraries) > 5
    assert {machine(library) for library in libraries} == {MACHINES[flavour.architecture]}
    tag = f"cpython-{flavour.python.replace('.', '')}-"
    versioned = [library.name for library in libraries if ".cpython-" in library.name]
    assert [name for name in versioned if tag not in name] == []


@BOTH
def test_the_layer_says_what_it_was_built_for(flavour: Flavour) -> None:
    mark = (built(flavour) / "DependenciesLayer" / "python" / "built_for").read_text()
    assert mark == f"{flavour.architecture} {flavour.python}\n"


def test_what_is_built_by_default_is_what_is_deployed_by_default() -> None:
    mark = (built(FOR_AWS) / "DependenciesLayer" / "python" / "built_for").read_text().split()
    assert mark == [OWN.value("Architecture"), OWN.value("PythonRuntime").removeprefix("python")]


@BOTH
def test_the_layers_hold_the_domain_code_and_nothing_that_only_a_person_runs(flavour: Flavour) -> None:
    layer = built(flavour) / "FleetsaveLayer"
    assert [path.name for path in layer.iterdir()] == ["python"]
    assert [path.name for path in (layer / "python").iterdir()] == ["fleetsave"]
    source = PROJECT / "layers" / "fleetsave" / "fleetsave"
    wanted = {
        path.relative_to(source)
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.relative_to(source).parts[0] not in {"cli", "local"}
    }
    package = layer / "python" / "fleetsave"
    assert {path.relative_to(package) for path in package.rglob("*") if path.is_file()} == wanted


@BOTH
def test_nothing_compiled_or_cached_is_deployed(flavour: Flavour) -> None:
    for layer in LAYERS:
        assert [path for path in (built(flavour) / layer).rglob("*") if path.suffix == ".pyc" or path.name == "__pycache__"] == []


@BOTH
def test_a_function_and_its_layers_fit_in_lambda(flavour: Flavour, record_property: Callable[[str, object], None]) -> None:
    total = size(built(flavour) / "CollectFunction") + sum(size(built(flavour) / layer) for layer in LAYERS)
    record_property("unzipped_bytes", total)
    assert total < UNZIPPED_LIMIT * 0.6, "two fifths of the limit are kept for what is to come"
