"""A real OpenSSH server on the loopback address: what stands for a game server on one machine."""

import os
import pwd
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_ssh_private_key

from fleetsave.local.processes import ChildProcess, accepts_connections, free_port
from fleetsave.model.fleet import Ssh

_PRIVILEGE_SEPARATION = Path("/run/sshd")


class SshServer:
    """An sshd with its own host key, client key, configuration and log, all under `directory`; it starts at once.

    Keys found in the directory are used again, so a second server in it, on the same port, is the first one restarted.
    Only the client key opens it, and only to `user` (by default whoever runs this). `sftp_only_root` shuts the account into
    a folder and takes commands away; the folder and all above it must belong to root. `configuration` holds further lines
    of sshd_config, e.g. "RekeyLimit 256M". Raise RuntimeError if sshd is not installed or does not start.
    """

    def __init__(
        self,
        directory: Path,
        *,
        user: str | None = None,
        port: int | None = None,
        sftp_only_root: Path | None = None,
        configuration: Sequence[str] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.user = user or pwd.getpwuid(os.geteuid()).pw_name
        self.port = port or free_port()
        self.log = directory / "sshd.log"
        self._directory = directory.resolve()
        self.host_key_line = _key_pair(self._directory / "host_key")
        public = _key_pair(self._directory / "client_key")
        self.private_key = (self._directory / "client_key").read_text()
        authorized = self._directory / "authorized_keys"
        authorized.write_text(public + "\n")
        authorized.chmod(0o644)
        self._configuration = self._directory / "sshd_config"
        self._configuration.write_text("\n".join([*self._lines(sftp_only_root), *configuration, ""]))
        self._process = self._start()

    def _lines(self, sftp_only_root: Path | None) -> list[str]:
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {_quoted(self._directory / 'host_key')}",
            f"AuthorizedKeysFile {_quoted(self._directory / 'authorized_keys').replace('%', '%%')}",
            f"AllowUsers {self.user}",
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "UseDNS no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "PrintMotd no",
            "LogLevel VERBOSE",
            "MaxStartups 100",
            "Subsystem sftp internal-sftp",
            "SetEnv SHLVL=2",  # keeps bash from the start-up files of whoever runs this
        ]
        if sftp_only_root is not None:
            lines += [f"ChrootDirectory {_quoted(sftp_only_root).replace('%', '%%')}", "ForceCommand internal-sftp"]
        return lines

    def _start(self) -> ChildProcess:
        # sshd starts itself again for each connection, so it must be called by its absolute path.
        program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin:" + os.environ.get("PATH", ""))
        if program is None:
            raise RuntimeError("sshd is not installed: apt-get install openssh-server")
        if os.geteuid() == 0:
            _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        process = ChildProcess("sshd", [program, "-D", "-e", "-f", str(self._configuration)], log=self.log)
        process.wait_until(lambda: accepts_connections(self.port))
        return process

    def ssh_settings(self, key_secret: str = "client-key") -> Ssh:  # noqa: S107 - the name of a secret, not the secret
        """Return the fleet file's `ssh` section for this server; `key_secret` names the secret that holds `private_key`."""
        return Ssh(host="127.0.0.1", port=self.port, user=self.user, host_keys=[self.host_key_line], key_secret=key_secret)

    def stop(self) -> None:
        """End the server, its connections and the commands they run; stopping twice is no error."""
        # Sessions outlive the listener, and belong to nobody once it is gone: find them first.
        sessions = self._sessions()
        self._process.stop()
        _kill(sessions)

    def kill(self) -> None:
        """Kill the server, its connections and the commands they run at once, as a power cut would."""
        sessions = self._sessions()
        self._process.signal(signal.SIGKILL)
        _kill(sessions)
        self._process.stop()

    def drop_connections(self) -> None:
        """Kill every open connection and the commands they run; the server goes on listening."""
        _kill(self._sessions())

    def kill_commands(self, name: str) -> int:
        """Kill what open connections run whose command line names `name`, and return how many that were.

        `sshd` are the connections themselves: what they ran lives on, as it does when a network is cut.
        """
        found = [pid for pid in self._sessions() if name.encode() in _command_line(pid)]
        _kill(found)
        return len(found)

    def _sessions(self) -> list[int]:
        return _descendants(self._process.pid) if self._process.is_running else []

    def __enter__(self) -> "SshServer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()


def _key_pair(path: Path) -> str:
    """Return the public line of an ed25519 key, made now unless the file is there."""
    if path.exists():
        key = load_ssh_private_key(path.read_bytes(), password=None)
        assert isinstance(key, Ed25519PrivateKey)  # noqa: S101 - the file is our own
    else:
        key = Ed25519PrivateKey.generate()
        path.touch(mode=0o600)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _command_line(pid: int) -> bytes:
    with suppress(OSError):  # the process has just ended
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _descendants(ancestor: int) -> list[int]:
    """Return the processes below a process, as /proc has them now."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # the process has just ended
            # The fields after the program's name, which may itself hold spaces and brackets: state, parent, ...
            parents[int(status.parent.name)] = int(status.read_bytes().rpartition(b")")[2].split()[1])
    found = [ancestor]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def _quoted(path: Path) -> str:
    return f'"{path}"'
