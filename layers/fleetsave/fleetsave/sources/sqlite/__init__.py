"""SQLite databases that are being written while they are captured; `source` is the door."""
