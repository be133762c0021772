// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ILendingVault} from "./ILendingVault.sol";
import {IMarginClient} from "./IMarginClient.sol";
import {IOrderBook} from "./IOrderBook.sol";
import {IPriceOracle} from "./IPriceOracle.sol";
import {IProtocol} from "./IProtocol.sol";

/// @notice A token that accounts can hold, and perhaps owe.
/// @param token Without fees on transfer and without rebasing. Asset 0 is PREP, asset 1 shares of the LP vault.
/// @param oracle Prices one base unit in PREP, WAD. Zero for PREP alone, which is worth 1.
/// @param lendingVault Lends the token to accounts; zero: it cannot be borrowed. Shares of the LP vault never can.
/// @param maxLtv What of its value counts where an account may do more, basis points. Debt counts divided by it.
/// @param liquidationThreshold What of its value counts against liquidation; at least `maxLtv`, at most 9,000. PREP alone has
/// 10,000 for both. With a lending vault neither is below 1,000.
/// @param depositCap What the manager may hold of it after a deposit, base units.
struct AssetConfig {
    IERC20 token;
    IPriceOracle oracle;
    ILendingVault lendingVault;
    uint256 maxLtv;
    uint256 liquidationThreshold;
    uint256 depositCap;
}

/// @notice What an account can be told to do. `id`, `amount` and `limit` mean, by kind:
/// Deposit: asset, base units taken from the caller. Needs a usable price of what the account does not hold or owe yet.
/// Withdraw: asset, base units sent to the owner of the account, whoever calls.
/// Borrow: asset, base units added to the balance and to the debt.
/// Repay: asset, base units of the balance that pay for debt.
/// Trade: market, signed size; `limit`: the worst price, WAD, 0: any.
/// Reduce: as Trade, but the position can only become smaller; what is more than it is cut.
/// AddLiquidity: -, PREP of the balance for shares of the LP vault; `limit`: the fewest shares.
/// RemoveLiquidity: -, shares of the balance for PREP; `limit`: the least PREP. With a cooldown only matured shares.
/// RequestRedeem: -, shares of the balance to be put into cooldown.
/// CancelRequest: -, shares to be taken out of it again, newest request first.
/// PlaceOrder: market, signed size; `limit`: the worst price, WAD, 0: any; `data`: `abi.encode(OrderTerms)`. Whoever may do it
/// spends: keeper fees go to whoever fills.
/// CancelOrder: order.
/// `type(int256).max` as an amount means all: of the balance (Withdraw, AddLiquidity, RemoveLiquidity), of what of it is in no
/// request (RequestRedeem), of the debt as far as the balance goes (Repay), of the requests (CancelRequest), of the position,
/// with its sign turned (Reduce).
enum ActionKind {
    Deposit,
    Withdraw,
    Borrow,
    Repay,
    Trade,
    Reduce,
    AddLiquidity,
    RemoveLiquidity,
    RequestRedeem,
    CancelRequest,
    PlaceOrder,
    CancelOrder
}

/// @notice One thing to do. See `ActionKind`; what a kind does not use is ignored.
struct Action {
    ActionKind kind;
    uint256 id;
    int256 amount;
    uint256 limit;
    bytes data;
}

/// @notice How an account stands, PREP base units.
/// @param assets Value of all balances. @param collateral The same, each weighted.
/// @param owed Value of all debts, rounded up. @param debt The same, each divided by the weight of its asset.
/// @param pnl What its positions would realise. @param notional Their value at oracle prices.
/// @param required What its positions need: that value, each weighted, rounded up.
/// @param equity `collateral + pnl - debt`. It stands well if that is at least `required`.
struct Health {
    uint256 assets;
    uint256 collateral;
    uint256 owed;
    uint256 debt;
    int256 pnl;
    uint256 notional;
    uint256 required;
    int256 equity;
}

/// @notice A balance and a debt of an account in one asset, base units.
struct Holding {
    uint256 assetId;
    uint256 balance;
    uint256 debtShares;
    uint256 debt;
}

/// @notice What a liquidation did. Amounts in base units of their asset.
/// @param closed Value of the positions that were closed, at oracle prices, PREP.
/// @param reward PREP that the liquidator got for closing them. What the balance did not have is in `seized`.
/// @param repaid What the liquidator paid for debt, what he lent to closing included. @param seized Collateral that he got.
/// @param bonus On what he paid, WAD. @param badDebt Value of what was written off, PREP.
struct Liquidation {
    uint256 closed;
    uint256 reward;
    uint256 repaid;
    uint256 seized;
    uint256 bonus;
    uint256 badDebt;
}

/// @title Cross-margin accounts
/// @notice An account is an ERC-721 token that holds several assets, owes several, and has positions on many markets. Whoever
/// owns it, or has been allowed to, gives it a list of actions; its health is checked once, at the end. docs/credit.md.
interface ICreditManager is IERC721, IMarginClient {
    /// @notice An asset was added or its parameters replaced.
    event AssetConfigured(uint256 indexed assetId, AssetConfig config);
    /// @notice The weights of positions on a market were set, basis points of their value.
    event MarketLtvSet(uint256 indexed marketId, uint256 maxLtv, uint256 liquidationThreshold);
    /// @notice A delegate may do these actions, bit `1 << kind` each, until `expiry` (seconds).
    event DelegateSet(uint256 indexed accountId, address indexed delegate, uint256 actions, uint256 expiry);
    /// @notice A balance was changed by `amount`; `balance`: after, base units.
    event BalanceChanged(uint256 indexed accountId, uint256 indexed assetId, int256 amount, uint256 balance);
    /// @notice A debt was changed by `amount` base units; `debtShares`: after.
    event DebtChanged(uint256 indexed accountId, uint256 indexed assetId, int256 amount, uint256 debtShares);
    /// @notice An order was filled for an account, and its keeper paid.
    event OrderFilled(uint256 indexed accountId, uint256 indexed marketId, address indexed keeper, uint256 keeperFee);
    /// @notice A position was not closed in a liquidation. `reason`: the error.
    event CloseSkipped(uint256 indexed accountId, uint256 indexed marketId, bytes reason);
    /// @notice An account was liquidated.
    event AccountLiquidated(
        uint256 indexed accountId,
        address indexed liquidator,
        uint256 debtAsset,
        uint256 collateralAsset,
        Liquidation liquidation
    );
    /// @notice A debt was given up because the account had nothing left.
    event DebtWrittenOff(uint256 indexed accountId, uint256 indexed assetId, uint256 assets);

    /// @notice An action failed; `reason`: the error with its values. Nothing of the list remains.
    error ActionFailed(uint256 index, bytes reason);
    /// @notice The caller may not do this with the account.
    error NotAllowed(address caller, uint256 accountId, ActionKind kind);
    /// @notice The caller is not the owner of the account.
    error NotOwner(address caller, uint256 accountId);
    /// @notice Only the protocol, the order book, or the manager itself may call this.
    error NotAuthorised(address caller);
    /// @notice An amount that must be above zero is not, given so or after rounding.
    error ZeroAmount();
    /// @notice No asset has this id.
    error UnknownAsset(uint256 assetId);
    /// @notice The token is an asset already, or there are as many assets as there can be; or its lending vault lends another
    /// token, cannot be replaced while it is owed to, or would lend shares of the LP vault.
    error AssetRefused(address token);
    /// @notice The asset cannot be borrowed: it has no lending vault, or one that does not count this debt in shares.
    error NotBorrowable(uint256 assetId);
    /// @notice The account holds less than is needed.
    error InsufficientBalance(uint256 assetId, uint256 balance, uint256 needed);
    /// @notice Fewer tokens arrived than were sent: the token takes a fee, which is not supported.
    error TransferFellShort(uint256 received, uint256 expected);
    /// @notice The manager would hold more of the asset than it may.
    error DepositCapExceeded(uint256 assetId, uint256 held, uint256 cap);
    /// @notice The account would have more assets and debts, or more positions, than it may.
    error TooMany(uint256 max);
    /// @notice The account would not stand well enough.
    error AccountUnhealthy(int256 equity, uint256 required);
    /// @notice The account stands well.
    error AccountHealthy(int256 equity, uint256 required);
    /// @notice The lenders cannot lend what the account needs, nor has anybody else.
    error CannotBorrow(uint256 assetId, uint256 needed, uint256 available);
    /// @notice The account is not to be transferred while it is being acted on.
    error AccountBusy();
    /// @notice Closing a position failed for no reason that it gives: there was too little gas.
    error CloseFailed(uint256 marketId);
    /// @notice The collateral does not make up for what the liquidator has lent to closing.
    error CollateralInsufficient(uint256 seized, uint256 balance);
    /// @notice The oracle's price is zero or above the largest that the arithmetic carries.
    error PriceOutOfBounds(uint256 price, uint256 max);
    /// @notice A parameter is outside of its coded bounds.
    error ParameterOutOfBounds(bytes32 parameter, uint256 value, uint256 min, uint256 max);

    /// @notice Opens an account for `owner`. For anyone.
    function open(address owner) external returns (uint256 accountId);

    /// @notice Carries out a list for an account, all of it or nothing. Afterwards it must stand well with `maxLtv` weights,
    /// unless every action was one that cannot make it stand worse: Deposit, Repay, Reduce, RemoveLiquidity, RequestRedeem,
    /// CancelRequest, CancelOrder, and PlaceOrder of what can only reduce; and it deposits at least as much PREP as it reserves for
    /// keepers.
    function execute(uint256 accountId, Action[] calldata actions) external;

    /// @notice Allows `delegate` the actions whose bits are set (`1 << kind`), until `expiry`. Ends with a transfer of the
    /// account. Owner only.
    function setDelegate(uint256 accountId, address delegate, uint256 actions, uint256 expiry) external;

    /// @notice Liquidates an account that does not stand well with its liquidation thresholds: closes its positions, pays debts
    /// out of balances of the same asset, and lets the caller pay up to `maxRepay` of `debtAsset` for `collateralAsset`, with
    /// a bonus, until the account is at the target. Debt of an account that has nothing left is written off.
    /// The caller's allowance to the manager must cover what he pays; he is paid for closing in PREP or, where
    /// there is none, in the collateral.
    function liquidate(uint256 accountId, uint256 debtAsset, uint256 collateralAsset, uint256 maxRepay)
        external
        returns (Liquidation memory);

    /// @notice Fills an order for an account, and pays the keeper what was reserved. Order book only.
    function fill(
        uint256 accountId,
        uint256 marketId,
        int256 size,
        bool reduceOnly,
        uint256 keeperFee,
        address keeper
    ) external;

    /// @notice Gives a reserved keeper fee back to an account, or to whoever has removed a dead order. Order book only.
    /// @param keeper Zero: the account.
    function release(uint256 accountId, uint256 keeperFee, address keeper) external;

    /// @notice Adds an asset, one of at most 32. Risk manager only.
    function addAsset(AssetConfig calldata config) external returns (uint256 assetId);

    /// @notice Replaces the parameters of an asset, but not the token, nor a lending vault that is in use. Risk manager only.
    function setAsset(uint256 assetId, AssetConfig calldata config) external;

    /// @notice Sets the weights of positions on a market, basis points; 0: positions need all of their value. Risk manager only.
    function setMarketLtv(uint256 marketId, uint256 maxLtv, uint256 liquidationThreshold) external;

    /// @notice Takes no more deposits of an asset. Guardian only.
    function disableAsset(uint256 assetId) external;

    /// @notice The protocol that positions are on.
    function protocol() external view returns (IProtocol);

    /// @notice The order book.
    function orderBook() external view returns (IOrderBook);

    /// @notice How many accounts there are; their ids are 1 .. accountCount.
    function accountCount() external view returns (uint256);

    /// @notice How many assets there are; their ids are 0 .. assetCount - 1.
    function assetCount() external view returns (uint256);

    /// @notice An asset's parameters.
    function asset(uint256 assetId) external view returns (AssetConfig memory);

    /// @notice The weights of positions on a market, basis points.
    function marketLtv(uint256 marketId) external view returns (uint256 maxLtv, uint256 liquidationThreshold);

    /// @notice What a delegate may do with an account now.
    function delegateActions(uint256 accountId, address delegate) external view returns (uint256 actions, uint256 expiry);

    /// @notice What an account holds and owes in one asset, interest until now included.
    function holding(uint256 accountId, uint256 assetId) external view returns (Holding memory);

    /// @notice Everything an account holds or owes, and the ids of the markets where it has positions.
    function contents(uint256 accountId) external view returns (Holding[] memory holdings, uint256[] memory marketIds);

    /// @notice How an account stands: with `maxLtv` weights and the worse price of each position, or with liquidation thresholds
    /// and the better price. Reverts without a usable price of all that it has.
    function health(uint256 accountId, bool forLiquidation) external view returns (Health memory);

    /// @notice Keeper fees reserved by all orders, PREP base units.
    function reservedFees() external view returns (uint256);
}
