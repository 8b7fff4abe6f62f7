"""Secrets that hold the token of a ServiceAccount."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from controllers import tokens
from controllers.engine.tokens import effects
from tests.unit.controllers.world import MODES, World

Document = dict[str, Any]
KEY = ec.generate_private_key(ec.SECP256R1())
ACCOUNT = {"metadata": {"name": "robot"}}


def world(folder: Path, mode: str = MODES[0]) -> World:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "sa.key").write_bytes(KEY.private_bytes(encoding, form, serialization.NoEncryption()))
    (folder / "ca.crt").write_text("CA")
    made = effects(str(folder / "ca.crt"), str(folder / "sa.key"))
    return World([tokens.CONTROLLER], mode=mode, effects=made)


def secret(**more: Any) -> Document:
    return {"metadata": {"name": "s", "annotations": {tokens.NAME: "robot"}}, "type": tokens.TYPE, **more}


def data(world: World) -> dict[str, str]:
    found = world.api.find("secrets", "s").get("data") or {}
    return {name: base64.b64decode(value).decode() for name, value in found.items()}


@pytest.mark.parametrize("mode", MODES)
async def test_a_secret_gets_the_token_of_the_account_that_it_names(tmp_path: Path, mode: str) -> None:
    found = world(tmp_path, mode)
    account = found.api.add("serviceaccounts", ACCOUNT)
    found.api.add("secrets", secret())
    await found.settle()
    assert (data(found)["ca.crt"], data(found)["namespace"]) == ("CA", "default")
    claims = jwt.decode(data(found)["token"], KEY.public_key(), algorithms=["ES256"])
    assert claims["sub"] == "system:serviceaccount:default:robot"
    assert claims["kubernetes.io/serviceaccount/secret.name"] == "s"
    made = found.api.find("secrets", "s")
    assert made["metadata"]["annotations"][tokens.UID] == account["metadata"]["uid"]
    assert [verb for verb, _, _ in found.api.writes] == ["update"]


async def test_what_is_taken_out_of_a_secret_comes_back(tmp_path: Path) -> None:
    found = world(tmp_path)
    found.api.add("serviceaccounts", ACCOUNT)
    made = found.api.add("secrets", secret())
    await found.settle()
    token = data(found)["token"]
    found.api.change("secrets", made, data={"token": base64.b64encode(token.encode()).decode(), "more": "eA=="})
    await found.settle()
    assert data(found) == {"ca.crt": "CA", "namespace": "default", "token": token, "more": "x"}


@pytest.mark.parametrize("mode", MODES)
async def test_a_secret_goes_with_its_account(tmp_path: Path, mode: str) -> None:
    found = world(tmp_path, mode)
    account = found.api.add("serviceaccounts", ACCOUNT)
    found.api.add("secrets", secret())
    other = secret(type="Opaque")
    other["metadata"]["name"] = "other"
    found.api.add("secrets", other)
    await found.settle()
    found.api.remove("serviceaccounts", {"metadata": {**account["metadata"], "namespace": "default"}})
    await found.settle()
    assert [s["metadata"]["name"] for s in found.api.all("secrets")] == ["other"]


async def test_a_secret_of_an_account_that_is_not_there_or_another_is_removed(tmp_path: Path) -> None:
    found = world(tmp_path)
    found.api.add("secrets", secret())
    await found.settle()
    assert found.api.all("secrets") == []
    found.api.add("serviceaccounts", ACCOUNT)
    stale = secret()
    stale["metadata"]["annotations"][tokens.UID] = "old"
    found.api.add("secrets", stale)
    await found.settle()
    assert found.api.all("secrets") == []
