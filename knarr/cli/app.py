"""The command line: one Typer application whose commands import what they need when they run."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

import typer

from apimachinery.version import GIT_VERSION
from knarr.cli import image, service
from knarr.cli.output import Format, Progress, fail, write, write_json
from knarr.errors import KnarrError, Usage
from knarr.nodes import MOST
from knarr.paths import DEFAULT_PROFILE

app = typer.Typer(
    name="knarr",
    help="A Kubernetes v1.36 cluster on this machine, in a second.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(image.app, name="image")
app.command("service")(service.command)

_UsageError: Any = typer.BadParameter.__base__
"""Where Typer keeps it is not public, but what BadParameter is, is."""

Profile = Annotated[str, typer.Option("-p", "--profile", help="Name of the cluster.", envvar="KNARR_PROFILE")]
Output = Annotated[Format, typer.Option("-o", "--output", help="text, or json for programs.")]


@app.command()
def start(
    profile: Profile = DEFAULT_PROFILE,
    runtime: Annotated[str | None, typer.Option(help="native (real containers, needs root) or simulated.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="For node and controllers too.")] = True,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = 60.0,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="TCP port of the API server.")] = None,
    listen: Annotated[list[str] | None, typer.Option(help="A further address of the API server.")] = None,
    nodes: Annotated[int | None, typer.Option(min=1, max=MOST, help="How many nodes the cluster has.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be started.")] = False,
    output: Output = Format.TEXT,
) -> None:  # fmt: skip
    """Start the cluster, making it if need be. Harmless when it runs already."""
    if runtime not in (None, "native", "simulated"):
        raise Usage(f'"{runtime}" is not a runtime', "choose native or simulated")
    if dry_run:
        from knarr.cli.plan import describe

        write_json(describe(profile, runtime=runtime, port=port, listen=tuple(listen or ()), nodes=nodes))
        return
    from knarr import lifecycle

    progress = Progress(quiet=output is Format.JSON)
    with progress.working(f"Starting {profile}"):
        done = lifecycle.start(
            profile,
            runtime=runtime,
            api_port=port,
            listen=tuple(listen or ()),
            nodes=nodes,
            wait=wait,
            timeout=timeout,
            say=progress.say,
        )
    if output is Format.JSON:
        document = {"profile": profile, "alreadyRunning": done.already_running, "seconds": done.seconds}
        write_json(
            {**document, "server": done.config.server_url, "ip": done.config.node_ip, "runtime": done.config.runtime}
        )
        return
    write(
        f"{profile} is running: kubectl uses it now (context {profile}, {GIT_VERSION}, {done.config.runtime} runtime)."
    )


@app.command()
def stop(profile: Profile = DEFAULT_PROFILE, output: Output = Format.TEXT) -> None:
    """Stop the cluster and its containers. Its data stays."""
    from knarr import lifecycle

    progress = Progress(quiet=output is Format.JSON)
    with progress.working(f"Stopping {profile}"):
        ran = lifecycle.stop(profile, say=progress.say)
    if output is Format.JSON:
        write_json({"profile": profile, "stopped": ran})
    else:
        write(f"{profile} is stopped." if ran else f"{profile} was not running.")


@app.command()
def delete(
    profile: Profile = DEFAULT_PROFILE,
    every: Annotated[bool, typer.Option("--all", help="Delete every cluster of this user.")] = False,
    prove: Annotated[bool, typer.Option(help="List what remains; exit code 70 if anything does.")] = False,
    output: Output = Format.TEXT,
) -> None:  # fmt: skip
    """Delete the cluster and everything that it made on this machine."""
    from knarr import config, leftovers, lifecycle, paths

    progress = Progress(quiet=output is Format.JSON)
    chosen = paths.profiles() if every else [profile]
    prefixes = {p: c.link_prefix for p in chosen if (c := config.load_leniently(paths.ClusterPaths.of(p)))}
    with progress.working("Deleting"):
        for name in chosen:
            lifecycle.delete(name, say=progress.say)
    remains = []
    if prove:
        # Of these alone: the machine may have clusters of another home.
        remains = [what for name in chosen for what in leftovers.find(name, prefixes.get(name))]
    if output is Format.JSON:
        write_json({"deleted": chosen, "remains": remains if prove else None})
    elif not chosen:
        write("There is no cluster.")
    for name in chosen if output is Format.TEXT else []:
        write(f"{name} is deleted.")
    if prove and output is Format.TEXT and not remains:
        write("Nothing is left: no process, container, mount, namespace, link, rule, cgroup or file.")
    if remains:
        lifecycle.prove(remains)


@app.command()
def status(profile: Profile = DEFAULT_PROFILE, output: Output = Format.TEXT) -> None:
    """Say what runs. Exit code: 1 host, 2 cluster, 4 kubeconfig, added up."""
    from knarr import status as statuses

    found = statuses.read(profile)
    if output is Format.JSON:
        names = {"Name": found.name, "Host": found.host, "Kubelet": found.kubelet, "APIServer": found.apiserver}
        more = {"Controllers": found.controllers, "Kubeconfig": found.kubeconfig, "Runtime": found.runtime}
        write_json({**names, **more, "IP": found.ip, "Restarts": found.restarts, "Worker": False})
    else:
        write(found.name)
        write("type: Control Plane")
        for key in ("host", "kubelet", "apiserver", "controllers", "kubeconfig"):
            write(f"{key}: {getattr(found, key)}")
        write("")
    raise SystemExit(found.exit_code)


@app.command()
def ip(profile: Profile = DEFAULT_PROFILE) -> None:
    """Print the node's address: NodePorts answer there."""
    from knarr import status as statuses

    write(statuses.read(profile).ip)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def kubectl(context: typer.Context, profile: Profile = DEFAULT_PROFILE) -> None:
    """Run kubectl against this cluster: knarr kubectl -- get pods."""
    from knarr.cli.passthrough import kubectl as run

    run(profile, context.args)


@app.command()
def logs(
    component: Annotated[str | None, typer.Argument(help="apiserver, controllers, kubelet or supervisor.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on printing what is added.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many of the last lines.")] = 60,
    profile: Profile = DEFAULT_PROFILE,
) -> None:
    """Print the logs of the cluster's own processes."""
    from knarr.cli.logs import show

    show(profile, component, follow=follow, lines=lines)


@app.command("update-context")
def update_context(profile: Profile = DEFAULT_PROFILE) -> None:
    """Point kubectl's context at this cluster again."""
    from knarr import config, kubeconfig, provision
    from knarr.errors import ProfileNotFound
    from knarr.paths import ClusterPaths

    paths = ClusterPaths.of(profile)
    found = config.load(paths)
    if found is None:
        raise ProfileNotFound(f"there is no cluster {profile}", f"knarr start -p {profile}")
    path = kubeconfig.default_path()
    changed = kubeconfig.merge(path, provision.kubeconfig_of(found, paths))
    write(
        f'"{profile}" context has been updated in {path}'
        if changed
        else f'No changes required for the "{profile}" context'
    )


@app.command()
def version(output: Output = Format.TEXT) -> None:
    """Print the versions of knarr and of Kubernetes."""
    from knarr import __version__

    if output is Format.JSON:
        write_json({"knarrVersion": f"v{__version__}", "kubernetesVersion": GIT_VERSION})
    else:
        write(f"knarr version: v{__version__}\nkubernetes version: {GIT_VERSION}")


@app.command()
def completion(shell: Annotated[str, typer.Argument(help="bash, zsh or fish.")]) -> None:
    """Print the completion script of a shell: source <(knarr completion bash)."""
    from typer.completion import get_completion_script

    if shell not in ("bash", "zsh", "fish"):
        raise Usage(f'there is no completion for "{shell}"', "choose bash, zsh or fish")
    write(get_completion_script(prog_name="knarr", complete_var="_KNARR_COMPLETE", shell=shell))


def run(argv: list[str]) -> int:
    """Run the command; every KnarrError ends as its ID, its remedy and its exit code, and so does wrong usage."""
    as_json = _asks_for_json(argv)
    try:
        return app(argv, prog_name="knarr", standalone_mode=False) or 0
    except KnarrError as error:
        fail(error, as_json=as_json)
    except _UsageError as error:
        message = error.format_message()
        if message:
            fail(Usage(message, f"{error.ctx.command_path if error.ctx else 'knarr'} -h"), as_json=as_json)
        # It was called without arguments, and its help was printed.
        return Usage.exit_code
    except KeyboardInterrupt:
        return 130


def _asks_for_json(argv: list[str]) -> bool:
    joined = [*itertools.pairwise(argv), *((a, "") for a in argv)]
    return any(
        pair in (("-o", "json"), ("--output", "json")) or pair[0] in ("-ojson", "--output=json") for pair in joined
    )
