"""From an empty local chain to a demonstration that is ready to run."""

from pathlib import Path
from typing import Final

from ape.api import AccountAPI, ProviderAPI
from ape.managers.project import ProjectManager
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from prep.connect import chain_id, is_local
from prep.demo.crowd import recruit
from prep.demo.outcome import KEEPER, LPS
from prep.demo.prices import FEED_DECIMALS, PricePath
from prep.demo.run import Demo
from prep.demo.stage import Stage
from prep.deploy.deployer import deploy
from prep.deploy.params import Parameters
from prep.deploy.record import FOLDER
from prep.deploy.steps import Progress
from prep.errors import UserError
from prep.keeper.decide import Settings
from prep.keeper.keeper import Keeper

PARAMS: Final = FOLDER / "params" / "local.yml"
DEFAULT_SEED: Final = 2
DEFAULT_TRADERS: Final = 36
MAX_TRADERS: Final = 200


def prepare(
    project: ProjectManager,
    provider: ProviderAPI,
    director: AccountAPI,
    keeper: AccountAPI,
    path: PricePath,
    seed: int,
    traders: int,
    record_path: Path,
    progress: Progress | None = None,
) -> Demo:
    """Deploys the suite with the local parameters and casts the parts.

    The `director` deploys and, by those parameters, mints PREP; the `keeper` liquidates. Everybody
    else has an address made from the name, without a key: the local node acts for it.
    """
    if not is_local(chain_id(provider)):
        raise UserError("the demonstration mints and spends freely: it is for local chains only")
    record = deploy(project, director, Parameters.load(PARAMS), record_path, progress)
    stage = Stage(
        provider=provider,
        prep=record.instance(project, "PrepToken"),
        protocol=record.instance(project, "Protocol"),
        vault=record.instance(project, "Vault"),
        lens=record.instance(project, "ProtocolLens"),
        feed=record.instance(project, "BTC/feed"),
    )
    decimals = stage.view(stage.feed, "decimals")
    if decimals != FEED_DECIMALS:
        raise UserError(f"{PARAMS}: the feed has {decimals} decimals, prices {FEED_DECIMALS}")
    crowd = recruit(seed, traders, len(path.prices))
    names = [*LPS, *(trader.name for trader in crowd)]
    cast = {KEEPER: keeper.address} | {name: address_of(name) for name in names}
    # No reward is too small here, and no round has too many liquidations.
    settings = Settings(max_actions=traders)
    bot = Keeper(stage.protocol, stage.lens, keeper, settings, execute=True)
    return Demo(stage, bot, cast, crowd, director.address, path, seed)


def address_of(name: str) -> str:
    """Of a member of the cast: the same in every run."""
    return to_checksum_address(keccak(text=f"prep demo {name}")[-20:])
