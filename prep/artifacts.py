"""Contracts by where their code is: those of the project, and compiled ones of npm packages."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Final

from ape.managers.project import ProjectManager
from ethpm_types import ContractType

from prep.errors import UserError

COMPILED: Final = ".json"
"""How the path of a compiled contract ends; no contract of the project has such a name."""


def contract_type(project: ProjectManager, contract: str) -> ContractType:
    """Of a contract of the project by its name, or of a compiled one by the path of its artifact
    (Hardhat's format) in the project's folder. Raises `UserError` where that is missing."""
    if not contract.endswith(COMPILED):
        found: ContractType = project.get_contract(contract).contract_type
        return found
    return _compiled(Path(project.path), contract)


@lru_cache
def _compiled(folder: Path, source: str) -> ContractType:
    try:
        artifact = json.loads((folder / source).read_text(encoding="utf-8"))
        return ContractType.model_validate(
            {
                "abi": artifact["abi"],
                "contractName": artifact["contractName"],
                "sourceId": source,
                "deploymentBytecode": {"bytecode": artifact["bytecode"]},
                "runtimeBytecode": {"bytecode": artifact["deployedBytecode"]},
            }
        )
    except FileNotFoundError as error:
        raise UserError(f"{source} is missing: run `make setup`") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{source} is not a compiled contract: {error}") from error
