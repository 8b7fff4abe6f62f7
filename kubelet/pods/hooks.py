"""postStart and preStop: exec, httpGet and sleep. Source: pkg/kubelet/lifecycle/handlers.go."""

from __future__ import annotations

import asyncio

from kubelet.pods import documents, probes
from kubelet.pods.documents import Document
from kubelet.runtime.api import Runtime, RuntimeError_

HTTP_SECONDS = 60.0


class HookFailed(Exception):
    """Says everything; events leave it out, since it may hold secrets."""


async def run(hook: Document, pod: Document, container: Document, container_id: str, ip: str, runtime: Runtime) -> None:
    """Raises HookFailed. Takes as long as it takes: whoever calls knows how much grace there is."""
    where = f'for Container "{container["name"]}" in Pod "{documents.describe(pod)}" failed'
    if "exec" in hook:
        command = hook["exec"].get("command") or []
        try:
            result = await runtime.exec_sync(container_id, command, timeout=None)
        except RuntimeError_ as error:
            raise HookFailed(f"Exec lifecycle hook ([{' '.join(command)}]) {where} - error: {error}") from error
        if result.exit_code:
            output = (result.stdout + result.stderr).decode(errors="replace")
            raise HookFailed(
                f"Exec lifecycle hook ([{' '.join(command)}]) {where} - error: command '{' '.join(command)}' exited "
                f'with {result.exit_code}: {output}, message: "{output}"'
            )
    elif "httpGet" in hook:
        await _http(hook["httpGet"], container, ip, where)
    elif "sleep" in hook:
        await asyncio.sleep(hook["sleep"].get("seconds") or 0)
    else:
        raise HookFailed(f"Cannot run handler: invalid handler: {', '.join(hook)}")


async def _http(action: Document, container: Document, ip: str, where: str) -> None:
    prefix = f"HTTP lifecycle hook ({action.get('path', '')}) {where} - error:"
    try:
        answer = await probes.http_get(action, container, pod_ip=ip, timeout=HTTP_SECONDS, agent="lifecycle")
    except ValueError as error:
        raise HookFailed(f"{prefix} {error}") from error
    # Any answer is an answer: upstream looks only at whether one came.
    if not answer.success and not answer.output.startswith("HTTP probe failed"):
        raise HookFailed(f"{prefix} {answer.output}")
