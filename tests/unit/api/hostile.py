"""What an attacker or a mistake may put where an id, a key, a path, a time or a body is asked for; none of it parses."""

from typing import Any

KEY = "servers/server_001/database/server_001_20240101_120000_database.db"
_NAME = "server_001_20240101_120000_database.db"

_DOTS = ("..", ".", "%2e%2e", "%252e%252e", "..%00", "\u2025", "\uff0e\uff0e", "\u2024\u2024", "..;", "\u2024\u2024")
_SLASHES = ("/", "//", "\\", "%2f", "%252f", "%5c", "\u2215", "\u2044", "\uff0f", "\u2215", "..%c0%af")
_CONTROLS = ("\0", "\n", "\r\n", "\t", "\x7f", "\u2028", "\ufeff", "\u200b", "\u202e", "%00", "%0a")

IDS = [
    "", " ", "-server", "_server", "SERVER_001", "Server_001", "server 001", " server_001", "server_001 ", "server.001",
    "server_001.000001", "s\u00e9rver", "\u0455erver_001", "server_\uff10\uff10\uff11", "server_\u0661", "\u017ferver", "K",
    "a" * 64, "a" * 10_000, "*", "?",
    "server_001?", "server_001#", "server_001*", "$(id)", "`id`", "'; DROP TABLE backups; --", "${jndi:ldap://x}", "{{7*7}}",
    "server_001,server_002", "s3://bucket/server_001", "servers/server_001", "state/server_001", "config/fleet.yaml",
    *(f"{dots}/server_001" for dots in _DOTS),
    *(f"server_001{slash}database" for slash in _SLASHES),
    *(f"server_001{control}" for control in _CONTROLS),
]  # fmt: skip

KEYS = [
    "", " ", "/", ".", "..", "*", f"/{KEY}", f"./{KEY}", f"{KEY}/", f" {KEY}", f"{KEY} ", f"{KEY}\n", f"{KEY}\0", f"{KEY}%00",
    f"{KEY}.zst.zst", f"{KEY}.gz", f"{KEY}.ZST", f"{KEY}?versionId=1", f"{KEY}#a", f"{KEY};", KEY.upper(), KEY[:-3],
    KEY.replace("/", "//"), KEY.replace("/", "\\"), KEY.replace("/", "%2f"), KEY.replace("/", "%252F"), KEY.replace("/",
    "\uff0f"),
    KEY.replace("/", "\u2215"), KEY.replace("_", "\uff3f"), KEY.replace("20240101",
    "\uff12\uff10\uff12\uff14\uff10\uff11\uff10\uff11"), KEY.replace("server", "s\u0435rver"),
    KEY.replace("20240101", "20241301"), KEY.replace("20240101", "20230229"), KEY.replace("120000", "246060"),
    KEY.replace("120000", "12000"), KEY.replace("20240101_120000", "newest"), KEY.replace("database.db", "database.sql"),
    KEY.replace("database.db", "database.tar"), KEY.replace("/database/", "/files/"), KEY.replace("/database/", "/other/"),
    KEY.replace("/database/", "/"), KEY.replace("server_001_2024", "server_002_2024"), KEY.replace("server_001_2024", "2024"),
    KEY.replace("servers/server_001/", "servers/server_002/"), KEY.replace("servers/", "central/"), KEY.replace("servers/", ""),
    f"s3://backups/{KEY}", f"s3:/{KEY}", f"https://backups.s3.amazonaws.com/{KEY}", f"file:///{KEY}", f"arn:aws:s3:::b/{KEY}",
    f"catalog/{KEY}", f"catalog/{KEY}/stored.json", f"catalog/{KEY}.zst/verified.json", f"state/{KEY}", f"config/{KEY}",
    "config/fleet.yaml", "state/server_001/recovery.json", "recoveries/server_001.000001/001-requested.json",
    f"recoveries/idempotency/{'0' * 64}.json", "central/postgresql/postgresql_20240101_120000.db", "servers/",
    "servers/server_001/",
    f"servers/server_001/database/../../../{KEY}", f"servers/server_001/database/./{_NAME}", f"servers/../{KEY}",
    f"servers/server_001/database/..%2f{_NAME}", f"servers/%2e%2e/{_NAME}", f"servers/server_001/database/%2e%2e/{_NAME}",
    f"servers/server_001/../server_002/database/{_NAME}", f"servers//server_001/database/{_NAME}",
    "/etc/passwd", "../../../../etc/passwd", "..\\..\\..\\windows\\win.ini", "C:\\game\\world.db", "~/world.db", "-rf", "$(id)",
    "`id`", "|id", "'; DROP TABLE backups; --", "<script>", "{{7*7}}", "${jndi:ldap://x}", "a" * 401, f"servers/{'a' * 5_000}.db",
    *(f"servers/server_001/database/{dots}/{_NAME}" for dots in _DOTS),
    *(KEY.replace("_120000", f"{control}_120000") for control in _CONTROLS),
]  # fmt: skip

PATHS = [
    "", " ", ".", "..", "/", "//", "world.db", "./world.db", "../world.db", "~/world.db", "srv/game/world.db", "/srv/game/",
    "//srv/game/world.db", "/srv//game/world.db", "/srv/game/./world.db", "/srv/game/../game/world.db", "/srv/game/..",
    "/srv/game/../../etc/shadow", "/../etc/shadow", "/./etc/shadow", "/srv/game/world.db/", "C:\\srv\\world.db",
    "\\\\host\\share",
    "file:///srv/game/world.db", "s3://bucket/world.db", "server_001:/srv/game/world.db", "%2fsrv%2fgame%2fworld.db",
    "/srv/game/" + "a" * 4_090, "/" + "\u00e9" * 2_100, " /srv/game/world.db",
    *(f"/srv/game/world{control}.db" for control in ("\0", "\n", "\r", "\t", "\x1b[2J", "\x7f")),
]  # fmt: skip

PATHS_NOT_ALLOWED = [
    "/etc/shadow", "/etc/cron.d/x", "/root/.ssh/authorized_keys", "/srv/world.db", "/srv/game2/world.db", "/srv/gam/world.db",
    "/proc/self/mem", "/dev/sda", "/var/lib/game/world.db", "/srv/%2e%2e/etc/shadow", "/srv/\uff0e\uff0e/etc/shadow",
    "/srv\uff0fgame\uff0fworld.db",
    "/srv/\u2024\u2024/x", "/srv/game\\world.db", "/Srv/game/world.db", "/$(id)", "/srv/*", "/" + "a" * 300, "/srv/game",
]  # fmt: skip

RECOVERY_IDS = [
    "server_001", "server_001.1", "server_001.0000001", "server_001.00000a", "server_001.000000", "server_001.-00001", ".000001",
    "SERVER_001.000001", "server_001.000001.json", "server_001,000001", "server_001.\uff10\uff10\uff10\uff10\uff10\uff11",
    "..%2fidempotency", "%2e%2e",
    "server_001.000001%00", "server_001.000001\n", "server_001.000001 ", " server_001.000001", "a" * 64 + ".000001", "*",
    "idempotency",
    "server_001.000001;x", "s\u00e9rver.000001", "server_001\u2024000001", "server_001.000001\0", '"', "#", "?", "\\..\\",
    "\u202e.000001",
]  # fmt: skip

MOMENTS: list[Any] = [
    "", "now", "yesterday", "2024-01-01", "20240101_120000", "20240101T120000Z", "2024-01-01T12:00:00", "2024-01-01 12:00:00Z",
    "2024-01-01T12:00Z", "2024-01-01T24:00:01Z", "2024-02-30T12:00:00Z", "2024-13-01T12:00:00Z", "2024-01-01T12:00:00+25:00",
    "2024-01-01T12:00:00 00:00", "2024-01-01T12:00:00+0100", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "\u0662\u0660\u0662\u0664-01-01T12:00:00Z", "2024-01-01T12:00:00Z\n", "1704110400", "-2024-01-01T12:00:00Z",
    "2024-01-01T12:00:00Zulu",
]  # fmt: skip

CURSORS = [
    "0", "a", "_", "-", "====", "server_001", "c2VydmVyXzAwMg", "Li4vLi4vY29uZmlnL2ZsZWV0LnlhbWw", "AAAA", "_____w", "%00", "'",
    "c2VydmVyXzAwMi4wMDAwMDE", "a" * 601, "\u00e9",
    "c2VydmVycy9zZXJ2ZXJfMDAyL2RhdGFiYXNlL3NlcnZlcl8wMDJfMjAyNDAxMDFfMTIwMDAwX2RhdGFiYXNlLmRi",
]  # fmt: skip

_WHOLE = {"server_id": "server_001", "backup_type": "database"}
_FLAGS = ("dry_run", "allow_unverified", "allow_schema_change")
_NO_FLAG: tuple[Any, ...] = ("true", "false", 1, 0, "yes", None, [])
_NO_TEXT: tuple[Any, ...] = (1, True, [], {}, ["server_001"], {"id": "server_001"})
_NO_TARGETS: tuple[Any, ...] = (
    "/srv/x", [], 1, {"paths": "/srv/x"}, {"allow_other_server": "true"}, {"server_id": 1}, {"path": 1}
)  # fmt: skip
BODIES: list[Any] = [
    None,
    0,
    1.5,
    "",
    "server_001",
    True,
    [],
    [{}],
    [{"server_id": "server_001", "backup_type": "database"}],
    {},
    {"server_id": "server_001"},
    {"backup_type": "database"},
    {"server_id": None, "backup_type": "database"},
    *({"server_id": wrong, "backup_type": "database"} for wrong in _NO_TEXT),
    *({**_WHOLE, "backup_type": wrong} for wrong in ("", "Database", "sqlite", "*", *_NO_TEXT)),
    *({**_WHOLE, name: "x"} for name in ("force", "Server_id", "__proto__", "")),
    *({**_WHOLE, name: wrong} for name in _FLAGS for wrong in _NO_FLAG),
    *({**_WHOLE, "target": wrong} for wrong in _NO_TARGETS),
    *({**_WHOLE, "at": wrong} for wrong in (0, 1704110400, 1.5, *_NO_TEXT)),
    {"server_id": "server_001", "backup_type": "database", "backup_key": KEY, "at": "2024-01-01T12:00:00Z"},
    {"server_id": "server_001", "backup_type": "database", "backup_key": KEY, "artifact": "database"},
    {"server_id": "server_001", "backup_type": "database", "x" * 5_000: 1},
]

TEXTS = [
    "{", "}", "nul", "{'server_id': 'server_001'}", '{"server_id": "server_001",}', '{"a": NaN}', '{"a": Infinity}', "\ufeff{}",
    '{"server_id": "server_001", "server_id": "server_002", "backup_type": "database"}', '{"dry_run": true, "dry_run": false}',
    "[" * 100_000, '{"a":' * 20_000, '{"a": ' + "9" * 5_000 + "}", '{"a": "\x01"}', "{}{}", "server_id=server_001", "<a/>", "\0",
]  # fmt: skip
