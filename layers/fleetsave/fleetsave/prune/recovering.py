"""Whose backups a recovery needs: those of the servers it restores from and to (docs/decisions/0031)."""

from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.recovery_keys import RecoveryId


class RecoveryWatch:
    """The unfinished recoveries as one listing of them all shows them, and whether another has begun since.

    A stalled recovery counts: it may be taken up again. Raise StoreError if the recoveries cannot be listed, CatalogError if
    they cannot be read: then nobody knows what must stay.
    """

    def __init__(self, recoveries: Recoveries) -> None:
        self._recoveries = recoveries
        self._newest: dict[str, int] = {}
        self._needed_by: dict[str, RecoveryId] = {}
        for listed in recoveries.listed():
            server_id = listed.id.server_id
            self._newest[server_id] = max(listed.id.number, self._newest.get(server_id, 0))
            if not listed.is_finished:
                self._needed_by[server_id] = listed.id
                self._needed_by.setdefault(recoveries.read(listed).request.server_id, listed.id)

    def reason(self, server_id: str) -> str | None:
        """Return why nothing of a server may be deleted by what was listed, None if no recovery needs it."""
        recovery_id = self._needed_by.get(server_id)
        return None if recovery_id is None else f"recovery {recovery_id} is not finished, and may need it"

    def reason_since(self, server_id: str) -> str | None:
        """Return why nothing of a server may be deleted any more, asking by name for the recovery that would be its next.

        Raise StoreError.
        """
        try:
            following = RecoveryId(server_id, self._newest.get(server_id, 0) + 1)
        except InvalidInputError:
            return f"the recoveries of {server_id} have used up their numbers"
        if self._recoveries.has_begun(following):
            return f"recovery {following} has begun since the recoveries were listed, and may need it"
        return None
