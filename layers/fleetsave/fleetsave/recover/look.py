"""Looking at what a request would replace, before anybody has agreed to it: nothing is written, there or in the store."""

import fleetsave
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import RecoveryRecord, RecoveryRequest, RecoveryState, Survey
from fleetsave.planning.plan import make_plan
from fleetsave.recover.ports import Ports

_NOBODYS_NUMBER = 999_999
"""The number of a recovery that will never be: the last one that there can be."""


def look(request: RecoveryRequest, ports: Ports) -> Survey:
    """Survey the target of a request as the recovery itself would.

    Raise RestoreError or TransportError if it is not fit or cannot be reached, and what `make_plan` raises.
    """
    plan = make_plan(request, ports.fleet, ports.catalog)
    recovery_id, now = RecoveryId(request.target_server_id, _NOBODYS_NUMBER), ports.now()
    told = (str(recovery_id), now, "a look", fleetsave.__version__)
    records = (
        RecoveryRecord(told[0], RecoveryState.REQUESTED, *told[1:], request=request),
        RecoveryRecord(told[0], RecoveryState.SELECTED, *told[1:], plan=plan),
    )
    target = ports.open_target(Recovery(recovery_id, records))
    try:
        return target.restorer.survey()
    finally:
        target.close()
