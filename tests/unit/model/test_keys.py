"""Keys are built and parsed in one place: what is built parses to itself, and nothing else parses."""

import os
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import (
    CENTRAL_SERVER_ID,
    ArtifactId,
    BackupKey,
    RecordName,
    backup_prefix,
    parse_beside_key,
    parse_id,
    parse_record_key,
)
from fleetsave.model.kinds import Compression, DumpFormat, Kind
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.slots import Slot

EXAMPLES = settings(max_examples=int(os.environ.get("FLEETSAVE_HYPOTHESIS_EXAMPLES", "200")), deadline=None)

KEY = "servers/server_001/database/server_001_20240101_120000_database.db.zst"
_FIRST = "abcxyz0189"
ids = st.builds(str.__add__, st.sampled_from(_FIRST), st.text(alphabet=f"{_FIRST}_-", max_size=62))
slot_like_ids = st.builds(
    "{}_2024010{}_120000{}".format, st.sampled_from(_FIRST), st.integers(1, 9), st.sampled_from(["", "_a", "_"])
)
slots = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001 - bounds are naive
    lambda moment: Slot(moment.replace(microsecond=0))
)
server_kinds = st.sampled_from([kind for kind in Kind if kind is not Kind.POSTGRESQL])
names = ids | slot_like_ids
dumped_names = st.just("postgresql") | names.filter(lambda name: not f"_{name}".endswith("_globals"))
dumped = st.builds(ArtifactId, st.just(CENTRAL_SERVER_ID), st.just(Kind.POSTGRESQL), dumped_names)
artifacts = st.builds(ArtifactId, names.filter(lambda name: name != CENTRAL_SERVER_ID), server_kinds, names) | dumped
recovery_ids = st.builds(RecoveryId, names, st.integers(1, 999_999))
archives = st.builds(BackupKey, dumped, slots, st.just(Compression.NONE), st.just(DumpFormat.CUSTOM))
keys = st.builds(BackupKey, artifacts, slots, st.sampled_from(Compression)) | archives


@given(keys)
@example(
    BackupKey(
        ArtifactId("a_20240101_120000", Kind.DATABASE, "b_20240101_120000_c"), Slot.parse("20240101_120000"), Compression.NONE
    )
)
@EXAMPLES
def test_a_key_parses_to_what_it_was_built_from(key: BackupKey) -> None:
    assert BackupKey.parse(key.text) == key
    assert BackupKey.parse(key.text).text == key.text


@given(keys, st.sampled_from(RecordName))
@EXAMPLES
def test_a_record_key_parses_to_its_backup_and_name(key: BackupKey, record: RecordName) -> None:
    assert parse_record_key(key.record_key(record)) == (key, record)


@given(artifacts)
@EXAMPLES
def test_an_artifact_parses_to_what_it_was_written_from(artifact_id: ArtifactId) -> None:
    assert ArtifactId.parse(str(artifact_id)) == artifact_id


@given(keys, keys)
@EXAMPLES
def test_two_backups_never_share_a_key(one: BackupKey, other: BackupKey) -> None:
    assert (one == other) is (one.text == other.text)


@given(st.text(max_size=120) | st.text(alphabet="servers/cntalpogq_0123456789.dbzt%-\n\0", max_size=120))
@EXAMPLES
def test_any_text_either_is_the_key_of_a_backup_exactly_or_is_refused(text: str) -> None:
    try:
        key = BackupKey.parse(text)
    except InvalidInputError:
        return
    assert key.text == text


@given(keys, st.data())
@EXAMPLES
def test_a_key_with_one_character_changed_is_another_backup_or_refused(key: BackupKey, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(key.text) - 1))
    changed = key.text[:position] + data.draw(st.characters()) + key.text[position + 1 :]
    try:
        parsed = BackupKey.parse(changed)
    except InvalidInputError:
        return
    assert parsed.text == changed
    assert (parsed == key) is (changed == key.text)


def test_the_default_keys_are_those_of_the_documentation() -> None:
    slot = Slot.parse("20240101_120000")
    server = BackupKey(ArtifactId("server_001", Kind.DATABASE, "database"), slot, Compression.ZSTD)
    central = BackupKey(ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, "postgresql"), slot, Compression.NONE)
    files = BackupKey(ArtifactId("server_001", Kind.FILES, "files"), slot, Compression.NONE)
    assert server.text == KEY
    assert central.text == "central/postgresql/postgresql_20240101_120000.sql"
    assert files.text == "servers/server_001/files/server_001_20240101_120000_files.tar"
    assert server.record_key(RecordName.STORED) == f"catalog/{KEY}/stored.json"
    assert server.artifact_id.state_key == "state/server_001/database/database.json"


HOSTILE_KEYS = [
    "",
    "/",
    f"/{KEY}",
    f"{KEY}/",
    f"{KEY}\n",
    f"{KEY}\0",
    f" {KEY}",
    f"{KEY} ",
    f"./{KEY}",
    f"../{KEY}",
    f"s3://bucket/{KEY}",
    KEY.upper(),
    KEY.replace("/", "//", 1),
    KEY.replace("/", "\\"),
    KEY.replace("/", "%2f"),
    KEY.replace("/", "\u2215"),
    KEY.replace("server_001", "..", 1),
    KEY.replace("server_001", ".", 1),
    KEY.replace("server_001", "%2e%2e", 1),
    KEY.replace("server_001", "server_002", 1),
    KEY.replace("server_001/", "server_001/../server_002/", 1),
    KEY.replace("database/", "database/../../server_002/database/"),
    KEY.replace("/database/", "/files/"),
    KEY.replace("/database/", "/postgresql/"),
    KEY.replace("/database/", "/DATABASE/"),
    KEY.replace("server_001", "server\uff0e001"),
    KEY.replace("server_001", "server_\u0661"),
    KEY.replace("20240101", "\u0662\u0660\u0662\u0664\u0660\u0661\u0660\u0661"),
    KEY.replace("20240101", "20240230"),
    KEY.replace("20240101", "2024011"),
    KEY.replace("120000", "240000"),
    KEY.replace("120000", "120060"),
    KEY.replace("_database.db", "_.db"),
    KEY.replace("_database.db", "_-x.db"),
    KEY.replace("_database.db", "_data.base.db"),
    KEY.replace("_database.db", f"_{'a' * 64}.db"),
    KEY.replace("_database.db", ".db"),
    KEY.replace(".db", ".sql"),
    KEY.replace(".db", ".db.zst"),
    KEY.replace(".zst", ".gz"),
    KEY.replace("servers/", "central/"),
    KEY.replace("server_001", "central"),
    f"catalog/{KEY}",
    f"catalog/{KEY}/stored.json",
    "config/fleet.yaml",
    "state/server_001/database/database.json",
    "central/postgresql/postgresql_20240101_120000.sql.zst\n",
    "central/postgresql/../postgresql_20240101_120000.sql",
    "central/database/database_20240101_120000.db",
    "a" * 5000,
]


@pytest.mark.parametrize("text", HOSTILE_KEYS)
def test_a_hostile_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        BackupKey.parse(text)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "text",
    [
        "", "-a", "_a", "A", "a.b", "a/b", "..", "a b", "a\n", "a\0", "\u00e4", "\uff41", "a" * 64, "a%2e", "\u0661",
        "a\u200b", "'; drop",
    ],
)  # fmt: skip
def test_a_hostile_id_is_refused_and_shown_without_steering_the_terminal(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_id(text, "server id")
    assert "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"catalog/{KEY}",
        f"catalog/{KEY}/lost.json",
        f"catalog/{KEY}/stored.jso",
        f"catalog/{KEY}/stored.json\n",
        f"catalog/{KEY}/STORED.json",
        f"catalog/{KEY}/../stored.json",
        f"other/{KEY}/stored.json",
        "catalog/stored.json",
        "catalog//stored.json",
    ],
)
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_record_key(text)


@pytest.mark.parametrize(
    "text", ["", "a", "a/database", "a/database/b/c", "a/other/b", "../database/b", "a/postgresql/postgresql", "a/database/b\n"]
)
def test_what_is_no_artifact_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        ArtifactId.parse(text)


def test_only_the_central_database_is_central() -> None:
    for server_id, kind, artifact in (
        (CENTRAL_SERVER_ID, Kind.DATABASE, "database"),
        ("server_001", Kind.POSTGRESQL, "postgresql"),
        (CENTRAL_SERVER_ID, Kind.POSTGRESQL, "globals"),
        (CENTRAL_SERVER_ID, Kind.POSTGRESQL, "game_globals"),
    ):
        with pytest.raises(InvalidInputError):
            ArtifactId(server_id, kind, artifact)


@given(keys.filter(lambda key: key.artifact_id.kind in (Kind.FILES, Kind.FULL)))
@EXAMPLES
def test_the_key_of_a_manifest_tells_whose_it_is_and_is_never_that_of_a_backup(key: BackupKey) -> None:
    assert key.beside_key is not None
    assert key.beside_key.startswith(backup_prefix(key.artifact_id.server_id, key.artifact_id.kind))
    assert parse_beside_key(key.beside_key) == (key.artifact_id, key.slot)
    assert parse_beside_key(key.text) is None
    with pytest.raises(InvalidInputError):
        BackupKey.parse(key.beside_key)


def test_nothing_stands_beside_a_sqlite_database() -> None:
    assert BackupKey.parse(KEY).beside_key is None
    assert parse_beside_key("servers/server_001/database/server_001_20240101_120000_database.manifest.jsonl.zst") is None


@given(st.builds(BackupKey, dumped, slots, st.sampled_from(Compression)) | archives)
@EXAMPLES
def test_the_key_of_globals_tells_whose_they_are_and_is_never_that_of_a_backup(key: BackupKey) -> None:
    assert key.beside_key is not None
    assert parse_beside_key(key.beside_key) == (key.artifact_id, key.slot)
    assert parse_beside_key(key.text) is None
    with pytest.raises(InvalidInputError):
        BackupKey.parse(key.beside_key)


@pytest.mark.parametrize(
    ("artifact", "dump_format", "compression", "text"),
    [
        ("postgresql", DumpFormat.PLAIN, Compression.NONE, "central/postgresql/postgresql_20240101_120000.sql"),
        ("postgresql", DumpFormat.PLAIN, Compression.ZSTD, "central/postgresql/postgresql_20240101_120000.sql.zst"),
        ("game", DumpFormat.PLAIN, Compression.ZSTD, "central/postgresql/postgresql_20240101_120000_game.sql.zst"),
        ("game", DumpFormat.CUSTOM, Compression.NONE, "central/postgresql/postgresql_20240101_120000_game.dump"),
    ],
)
def test_dumps_have_the_keys_that_are_promised(
    artifact: str, dump_format: DumpFormat, compression: Compression, text: str
) -> None:
    artifact_id = ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, artifact)
    assert BackupKey(artifact_id, Slot.parse("20240101_120000"), compression, dump_format).text == text


def test_only_dumps_have_a_format_of_their_own_and_an_archive_is_compressed_in_itself() -> None:
    slot, dump = Slot.parse("20240101_120000"), ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, "postgresql")
    for artifact_id, compression in (
        (ArtifactId("server_001", Kind.DATABASE, "database"), Compression.NONE),
        (dump, Compression.ZSTD),
    ):
        with pytest.raises(InvalidInputError):
            BackupKey(artifact_id, slot, compression, DumpFormat.CUSTOM)


def test_keys_of_one_artifact_sort_by_their_slots() -> None:
    artifact_id = ArtifactId("server_001", Kind.DATABASE, "database")
    made = [
        BackupKey(artifact_id, Slot.parse(text), Compression.ZSTD)
        for text in ("20240102_000000", "20231231_235959", "20240101_000000")
    ]
    assert [key.slot.text for key in sorted(made)] == ["20231231_235959", "20240101_000000", "20240102_000000"]
