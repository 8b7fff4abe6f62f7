"""``knarr service NAME [--url]`` and ``knarr service list``."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from knarr.cli.output import Format, table, write, write_json
from knarr.errors import ServiceNotFound
from knarr.paths import DEFAULT_PROFILE

Profile = Annotated[str, typer.Option("-p", "--profile", help="Name of the cluster.", envvar="KNARR_PROFILE")]


def command(
    name: Annotated[str, typer.Argument(help='A Service, or "list" for all.')],
    url: Annotated[bool, typer.Option("--url", help="Print only the URLs.")] = False,
    namespace: Annotated[str, typer.Option("-n", "--namespace", help="Of the Service.")] = "",
    profile: Profile = DEFAULT_PROFILE,
    output: Annotated[Format, typer.Option("-o", "--output", help="text, or json for programs.")] = Format.TEXT,
) -> None:  # fmt: skip
    """Say where a Service answers: http://IP:NODEPORT."""
    from knarr import api, services

    config = api.cluster(profile)
    if name == "list":
        found = api.talk(profile, lambda client: _all(client, namespace))
        rows = [services.row(s, config.node_ip) for s in found]
        if output is Format.JSON:
            write_json(
                [
                    {"namespace": r[0], "name": r[1], "urls": services.urls(s, config.node_ip)}
                    for r, s in zip(rows, found, strict=True)
                ]
            )
        else:
            table(("NAMESPACE", "NAME", "TARGET PORT", "URL"), list(rows))
        return
    service = api.talk(profile, lambda client: _one(client, namespace or "default", name))
    found_urls = services.insist_on_urls(service, config.node_ip)
    if output is Format.JSON:
        write_json({"namespace": service["metadata"]["namespace"], "name": name, "urls": found_urls})
    elif url:
        write("\n".join(found_urls))
    else:
        table(("NAMESPACE", "NAME", "TARGET PORT", "URL"), [services.row(service, config.node_ip)])
        _open(found_urls[0])


async def _all(client: Any, namespace: str) -> list[dict[str, Any]]:
    from apimachinery.kinds import named

    return (await client.list(named("services"), namespace))["items"]


async def _one(client: Any, namespace: str, name: str) -> dict[str, Any]:
    from apimachinery.errors import NotFound
    from apimachinery.kinds import named

    try:
        return await client.get(named("services"), namespace, name)
    except NotFound as error:
        raise ServiceNotFound(f"there is no service {namespace}/{name}", "knarr service list") from error


def _open(url: str) -> None:
    """In the person's browser, where there is a screen for one."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        import webbrowser

        webbrowser.open(url)
