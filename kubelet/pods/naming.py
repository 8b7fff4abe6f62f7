"""Names that a pod has and knows: hostname, /etc/hosts, resolv.conf. Source: kubelet_pods.go and network/dns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kubelet.pods import documents
from kubelet.pods.documents import Document

HOSTS_HEADER = "# Kubernetes-managed hosts file.\n"
HOST_NETWORK_HEADER = "# Kubernetes-managed hosts file (host network).\n"
_STATIC = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n"
)
MAX_HOSTNAME = 63
MAX_NAMESERVERS, MAX_SEARCHES, MAX_SEARCH_LENGTH, MAX_DOMAIN = 3, 32, 2048, 253


def hostname_and_domain(pod: Document, cluster_domain: str) -> tuple[str, str]:
    spec = pod["spec"]
    if override := spec.get("hostnameOverride"):
        return _short(override), ""
    domain = ""
    if subdomain := spec.get("subdomain"):
        domain = f"{subdomain}.{documents.namespace_of(pod)}.svc.{cluster_domain}"
    return _short(spec.get("hostname") or documents.name_of(pod)), domain


def sandbox_hostname(pod: Document, cluster_domain: str, node_name: str) -> str:
    """What ``hostname`` says in the pod."""
    if documents.host_network(pod):
        return node_name
    name, domain = hostname_and_domain(pod, cluster_domain)
    return f"{name}.{domain}" if pod["spec"].get("setHostnameAsFQDN") and domain else name


def hosts_file(pod: Document, ips: Iterable[str], cluster_domain: str, host_file: str) -> str:
    """``host_file`` is the node's own, which a pod in the host's network sees."""
    aliases = _aliases(pod["spec"].get("hostAliases") or [])
    if documents.host_network(pod):
        return HOST_NETWORK_HEADER + host_file + aliases
    name, domain = hostname_and_domain(pod, cluster_domain)
    names = f"{name}.{domain}\t{name}" if domain else name
    return HOSTS_HEADER + _STATIC + "".join(f"{ip}\t{names}\n" for ip in ips) + aliases


@dataclass(slots=True)
class Resolver:
    servers: list[str] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)

    def text(self) -> str:
        lines = []
        if self.searches:
            lines.append(f"search {' '.join(self.searches)}")
        lines += [f"nameserver {server}" for server in self.servers]
        if self.options:
            lines.append(f"options {' '.join(self.options)}")
        return "".join(line + "\n" for line in lines)


def parse_resolver(text: str) -> Resolver:
    found = Resolver()
    for words in (line.split() for line in text.splitlines()):
        if len(words) < 2 or words[0][0] in "#;":
            continue
        if words[0] == "nameserver":
            found.servers.append(words[1])
        elif words[0] == "search":
            found.searches = [w.rstrip(".") for w in words[1:] if w != "."]
        elif words[0] == "options":
            found.options = list(_options(found.options, words[1:]))
    return found


def resolver(pod: Document, host: Resolver, cluster_dns: str | None, cluster_domain: str) -> tuple[Resolver, list[str]]:
    """The pod's resolv.conf, and messages of events for what didn't fit (reason DNSConfigForming)."""
    policy = pod["spec"].get("dnsPolicy") or "ClusterFirst"
    found = Resolver(list(host.servers), list(host.searches), list(host.options))
    if policy == "None":
        found = Resolver()
    elif _wants_cluster(pod, policy) and cluster_dns:
        own = [f"{documents.namespace_of(pod)}.svc.{cluster_domain}", f"svc.{cluster_domain}", cluster_domain]
        found = Resolver([cluster_dns], list(dict.fromkeys([*own, *host.searches])), ["ndots:5"])
    if config := pod["spec"].get("dnsConfig"):
        found.servers = list(dict.fromkeys([*found.servers, *(config.get("nameservers") or ())]))
        found.searches = list(dict.fromkeys([*found.searches, *(config.get("searches") or ())]))
        given = [f"{o['name']}:{o['value']}" if o.get("value") else o["name"] for o in config.get("options") or ()]
        found.options = list(_options(found.options, given))
    return found, _fit(found)


def _wants_cluster(pod: Document, policy: str) -> bool:
    return policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not documents.host_network(pod))


def _options(known: Iterable[str], more: Iterable[str]) -> Iterable[str]:
    """One of each name; the last word counts."""
    return {o.partition(":")[0]: o for o in (*known, *more)}.values()


def _fit(found: Resolver) -> list[str]:
    words = []
    if len(found.servers) > MAX_NAMESERVERS:
        found.servers = found.servers[:MAX_NAMESERVERS]
        words.append(
            "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: "
            + " ".join(found.servers)
        )
    kept = [s for s in found.searches[:MAX_SEARCHES] if len(s) <= MAX_DOMAIN]
    while len(" ".join(kept)) > MAX_SEARCH_LENGTH:
        kept.pop()
    if kept != found.searches:
        words.append(
            "Search Line limits were exceeded, some search paths have been omitted, the applied search line is: "
            + " ".join(kept)
        )
    found.searches = kept
    return words


def _aliases(aliases: list[Document]) -> str:
    if not aliases:
        return ""
    lines = (f"{a['ip']}\t{chr(9).join(a.get('hostnames') or ())}\n" for a in aliases)
    return "\n# Entries added by HostAliases.\n" + "".join(lines)


def _short(name: str) -> str:
    return name if len(name) <= MAX_HOSTNAME else name[:MAX_HOSTNAME].rstrip("-.")
