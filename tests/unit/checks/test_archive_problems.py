"""A person is warned of what is missing and of links that lead out, and the backup is trusted no less."""

from dataclasses import replace

from fleetsave.checks import archive_problems
from fleetsave.checks.archive_manifest import ManifestSummary
from fleetsave.model.archives import ArchiveProblem
from fleetsave.model.records import Outcome
from fleetsave.verify import verdict
from tests.fixtures.archive_records import archive_report


def test_a_whole_archive_has_nothing_to_warn_of() -> None:
    (finding,) = archive_problems.check(archive_report(), ManifestSummary())
    assert (finding.outcome, finding.detail) == (Outcome.PASSED, "nothing is missing or torn")


def test_what_is_only_noted_is_no_warning() -> None:
    report = replace(archive_report(), problems={"special": 2, "grew": 1})
    (finding,) = archive_problems.check(report, ManifestSummary())
    assert (finding.outcome, finding.detail) == (Outcome.PASSED, "nothing is missing or torn; noted: 1 grew, 2 special")


def test_a_partial_archive_names_first_what_makes_it_so() -> None:
    named = [ArchiveProblem(f"files/f/{number}", "special", "a socket") for number in range(9)]
    named.append(ArchiveProblem("files/f/\udcff", "unreadable", "no \udcff"))
    report = replace(archive_report(), problems={"special": 20, "unreadable": 1}, named=named)
    (finding,) = archive_problems.check(report, ManifestSummary())
    assert finding.outcome is Outcome.WARNING
    assert finding.detail.startswith(r"partial: 20 special, 1 unreadable: 'files/f/\udcff' unreadable: no \udcff; ")
    assert finding.detail.endswith("; and 16 more, see the manifest")


def test_links_out_are_named_with_what_a_recovery_makes_of_them() -> None:
    summary = ManifestSummary(links_out=["'a' to '/etc'"], links_out_count=7)
    finding = archive_problems.check(archive_report(), summary)[1]
    assert finding.outcome is Outcome.WARNING
    assert finding.detail.startswith(
        "7 symbolic links lead out of their folder: 'a' to '/etc'; and 6 more; a recovery refuses them"
    )


def test_no_warning_has_a_level_that_it_could_break() -> None:
    report = replace(archive_report(), problems={"changed": 1}, named=[ArchiveProblem("files/f/x", "changed", "")])
    findings = archive_problems.check(report, ManifestSummary(links_out=["x"], links_out_count=1))
    assert {finding.level for finding in findings} == {None}
    assert not verdict.has_failed(findings)
