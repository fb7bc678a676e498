"""The published figures of the central PostgreSQL."""

from tests.soak.figure import Figure, Seen


def _is_untouched(seen: Seen) -> bool:
    return not any((seen["objects_appeared"], seen["open_uploads"], seen["programs_left_running"]))


POSTGRES_FIGURES = [
    *(
        Figure(
            what=f"dumps while pgbench writes, format {name}",
            asked="20: counts equal to the snapshot's, all verified",
            name="dumps under pgbench",
            test="test_dumps.py",
            shows=("dumps", "counts_equal", "verified", "transactions_written", "each_dump_later_than_the_one_before"),
            is_met=lambda seen: seen["counts_equal"] == seen["verified"] == seen["dumps"] >= 20,
            where={"format": name},
        )
        for name in ("plain", "custom")
    ),
    Figure(
        what="dumps broken off at random moments",
        asked="50: 0 objects appear, 0 open uploads",
        name="dumps broken off",
        test="test_dumps.py",
        shows=("faults", "objects_appeared", "open_uploads", "programs_left_running", "errors_without_a_reason"),
        is_met=lambda seen: sum(seen["faults"].values()) >= 50 and _is_untouched(seen),
    ),
    Figure(
        what="memory of a dump and its proof, everything they start included",
        asked="stated",
        name="memory of a dump and its proof",
        test="test_dump_memory.py",
        shows=(
            "large_database_bytes",
            "large_text_bytes",
            "dump_peak_megabytes_small",
            "dump_peak_megabytes_large",
            "dump_seconds_large",
            "proof_peak_megabytes_small",
            "proof_peak_megabytes_large",
            "proof_peak_megabytes_large_without_postgresql",
            "proof_seconds_large",
        ),
        is_met=lambda seen: seen["large_database_bytes"] >= 1_000_000_000 and seen["proof_seconds_large"] < 900,
    ),
    *(
        Figure(
            what=f"{damage} in stored dumps, stored as {stored_as}",
            asked="100, 0 accepted",
            name="damage to stored dumps",
            test="test_dump_damage.py",
            shows=("trials", "accepted", "caught_first_by", "restored_without_complaint"),
            is_met=lambda seen: seen["trials"] >= 100 and seen["accepted"] == 0,
            where={"damage": damage, "stored_as": stored_as},
        )
        for damage, stored_as in (
            ("bit flips", "zstd"),
            ("bit flips", "plain"),
            ("bit flips", "custom"),
            ("cuts", "zstd"),
            ("cuts at the end of a row", "plain"),
            ("cuts", "custom"),
        )
    ),
    Figure(
        what="dumps cut at the end of a row before they were hashed",
        asked="100, 0 accepted",
        name="dumps cut before they were hashed",
        test="test_dump_damage.py",
        shows=("trials", "accepted"),
        is_met=lambda seen: seen["trials"] >= 100 and seen["accepted"] == 0,
    ),
    Figure(
        what="`kill -9` during a recovery of PostgreSQL while applications write",
        asked="100: old or new, never closed, nothing left",
        name="kill -9 during a recovery of PostgreSQL",
        test="test_database_recoveries.py",
        shows=("kills", "interrupted_at", "ended", "wrong", "refused_clients", "longest_gap_seconds"),
        is_met=lambda seen: seen["kills"] >= 100 and not seen["wrong"] and seen["refused_clients"] == 0,
    ),
]
