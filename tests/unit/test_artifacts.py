"""Compiled contracts from npm packages: what is missing or is none is said in one line."""

import json
from types import SimpleNamespace

import pytest

from prep.artifacts import contract_type
from prep.errors import UserError
from prep.exchange.contracts import CREATED, POOL


def test_contract_type__name__of_the_project(project):
    assert contract_type(project, "MockWETH") == project.MockWETH.contract_type


@pytest.mark.parametrize("source", [*CREATED, POOL])
def test_contract_type__artifact__its_abi_and_bytecode(project, source):
    artifact = json.loads((project.path / source).read_text())
    found = contract_type(project, source)
    assert (found.name, found.source_id) == (artifact["contractName"], source)
    assert found.deployment_bytecode.bytecode == artifact["bytecode"]
    functions = [entry["name"] for entry in artifact["abi"] if entry["type"] == "function"]
    assert sorted(m.name for m in found.methods) == sorted(functions) != []


def test_contract_type__no_such_file__says_how_to_get_it(tmp_path):
    with pytest.raises(UserError, match=r"^Uniswap\.json is missing: run `make setup`$"):
        contract_type(SimpleNamespace(path=tmp_path), "Uniswap.json")


@pytest.mark.parametrize("text", ["{", "{}", '{"abi": [], "contractName": "A"}', "[]", "\xff"])
def test_contract_type__not_an_artifact__refused(tmp_path, text):
    (tmp_path / "A.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"^A\.json is not a compiled contract: "):
        contract_type(SimpleNamespace(path=tmp_path), "A.json")
