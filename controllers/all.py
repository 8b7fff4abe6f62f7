"""All controllers and all effects, as lists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from controllers import autoscaling, loadbalancers, namespaces, serviceaccounts, tokens
from controllers.certificates import approving, cleaning, signing
from controllers.controller import Controller
from controllers.endpoints import endpoints, mirroring, slices
from controllers.engine import certificates, directories, owners, scales, sweeping
from controllers.engine import tokens as token_effects
from controllers.engine.effects import Perform
from controllers.engine.kinds import Kinds
from controllers.garbagecollection import collector
from controllers.networking import addresses
from controllers.networking import ranges as service_ranges
from controllers.nodes import eviction, lifecycle, ranges
from controllers.scheduling import scheduler
from controllers.settings import Settings
from controllers.upkeep import aggregation, budgets, finished, podgc, quotas, rootca
from controllers.volumes import claims, ephemeral, protection, volumes
from controllers.workloads import cronjobs, daemonsets, deployments, jobs, replicas, statefulsets

ALL: tuple[Controller, ...] = (
    namespaces.CONTROLLER,
    serviceaccounts.CONTROLLER,
    deployments.CONTROLLER,
    replicas.REPLICA_SETS,
    replicas.REPLICATION_CONTROLLERS,
    statefulsets.CONTROLLER,
    jobs.CONTROLLER,
    jobs.ORPHANS,
    cronjobs.CONTROLLER,
    finished.CONTROLLER,
    podgc.CONTROLLER,
    aggregation.CONTROLLER,
    budgets.CONTROLLER,
    budgets.POD_CONTROLLER,
    scheduler.CONTROLLER,
    mirroring.CONTROLLER,
    loadbalancers.CONTROLLER,
    addresses.CONTROLLER,
    eviction.CONTROLLER,
    volumes.CONTROLLER,
    ephemeral.CONTROLLER,
    protection.CLAIM_CONTROLLER,
    protection.VOLUME_CONTROLLER,
    autoscaling.CONTROLLER,
    approving.CONTROLLER,
    cleaning.CONTROLLER,
)
"""Those that need no settings."""


def controllers(settings: Settings, kinds: Kinds) -> tuple[Controller, ...]:
    """All of them. Raises OSError where the CA's file cannot be read."""
    return (
        *ALL,
        daemonsets.controller(),
        quotas.controller(),
        slices.controller(),
        endpoints.controller(),
        rootca.controller(Path(settings.ca_file).read_text()),
        claims.controller(settings.volumes_dir),
        ranges.controller(settings.pod_cidr, settings.node_cidr_mask),
        service_ranges.controller(settings.service_cidr),
        lifecycle.controller(settings.node_monitor_grace_seconds),
        collector.controller(kinds),
        *((signing.CONTROLLER,) if settings.ca_key else ()),
        *((tokens.CONTROLLER,) if settings.service_account_key else ()),
    )


def effects(settings: Settings) -> Mapping[str, Perform]:
    return {
        "sweep_namespace": sweeping.sweep_namespace,
        "look_up_owner": owners.look_up_owner,
        "look_at_scale": scales.look_at_scale,
        **directories.effects(settings.volumes_dir),
        **certificates.effects(settings.ca_file, settings.ca_key),
        **token_effects.effects(settings.ca_file, settings.service_account_key),
    }
