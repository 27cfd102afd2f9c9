"""Call the REST interface of Fabric and Power BI as a service principal."""

import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.runlog import notice

if TYPE_CHECKING:
    import requests
    from azure.core.credentials import TokenCredential

log = logging.getLogger(__name__)

PRINCIPAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
FABRIC_SCOPE = "https://api.fabric.microsoft.com/.default"
POWERBI_SCOPE = "https://analysis.windows.net/powerbi/api/.default"
COLORS = re.compile(r"\x1b\[[0-9;]*m")
TRIES = 5
LONGEST_PAUSE_SECONDS = 60
REQUEST_SECONDS = 60


def service_principal() -> "TokenCredential":
    """Return the service principal that the environment names.

    Raises
    ------
    UserError
        If a variable is missing, or the libraries are.
    """
    if missing := [name for name in PRINCIPAL if not os.environ.get(name)]:
        raise UserError(
            f"Set {', '.join(missing)} in the environment or in .env: they name the service "
            "principal that publishes."
        )
    try:
        from azure.identity import ClientSecretCredential
    except ImportError:
        raise _not_installed() from None
    try:
        return ClientSecretCredential(*(os.environ[name] for name in PRINCIPAL))
    except ValueError as error:
        raise UserError(f"The service principal in the environment: {first_line(error)}") from None


class Rest:
    """Calls to the service; one that is throttled is made again when the service says."""

    def __init__(self, credential: "TokenCredential", scope: str) -> None:
        import requests
        from urllib3.util import Retry

        self._root = fabric_cicd().constants.DEFAULT_API_ROOT_URL
        self._session = requests.Session()
        retry = Retry(
            TRIES,
            backoff_factor=1,
            status_forcelist=(429, 503),
            allowed_methods=None,
            raise_on_status=False,
            retry_after_max=LONGEST_PAUSE_SECONDS,
        )
        self._session.mount(self._root, requests.adapters.HTTPAdapter(max_retries=retry))
        self._credential, self._scope = credential, scope

    def call(
        self, method: str, path: str, body: Mapping[str, str] | None = None
    ) -> "requests.Response":
        """Return the service's answer.

        Raises
        ------
        UserError
            If the service cannot be reached, or refuses.
        """
        import requests

        address = self._root + path
        # Each time, because it may expire during the wait for a refresh; until then it is cached.
        headers = {"Authorization": f"Bearer {_token(self._credential, self._scope)}"}
        try:
            answer = self._session.request(
                method, address, json=body, headers=headers, timeout=REQUEST_SECONDS
            )
        except requests.RequestException as error:
            log.debug("no answer", exc_info=error)
            raise UserError(
                f"{self._root} could not be reached: check the network and run the command again."
            ) from error
        log.debug("%s %s: %s", method, address, answer.status_code)
        if answer.ok:
            return answer
        raise UserError(_refusal(answer))


def _refusal(answer: "requests.Response") -> str:
    asked = f"{answer.request.method} {answer.url} was answered with {answer.status_code}"
    advice = {
        401: "the tenant's settings must allow service principals to use Fabric APIs",
        403: "make the service principal a contributor or member of the workspace",
        404: "check workspace_id, and that the service principal is a member of the workspace",
        429: "the service is busy; run the command again later",
    }
    said = _message(answer)
    parts = [asked, advice.get(answer.status_code), f"the service says: {said}" if said else None]
    return "; ".join(part for part in parts if part) + "."


def _message(answer: "requests.Response") -> str:
    """Return what an answer says: Fabric writes it at the top, Power BI under `error`."""
    try:
        content = answer.json()
    except ValueError:
        return ""
    fault = content.get("error", content)
    return first_line(fault.get("message") or fault.get("code") or "", 300).rstrip(".")


def _token(credential: "TokenCredential", scope: str) -> str:
    from azure.core.exceptions import AzureError

    try:
        return credential.get_token(scope).token
    except AzureError as error:
        raise UserError(
            f"Microsoft Entra gave the service principal no token ({first_line(error, 300)}): "
            f"check {', '.join(PRINCIPAL)} and the network."
        ) from error


def fabric_cicd() -> Any:  # noqa: ANN401 - of a package that may not be installed
    """Return the library, logging to our log, without what its import does to the process."""
    hook, level = sys.excepthook, logging.root.level
    try:
        import fabric_cicd
    except ImportError:
        raise _not_installed() from None
    finally:
        sys.excepthook = hook
        logging.root.setLevel(level)
    for name, is_shown in (("fabric_cicd", True), ("azure", False)):
        library = logging.getLogger(name)
        library.handlers = [_Relay(is_shown)]
        library.propagate = False
    return fabric_cicd


class _Relay(logging.Handler):
    """Writes a library's lines to our log, and shows its warnings; an error is raised as well."""

    def __init__(self, is_shown: bool) -> None:
        super().__init__()
        self._is_shown = is_shown

    def emit(self, record: logging.LogRecord) -> None:
        text = COLORS.sub("", record.getMessage()).strip(" #->\n")
        if not text:
            return
        log.log(record.levelno, "%s: %s", record.name, text)
        is_raised = text.startswith("Failed to publish")
        if self._is_shown and record.levelno >= logging.WARNING and not is_raised:
            notice(text)


def _not_installed() -> UserError:
    return UserError(
        'Deploying needs fabric-cicd: pip install "la_pipeline_failure_predict[deploy]".'
    )
