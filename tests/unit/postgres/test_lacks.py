"""PostgreSQL's words tell what is lacking here, what is wrong with this machine, and what is wrong with a dump."""

import pytest

from fleetsave.postgres.lacks import classify, depends_on_order, has_crashed, is_disk_full

LACKING = {
    'psql:<stdin>:20: ERROR:  extension "postgis" is not available\nDETAIL:  Could not open extension control file '
    '"/opt/postgresql/share/extension/postgis.control": No such file or directory.': "extension postgis is not installed here",
    'ERROR:  could not open extension control file "/usr/share/postgresql/14/extension/timescaledb.control": No such file': (
        "extension timescaledb is not installed here"
    ),
    "ERROR:  pg_cron can only be loaded via shared_preload_libraries": "extension pg_cron has to be loaded at the start",
    'ERROR:  unrecognized configuration parameter "timescaledb.restoring"': "extension timescaledb is not loaded here",
    'pg_restore: error: could not execute query: ERROR:  could not access file "$libdir/postgis-3": No such file or directory': (
        "library $libdir/postgis-3 is not installed here"
    ),
    'ERROR:  language "plpython3u" does not exist\nHINT:  Use CREATE EXTENSION to load the language into the database.': (
        "language plpython3u is not installed here"
    ),
    "ERROR:  ICU is not supported in this build": "collations of ICU are not supported here",
    'ERROR:  collation "pg_catalog.de-x-icu" for encoding "UTF8" does not exist': (
        "collation pg_catalog.de-x-icu is not known here"
    ),
    'ERROR:  could not create locale "xx_YY.utf8": No such file or directory': "locale xx_YY.utf8 is not known here",
    'ERROR:  time zone "Europe/Berlin" not recognized': "time zone Europe/Berlin is not known here",
    'ERROR:  invalid value for parameter "TimeZone": "Europe/Berlin"': "time zone Europe/Berlin is not known here",
    'ERROR:  could not connect to server "other"\nDETAIL:  connection to server at "10.0.0.7", port 5432 failed': (
        "server other cannot be reached from here"
    ),
    "ERROR:  could not establish connection\nDETAIL:  connection to server on socket failed": (
        "a connection of the source's to another server cannot be made here"
    ),
    'ERROR:  could not open file "/srv/prices.csv" for reading: No such file or directory': (
        "file /srv/prices.csv of the source's server is not here"
    ),
    'ERROR:  tablespace "fast" does not exist': "tablespace fast is not here",
    'ERROR:  access method "columnar" does not exist': "access method columnar is not installed here",
    'ERROR:  could not open dictionary file "/opt/postgresql/share/tsearch_data/de.dict": No such file or directory': (
        "text search file de.dict is not here"
    ),
    'ERROR:  could not open stop-word file "/opt/postgresql/share/tsearch_data/my.stop": No such file or directory': (
        "text search file my.stop is not here"
    ),
    "ERROR:  invalid input syntax for type money: \"1,00 €\"": "amounts of type money are written the way of another lc_monetary",
}  # fmt: skip


@pytest.mark.parametrize("words", sorted(LACKING))
def test_what_is_lacking_is_named(words: str) -> None:
    assert str(classify(words)) == LACKING[words]


def test_the_first_of_several_errors_counts() -> None:
    words = 'ERROR:  extension "postgis" is not available\nERROR:  language "plr" does not exist'
    assert str(classify(words)) == "extension postgis is not installed here"


@pytest.mark.parametrize(
    "words",
    [
        "",
        'ERROR:  duplicate key value violates unique constraint "players_pkey"',
        'ERROR:  insert or update on table "items" violates foreign key constraint "owner"',
        'ERROR:  relation "public.players" does not exist',
        'ERROR:  role "nobody_there" does not exist',
        "pg_restore: error: could not read from input file: end of file",
        'ERROR:  syntax error at or near "x"',
        'ERROR:  function public.st_area(integer) does not exist',
    ],
)  # fmt: skip
def test_everything_else_is_held_against_the_dump(words: str) -> None:
    assert classify(words) is None
    assert not is_disk_full(words)
    assert not has_crashed(words)
    assert not depends_on_order(words)


def test_a_full_disk_and_a_server_that_was_ended_are_told_apart() -> None:
    full = 'ERROR:  could not extend file "base/16384/16385": No space left on device'
    assert (is_disk_full(full), has_crashed(full)) == (True, False)
    for ended in (
        "server closed the connection unexpectedly",
        "FATAL:  terminating connection due to administrator command",
        "ERROR:  out of memory",
        "ERROR:  out of shared memory\nHINT:  You might need to increase \"max_locks_per_transaction\".",
    ):  # fmt: skip
        assert (is_disk_full(ended), has_crashed(ended)) == (False, True)


def test_what_an_order_of_texts_may_bring_about_is_known() -> None:
    assert depends_on_order('ERROR:  new row for relation "a" violates check constraint "a_name_check"')
    assert depends_on_order('ERROR:  new row for relation "p1" violates partition constraint')
