"""The published figures of archives of folders."""

from tests.soak.figure import Figure

ARCHIVE_FIGURES = [
    Figure(
        what="a folder of every kind of file and 50,000 names, archived over SSH and unpacked by GNU tar and by Python",
        asked="0 of its entries different",
        name="a folder of everything",
        test="test_trees.py",
        shows=("entries", "archive_bytes", "different_by_gnu_tar", "different_by_python", "server_seconds"),
        is_met=lambda seen: seen["entries"] >= 50_000 and seen["different_by_gnu_tar"] == seen["different_by_python"] == 0,
    ),
    Figure(
        what="archives of files that are written, grow, shrink and vanish meanwhile",
        asked="100 of 100 readable, every file that was not at rest named",
        name="archives of files that never rest",
        test="test_trees.py",
        shows=("archives", "readable", "with_unnamed_lies", "changed", "grew", "shrunk", "vanished"),
        is_met=lambda seen: seen["readable"] == seen["archives"] >= 100 and seen["with_unnamed_lies"] == 0,
    ),
    Figure(
        what="memory of an archive, on the server and on our side, for 64 MB and 4 GB of files",
        asked="under 100 MB and 200 MB, differences under 30 MB, nothing left in /tmp",
        name="memory of an archive",
        test="test_trees.py",
        shows=(
            "script_peak_megabytes_small",
            "script_peak_megabytes_large",
            "client_peak_megabytes_small",
            "client_peak_megabytes_large",
            "seconds_large",
            "left_in_tmp",
        ),
        is_met=lambda seen: (
            seen["script_peak_megabytes_large"] < 100
            and seen["client_peak_megabytes_large"] < 200
            and seen["script_peak_megabytes_large"] - seen["script_peak_megabytes_small"] < 30
            and seen["client_peak_megabytes_large"] - seen["client_peak_megabytes_small"] < 30
            and not seen["left_in_tmp"]
        ),
        where={"large_megabytes": 4096},
    ),
    Figure(
        what="that folder, restored over SSH into the place of another, and rolled back",
        asked="0 of its entries different, owners and times too",
        name="restores of a folder of everything",
        test="test_tree_restores.py",
        shows=(
            "entries",
            "different",
            "different_after_the_roll_back",
            "seconds_to_send",
            "seconds_to_unpack_and_check",
            "seconds_of_the_swap",
        ),
        is_met=lambda seen: seen["entries"] >= 50_000 and seen["different"] == seen["different_after_the_roll_back"] == 0,
    ),
    *(
        Figure(
            what=f"restores of {what}, the script and the SSH session killed at random moments",
            asked="the old state or the new one whole, 0 mixed or lost",
            name="killed restores of folders",
            test="test_tree_restores.py",
            shows=("kills", "restores", "roll_backs", "mixed_or_lost"),
            is_met=lambda seen: seen["kills"] >= 30 and seen["mixed_or_lost"] == 0,
            where={"is_chosen": is_chosen},
        )
        for what, is_chosen in (("whole folders", False), ("chosen files", True))
    ),
]
