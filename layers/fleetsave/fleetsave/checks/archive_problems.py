"""What a person should know of an archive that is all it claims to be: what is not in it, and which of its links lead out."""

from fleetsave.archives.names import printable
from fleetsave.checks.archive_manifest import ManifestSummary
from fleetsave.model.archives import PARTIAL_PROBLEMS, ArchiveProblem, ArchiveReport
from fleetsave.model.records import Finding, Outcome

_NAMED = 5


def check(report: ArchiveReport, summary: ManifestSummary) -> list[Finding]:
    """Warn of content that is missing or may be torn, and of links that a recovery refuses; neither speaks against the backup."""
    return [_problems(report), *_links_out(summary)]


def _problems(report: ArchiveReport) -> Finding:
    counts = ", ".join(f"{count} {problem}" for problem, count in sorted(report.problems.items()))
    if not report.is_partial:
        return Finding("archive_problems", Outcome.PASSED, f"nothing is missing or torn{counts and f'; noted: {counts}'}")
    first = sorted(report.named, key=lambda problem: problem.problem not in PARTIAL_PROBLEMS)[:_NAMED]
    more = sum(report.problems.values()) - len(first)
    detail = f"partial: {counts}: {'; '.join(map(_told, first))}{f'; and {more} more, see the manifest' if more > 0 else ''}"
    return Finding("archive_problems", Outcome.WARNING, detail)


def _told(problem: ArchiveProblem) -> str:
    return f"{problem.path[:200]!r} {problem.problem}: {printable(problem.detail)[:200]}"


def _links_out(summary: ManifestSummary) -> list[Finding]:
    if not summary.links_out_count:
        return []
    more = summary.links_out_count - len(summary.links_out)
    detail = (
        f"{summary.links_out_count} symbolic links lead out of their folder: {'; '.join(summary.links_out)}"
        f"{f'; and {more} more' if more else ''}; a recovery refuses them unless the fleet file says links_out"
    )
    return [Finding("links_out", Outcome.WARNING, detail)]
