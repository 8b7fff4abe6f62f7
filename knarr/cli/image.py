"""``knarr image ls|load|pull|rm|prune``: the images of all nodes, through the API server's node proxy."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from knarr.cli.output import Format, Progress, table, write, write_json
from knarr.errors import ImageFailed, ImageNotFound, Usage
from knarr.paths import DEFAULT_PROFILE

app = typer.Typer(help="Load, list, pull and remove images.", no_args_is_help=True)

Profile = Annotated[str, typer.Option("-p", "--profile", help="Name of the cluster.", envvar="KNARR_PROFILE")]
Output = Annotated[Format, typer.Option("-o", "--output", help="text, or json for programs.")]


@app.command("ls")
def ls(profile: Profile = DEFAULT_PROFILE, output: Output = Format.TEXT) -> None:
    """List the images that the nodes have."""
    found = {image["id"]: image for images in _ask(profile, "GET", "images") for image in images}
    images = list(found.values())
    if output is Format.JSON:
        write_json(images)
        return
    rows = [
        (name, i["id"].removeprefix("sha256:")[:12], _size(i["size"]))
        for i in images
        for name in i["repoTags"] or i["repoDigests"] or ["<none>"]
    ]
    table(("IMAGE", "ID", "SIZE"), sorted(rows))


@app.command()
def load(
    archives: Annotated[list[Path], typer.Argument(help="Docker or OCI archives (tar files).")],
    profile: Profile = DEFAULT_PROFILE,
) -> None:
    """Load images from archives, as docker save or skopeo make them."""
    progress = Progress()
    with progress.working("Loading"):
        for archive in archives:
            if not archive.is_file():
                raise Usage(f"there is no file {archive}", "name a tar file")
            for name in _ask(profile, "POST", "images/load", body=archive)[0]:
                progress.say("load", f"Loaded {name}")


@app.command()
def pull(reference: str, profile: Profile = DEFAULT_PROFILE) -> None:
    """Pull an image from its registry to every node."""
    progress = Progress()
    with progress.working(f"Pulling {reference}"):
        image = _ask(profile, "POST", "images/pull", query=(("reference", reference),))[0]
    write(f"{reference} {image['id']}")


@app.command()
def rm(references: list[str], profile: Profile = DEFAULT_PROFILE) -> None:
    """Remove images from every node."""
    for reference in references:
        _ask(profile, "DELETE", "images", query=(("reference", reference),))
        write(f"Removed {reference}")


@app.command()
def prune(profile: Profile = DEFAULT_PROFILE) -> None:
    """Remove the images that no container uses."""
    answers = _ask(profile, "POST", "images/prune")
    for name in dict.fromkeys(name for each in answers for name in each["removed"]):
        write(f"Removed {name}")
    write(f"{_size(sum(each['freedBytes'] for each in answers))} freed")


def _ask(
    profile: str, method: str, path: str, *, query: tuple[tuple[str, str], ...] = (), body: Path | None = None
) -> list[Any]:
    """The answer of each node."""
    from knarr import api
    from knarr.nodes import nodes

    return [_ask_node(profile, node.name, method, path, query=query, body=body) for node in nodes(api.cluster(profile))]


def _ask_node(
    profile: str, node: str, method: str, path: str, *, query: tuple[tuple[str, str], ...], body: Path | None
) -> Any:
    from knarr import api

    async def conversation(client: Any) -> tuple[int, bytes]:
        url = f"/api/v1/nodes/{node}/proxy/{path}"
        headers = {"Content-Type": "application/x-tar"} if body else {}
        # The archive is on this machine, but goes through the API server like any client's: the same authorization,
        # and the kubelet opens no path that a caller names.
        data = await asyncio.to_thread(body.read_bytes) if body else None
        return await client.request(method, url, query=query, body=data, headers=headers)

    status, answer = api.talk(profile, conversation)
    if status == 404:
        raise ImageNotFound(_message(answer), f"knarr image ls -p {profile} lists those that are there")
    if status >= 400:
        raise ImageFailed(_message(answer), "knarr logs kubelet says more")
    return json.loads(answer) if answer else None


def _message(answer: bytes) -> str:
    try:
        return json.loads(answer)["message"]
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace").strip()


def _size(count: int) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.3g}GB"
