"""What pods are run with: the one set of collaborators that workers share, made in ``kubelet.agent``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from apiclient.client import Client
from kubelet.events import Recorder
from kubelet.network.api import Network
from kubelet.pods import documents, downward
from kubelet.pods.documents import Document
from kubelet.references import References
from kubelet.runtime.api import Runtime
from kubelet.settings import Settings
from kubelet.volumes.manager import Volumes

if TYPE_CHECKING:
    from kubelet.pods.images import Images
    from kubelet.pods.probing import Prober
    from kubelet.pods.statuses import Statuses


@dataclass(slots=True)
class Context:
    settings: Settings
    client: Client
    runtime: Runtime
    network: Network
    volumes: Volumes
    references: References
    recorder: Recorder
    images: Images
    statuses: Statuses
    prober: Prober
    now: Callable[[], datetime]
    services: Callable[[], Iterable[Document]]
    """Every Service of the cluster, as far as known."""
    services_synced: Callable[[], Awaitable[object]]
    """Until the first list of Services."""
    taken: Callable[[str], Iterable[Document]]
    """The pods that this node has taken and that haven't finished, without that of a uid."""
    released: Callable[[], None]
    """To be called when a pod needs its resources no longer: others may be waiting for them."""
    refuses: Callable[[Document], tuple[str, str] | None]
    """(reason, message) where the node is in no state to take the pod."""
    node: Callable[[], Document]
    """The Node object, as last seen or made."""
    node_anew: Callable[[], Awaitable[Document]] | None = None
    """The Node object as the API server has it now; the last seen where it doesn't answer."""
    runtime_name: str = ""
    """What container ids are prefixed with: ``crun``."""
    host_ip: str = ""
    memory_capacity: int = 0
    """Bytes of the machine."""

    def facts(self, pod: Document, ips: tuple[str, ...]) -> downward.Facts:
        if documents.host_network(pod):
            ips = (self.host_ip,)
        allocatable = (self.node().get("status") or {}).get("allocatable") or {}
        return downward.Facts(self.host_ip, ips, allocatable)
