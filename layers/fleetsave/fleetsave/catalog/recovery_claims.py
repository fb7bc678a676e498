"""Requests for one server at the same moment, on a store without conditional writes: at most one of them goes ahead.

Each writes a claim of its own, and then lists the claims. Whoever sees another one refuses itself: of two, the later to write
sees the earlier, and if each sees the other both refuse and may be asked again.
"""

from datetime import timedelta
from secrets import token_hex

from fleetsave.model.recovery_keys import RecoveryId, recovery_claim_key, recovery_claims_prefix
from fleetsave.store.base import ObjectStore

_LASTS = timedelta(minutes=1)
"""A claim that is so much older is of a call that has ended: the API's function may run for half of it."""

_CLAIMED = b"claimed"
_WITHDRAWN = b"withdrawn"


def is_claimed_alone(store: ObjectStore, recovery_id: RecoveryId) -> bool:
    """Claim a server's next recovery, and tell whether nobody else does; if not, the claim is withdrawn. Raise StoreError."""
    own = recovery_claim_key(recovery_id, token_hex(16))
    since = store.put(own, _CLAIMED).last_modified - _LASTS
    others = [info for info in store.list(recovery_claims_prefix(recovery_id)) if info.key != own and info.last_modified >= since]
    if any(info.size == len(_CLAIMED) for info in others):
        store.put(own, _WITHDRAWN)
        return False
    return True
