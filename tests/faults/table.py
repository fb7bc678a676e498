"""The faults that are injected: what each is, and what must come of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One row of the score; `trials` are those of a long run, a short one makes at most SHORT_TRIALS of them."""

    number: int
    what: str
    must: str
    trials: int


FAULTS = {
    fault.number: fault
    for fault in (
        Fault(1, "the SSH connection is cut at a random byte", "the run fails, nothing is stored, a retry succeeds", 1000),
        Fault(2, "the SSH connection falls silent without ending", "both ends give up in time, the read lock is let go", 100),
        Fault(3, "the server's disk is full", "captured without room on the disk, nothing left, source untouched", 100),
        Fault(4, "the server's host key is unknown or has changed", "refused before any login", 100),
        Fault(5, "the database is locked, its holder stopped", "refused as locked within its limit, a retry succeeds", 100),
        Fault(6, "the writer was killed, a hot journal or a -wal is left", "no acknowledged commit lost, source unchanged", 200),
        Fault(7, "the game writes at full speed", "every capture whole, and as new as its beginning", 1000),
        Fault(8, "a capture that copies the live file", "verify refuses it, unless it is whole", 500),
        Fault(9, "the store answers 500 and 503, now and then up to always", "retried, then failed; nothing left open", 1000),
        Fault(10, "the store's answer is lost after it did its work", "done again without harm", 500),
        Fault(11, "the store lies: ETags, 200 without storing, other bytes", "never verified", 1000),
        Fault(12, "a bit of a stored object flips", "rejected when read again, recovery offers another", 1000),
        Fault(13, "a stored object is cut or empty", "rejected", 1000),
        Fault(14, "an object vanishes", "told as missing, recovery offers another", 100),
        Fault(15, "events come many times", "one record, one verdict", 10_000),
        Fault(16, "events come in any order", "the catalog is the same as in order", 10_000),
        Fault(17, "an event is lost", "the watchdog has the backup verified", 1000),
        Fault(18, "the function's time is up in the middle of an upload", "handed on, or aborted and done again", 300),
        Fault(
            19, "a crash between any two calls of backup, verify, prune or recover", "the next run or the watchdog mends it", 300
        ),
        Fault(20, "clocks of function or server are wrong", "keys keep their order, nothing young is deleted", 200),
        Fault(21, "prune runs with a wrong clock", "it refuses, the newest verified backup stays", 1000),
        Fault(22, "the newest backups are all corrupt", "the last verified one stays, pruning waits", 1000),
        Fault(23, "a listing is empty, cut or lacks a page", "nothing is deleted by it", 500),
        Fault(24, "prune and a recovery race", "what the recovery needs stays", 1000),
        Fault(25, "prune is killed half-way", "the next run finishes, every record is there", 300),
        Fault(26, "ids, keys and paths are hostile", "refused before any I/O", 1000),
        Fault(27, "archives are hostile", "rejected, nothing written outside", 150),
        Fault(28, "file names are hostile", "stored and restored byte for byte, no shell", 1300),
        Fault(29, "secrets are in reach of every error", "none in logs, records, events, answers", 100),
        Fault(30, "a restore is interrupted", "old or new, never mixed; what was there is kept", 1000),
        Fault(31, "a restore while the game writes", "whole, no write fails", 200),
        Fault(32, "another server's, kind's or schema's backup is asked for", "refused unless confirmed", 100),
        Fault(33, "encrypted, foreign, empty or odd files stand for databases", "refused with the reason", 100),
        Fault(34, "schedules overlap and are delivered twice", "one run per server, one backup per slot", 1000),
        Fault(35, "messages are poisoned", "set aside for a person, the others go on", 500),
        Fault(37, "the server lies: garbage, endless streams, false sizes", "cut off, nothing stored or not verified", 100),
        Fault(38, "a dump is cut, pg_dump fails after its output", "no object, or rejected", 200),
    )
}
"""Every row of the table but 36, which is about deltas on the wire: nothing of that kind is built."""
