"""The examples of the OpenAPI document; a test asks each of a real handler."""

from typing import Any

from fleetsave.api.requests import MISSION_BODY

Examples = dict[str, dict[str, Any]]

REQUESTS: dict[str, Examples] = {
    "recover": {
        "named": {"summary": "one backup, named with or without .zst", "value": MISSION_BODY},
        "newest": {
            "summary": "the newest verified backup",
            "value": {"server_id": "server_001", "backup_type": "database"},
        },
        "until": {
            "summary": "the newest verified backup not later than a time",
            "value": {"server_id": "server_001", "backup_type": "database", "at": "2024-01-01T12:30:00Z"},
        },
        "dry_run": {"summary": "only say what would be done", "value": {**MISSION_BODY, "dry_run": True}},
        "beside": {
            "summary": "to another path",
            "value": {
                "server_id": "server_001", "backup_type": "database", "target": {"path": "/srv/game/world-as-it-was.db"}
            },
        },
        "elsewhere": {
            "summary": "to another server",
            "value": {
                "server_id": "server_001", "backup_type": "database",
                "target": {"server_id": "server_002", "allow_other_server": True},
            },
        },
        "postgresql": {
            "summary": "the newest verified backup of the central PostgreSQL",
            "value": {"server_id": "central", "backup_type": "postgresql"},
        },
        "postgresql_beside": {
            "summary": "a PostgreSQL database to a new name",
            "value": {
                "server_id": "central", "backup_type": "postgresql",
                "backup_key": "central/postgresql/postgresql_20240101_120000.sql",
                "target": {"path": "game_as_it_was"},
            },
        },
    },
}  # fmt: skip

PARAMETERS = {
    "server_id": "server_001",
    "recovery_id": "server_001.000001",
    "Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324",
    "type": "database",
    "from": "2024-01-01T00:00:00Z",
    "to": "2024-01-31T23:59:59Z",
    "verified": "true",
    "max_age": "2h",
}
