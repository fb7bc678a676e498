"""Writes docs/permissions.md: `python -m tests.end_to_end.permissions_page`; `test_roles.py` holds it to what the stack does."""

from pathlib import Path

from tests.end_to_end.permissions import ACTIONS, ALLOWED, ROLES

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
YES = "●"

_TOP = """# Who may do what

Each function has a role of its own ([decision 10](decisions/0010-roles-are-written-out.md)). This table is tried out: with every
policy of the template enforced, a test takes on each role and does each of these things (`tests/end_to_end/test_roles.py`, on the
[local stack](local-stack.md) with a bucket of its own), and what was not denied must be what is shown here. The statements
themselves are held, action by action and resource by resource, to a second table in `tests/packaging/test_permissions.py`.

Nobody replaces or destroys anything: the bucket's policy refuses it, whoever asks
([decision 65](decisions/0065-written-once-deleted-by-prune.md)). The watchdog, which sees everything, has no key of a server,
deletes nothing, and writes nothing but its own state, which no other function can write.

"""
_END = """
Why everybody may list all names: a role that may not list is told `403` of an object that is not there, where it must hear `404`.
A condition on the prefix cannot tell that question from a listing without one. Names alone are shown, and they hold no secret.

The scheduler's role sends messages to the queues of dispatch, prune and watchdog, and to the dead-letter queue of schedules;
nothing else. With a [store](stores.md) that is not Amazon's, its one key is all that can be given: every function has it, and
none has any right on S3 by its role.

Made by `python -m tests.end_to_end.permissions_page`.
"""


def page() -> str:
    """Return the page as the table has it."""
    head = "| | " + " | ".join(role.removesuffix("Role").lower() for role in ROLES) + " |"
    rows = [f"| {action} | " + " | ".join(YES if action in ALLOWED[role] else "" for role in ROLES) + " |" for action in ACTIONS]
    return "\n".join([_TOP + head, "|---|" + ":-:|" * len(ROLES), *rows]) + "\n" + _END


def shown(role: str) -> set[str]:
    """Return what the page that is there says a role may do."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    column = rows[0].index(role.removesuffix("Role").lower())
    return {row[0] for row in rows[1:] if row[column] == YES}


if __name__ == "__main__":
    PAGE.write_text(page())
