"""Making a cluster's directory: configuration, certificates, kubeconfigs and settings. Every step may be repeated."""

from __future__ import annotations

import datetime
import ipaddress
import os
from dataclasses import replace

from knarr import config as configs
from knarr import files, host, kubeconfig, pki, settings
from knarr.config import ClusterConfig
from knarr.errors import NotRoot, PortTaken, ProfileConflict, ProgramMissing
from knarr.nodes import nodes as all_nodes
from knarr.paths import ClusterPaths, profiles

API_PORT = 6443
KUBELET_PORT = 10250
NATIVE, SIMULATED = "native", "simulated"
IDENTITIES = {"admin": "admin", "controllers": "controllers", "kubelet": "kubelet-client"}
"""kubeconfig -> certificate."""


def choose(
    paths: ClusterPaths,
    *,
    runtime: str | None,
    api_port: int | None = None,
    listen: tuple[str, ...] = (),
    nodes: int | None = None,
) -> ClusterConfig:
    """The cluster's configuration: what cluster.json says, or a new one that collides with nothing on this machine."""
    found = configs.load(paths)
    if found:
        found = kept(found, runtime=runtime, api_port=api_port, listen=listen, nodes=nodes)
        if not host.port_is_free(found.kubelet_port):
            # Nobody but the API server connects there, and it reads the port from the Node: any free one will do.
            found = replace(found, kubelet_port=_free_port(KUBELET_PORT, {found.api_port}, insist=False))
        return found
    wanted = runtime or (NATIVE if os.geteuid() == 0 else SIMULATED)
    others = [c for p in profiles() if p != paths.profile and (c := configs.load(ClusterPaths.of(p)))]
    slot = configs.free_slot((c.slot for c in others), host.routes())
    pod_cidr, service_cidr = configs.cidrs(slot)
    node_ip = str(ipaddress.ip_network(pod_cidr)[1]) if wanted == NATIVE else "127.0.0.1"
    taken = {c.api_port for c in others} | {c.kubelet_port for c in others}
    return ClusterConfig(
        profile=paths.profile,
        runtime=wanted,
        slot=slot,
        node_name=paths.profile,
        node_ip=node_ip,
        pod_cidr=pod_cidr,
        service_cidr=service_cidr,
        api_port=api_port or _free_port(API_PORT, taken, insist=not others),
        kubelet_port=_free_port(KUBELET_PORT, taken, insist=False),
        link_prefix=configs.link_prefix(paths.profile, str(paths.root.parent)),
        # NodePorts of two clusters may be the same number: the first one answers on every address, others on their own.
        node_port_addresses=("0.0.0.0/0",) if not others else (f"{node_ip}/32",),
        listen=listen,
        nodes=nodes or 1,
    )


def check_host(config: ClusterConfig) -> None:
    """Raise what keeps this cluster from starting on this machine."""
    if config.runtime == NATIVE:
        if os.geteuid() != 0:
            raise NotRoot(
                "real containers need root",
                "run it with sudo, or start a cluster that only simulates them: knarr start --runtime simulated",
            )
        missing = host.missing_programs()
        if missing:
            raise ProgramMissing(
                f"the native runtime needs programs that are not on PATH: {', '.join(missing)}",
                f"apt-get install {' '.join(missing)}, or: knarr start --runtime simulated",
            )
    if not host.port_is_free(config.api_port):
        raise PortTaken(
            f"port {config.api_port}, which the API server of {config.profile} listens on, is taken by "
            f"{host.port_owner(config.api_port)}",
            f"stop that process, or choose another port: knarr start -p {config.profile} --port N",
        )


def provision(config: ClusterConfig, paths: ClusterPaths) -> None:
    """Write everything that the programs read. cluster.json comes first: with it the directory has an owner."""
    paths.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Nobody else looks in: keys and Secrets are here, volumes that every user of a pod may write to, and images, whose
    # set-uid programs must not be run outside of a container.
    paths.root.chmod(0o700)
    for folder in ("apiserver", "kubelet", "images", "volumes", "run", "logs"):
        (paths.root / folder).mkdir(exist_ok=True)
    configs.save(paths, config)
    further = all_nodes(config)[1:]
    leaves = pki.leaves(
        node_name=config.node_name,
        node_ip=config.advertise_address,
        api_service_ip=config.api_service_ip,
        listen=config.listen,
    )
    leaves += tuple(leaf for n in further for leaf in pki.node_leaves(n.name, n.ip, suffix=f"-{n.suffix}"))
    pki.ensure(paths.pki, leaves, now=datetime.datetime.now(datetime.UTC))
    for identity, leaf in IDENTITIES.items():
        kubeconfig.write(paths.kubeconfig(identity), kubeconfig_of(config, paths, identity=identity, leaf=leaf))
    for node in further:
        for folder in ("kubelet", "images", "run"):
            (paths.of_node(node.suffix) / folder).mkdir(parents=True, exist_ok=True)
        made = kubeconfig_of(config, paths, identity=node.component, leaf=node.file("kubelet-client"))
        if node.namespace:
            # Loopback is another one in there; the first node's bridge is reached from everywhere.
            made["clusters"][0]["cluster"]["server"] = f"https://{config.advertise_address}:{config.api_port}"
        kubeconfig.write(paths.kubeconfig(node.component), made)
    write_settings(config, paths)


def write_settings(config: ClusterConfig, paths: ClusterPaths) -> None:
    for component, document in settings.documents(config, paths).items():
        files.write_json(paths.settings(component), document)


def kubeconfig_of(config: ClusterConfig, paths: ClusterPaths, *, identity: str = "admin", leaf: str = "admin") -> dict:
    """The kubeconfig of one identity; the person's own entry is admin's, named after the profile."""
    return kubeconfig.document(
        name=config.profile,
        user=config.profile if identity == "admin" else identity,
        server=config.server_url,
        ca=(paths.pki / "ca.crt").read_bytes(),
        certificate=(paths.pki / f"{leaf}.crt").read_bytes(),
        key=(paths.pki / f"{leaf}.key").read_bytes(),
    )


def kept(
    found: ClusterConfig,
    *,
    runtime: str | None,
    api_port: int | None,
    listen: tuple[str, ...] = (),
    nodes: int | None = None,
) -> ClusterConfig:
    """What was chosen once, with the few changes that a later start may ask for."""
    if runtime and runtime != found.runtime:
        raise ProfileConflict(
            f"{found.profile} was made with the {found.runtime} runtime and cannot become {runtime}",
            f"use another profile (-p NAME), or: knarr delete -p {found.profile}",
        )
    if listen and listen != found.listen:
        found = replace(found, listen=listen)
    if api_port and api_port != found.api_port:
        found = replace(found, api_port=api_port)
    if nodes and nodes < found.nodes:
        raise ProfileConflict(
            f"{found.profile} has {found.nodes} nodes, and what runs on them has no other place",
            f"use another profile (-p NAME), or: knarr delete -p {found.profile}",
        )
    if nodes and nodes != found.nodes:
        found = replace(found, nodes=nodes)
    return found


def _free_port(first: int, taken: set[int], *, insist: bool) -> int:
    """``first`` for the machine's first cluster even where somebody listens there: the person is told who, instead of
    finding the API on a port that nobody expects."""
    if insist:
        return first
    for port in range(first, first + 1000):
        if port not in taken and host.port_is_free(port):
            return port
    raise PortTaken(f"no port from {first} to {first + 999} is free", "choose one: --port N")
