from pathlib import Path

from apimachinery.kinds import ALL
from apimachinery.kinds.kind import ALL_VERBS, Kind, Subresource


def facts() -> list[str]:
    lines = Path(__file__).with_name("resources.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def line(*parts: str) -> str:
    return " | ".join(parts).rstrip(" |")


def scope(kind: Kind) -> str:
    return "namespaced" if kind.namespaced else "cluster"


def of_kind(kind: Kind) -> str:
    verbs = "all" if set(kind.verbs) == set(ALL_VERBS) else " ".join(sorted(kind.verbs))
    names, categories = " ".join(kind.short_names), " ".join(kind.categories)
    return line(kind.api_version, kind.plural, kind.kind, kind.singular, scope(kind), verbs, names, categories)


def of_subresource(kind: Kind, sub: Subresource) -> str:
    body = sub.kind or kind.kind
    if sub.version:
        body = f"{sub.group}/{sub.version}/{body}".lstrip("/")
    return line(kind.api_version, f"{kind.plural}/{sub.name}", body, "", scope(kind), " ".join(sorted(sub.verbs)))


def test_the_table_is_what_a_default_server_serves():
    ours = [of_kind(kind) for kind in ALL]
    ours += [of_subresource(kind, sub) for kind in ALL for sub in kind.subresources]
    assert sorted(ours) == sorted(facts())
