"""Refresh the published model: start it, and wait for its end."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from la_pipeline_failure_predict.errors import first_line
from la_pipeline_failure_predict.powerbi.deploy import Deployment
from la_pipeline_failure_predict.powerbi.fabric_rest import POWERBI_SCOPE, Rest

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

RUNNING = ("Unknown", "NotStarted", "InProgress")
POLL_SECONDS = 15.0


@dataclass(frozen=True)
class Refresh:
    """How a refresh of the model stands.

    Attributes
    ----------
    status
        As the service calls it: Completed, Failed, Cancelled, Disabled; or Unknown while it runs.
    reason
        What the service says of a failure.
    """

    status: str
    seconds: float
    reason: str = ""

    @property
    def has_failed(self) -> bool:
        """Whether it ended without new data."""
        return self.status not in ("Completed", *RUNNING)

    def describe(self) -> str:
        """Say it in one sentence."""
        if self.status in RUNNING:
            return f"The refresh runs in the service, after {self.seconds:.0f} s of waiting."
        reason = f": {self.reason}" if self.reason else ""
        return f"The refresh ended as {self.status} after {self.seconds:.0f} s{reason}."


def refresh(
    deployment: Deployment,
    model_id: str,
    credential: "TokenCredential",
    wait_seconds: float = 0,
) -> Refresh:
    """Start a refresh of the published model and wait for its end.

    Parameters
    ----------
    model_id
        Identifier of the model in the workspace.
    wait_seconds
        Longest wait; what still runs then goes on in the service.

    Raises
    ------
    UserError
        If the service does not start it, because one runs already or the day's refreshes are used
        up, for instance.
    """
    rest = Rest(credential, POWERBI_SCOPE)
    workspace_id = deployment.environment.workspace_id
    path = f"/v1.0/myorg/groups/{workspace_id}/datasets/{model_id}/refreshes"
    earlier = _newest(rest, path).get("requestId")
    rest.call("POST", path, {"notifyOption": "NoNotification"})
    started = time.monotonic()
    while (waited := time.monotonic() - started) < wait_seconds:
        time.sleep(min(POLL_SECONDS, wait_seconds - waited))
        newest = _newest(rest, path)
        if newest.get("requestId") != earlier and newest["status"] not in RUNNING:
            seconds = time.monotonic() - started
            return Refresh(newest["status"], seconds, _reason(newest))
    return Refresh("Unknown", waited)


def _newest(rest: Rest, path: str) -> Mapping[str, Any]:
    entries = rest.call("GET", f"{path}?$top=1").json()["value"]
    return entries[0] if entries else {}


def _reason(entry: Mapping[str, Any]) -> str:
    """Return what the service says of a failure: a code, and on some capacities a description."""
    text = entry.get("serviceExceptionJson") or ""
    try:
        fault = json.loads(text)
    except ValueError:
        return first_line(text, 300) if text else ""
    said = (fault.get("errorCode"), fault.get("errorDescription"))
    return ", ".join(first_line(each, 300) for each in said if each)
