// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IPriceOracle} from "./IPriceOracle.sol";

/// @notice Everything the risk manager decides about a market.
/// @param oracle Adapter that prices one base unit of the asset.
/// @param enabled False: close-only. Positions can be closed, decreased and liquidated, never opened or grown.
/// @param skewScale `K`: the skew, in base units, at which the premium is 100 %. 0: no price impact and no funding.
/// @param maxFundingVelocity `V`: largest change of the 24-hour funding rate in a day, WAD. Unused when `skewScale` is 0.
/// @param openingFeeRate Share of the notional added that a trader pays, WAD.
/// @param closingFeeRate Share of the notional removed that a trader pays, WAD.
/// @param borrowRate Yearly rate on the reserve that a position ties up, WAD.
/// @param reserveFactor Part of the notional that the vault must hold in reserve, WAD. 0: no reserve, no reserve check.
/// @param minPositionValue Smallest value of a position at the oracle price, PREP base units.
/// @param maxPositionValue Largest value of a position at the oracle price; `type(uint256).max`: no bound.
/// @param maxLongOIValue Largest value of all long positions; `type(uint256).max`: no cap.
/// @param maxShortOIValue Largest value of all short positions; `type(uint256).max`: no cap.
/// @param maxNetOIValue Largest value of the skew; `type(uint256).max`: no cap.
/// @param minExecutionDelay Seconds that an order waits at least for the price that it fills at, at most 3600; 0: orders fill at
/// once. Enforced here for isolated trades, by margin clients for their accounts.
struct MarketConfig {
    IPriceOracle oracle;
    bool enabled;
    uint256 skewScale;
    uint256 maxFundingVelocity;
    uint256 openingFeeRate;
    uint256 closingFeeRate;
    uint256 borrowRate;
    uint256 reserveFactor;
    uint256 minPositionValue;
    uint256 maxPositionValue;
    uint256 maxLongOIValue;
    uint256 maxShortOIValue;
    uint256 maxNetOIValue;
    uint256 minExecutionDelay;
}

/// @notice A market's aggregates as of `updatedAt`. Each is exactly the sum over the open positions.
/// @param longOI Sum of long sizes, base units.
/// @param shortOI Sum of short sizes as a positive number, base units.
/// @param costLong Entry notional of the longs, `sum |cost_i|`, PREP base units.
/// @param costShort Entry notional of the shorts as a positive number.
/// @param borrowCost `NB = sum wmul(|cost_i|, B_i)`.
/// @param borrowIndex `B`: borrowing fee accrued per unit of entry notional, WAD.
/// @param updatedAt Time of the last accrual, seconds modulo 2**32.
/// @param fundingRate 24-hour funding rate, WAD; positive: longs pay.
/// @param fundingIndex `F`: funding accrued per unit of size, price WAD.
/// @param fundingCost `Ft = sum wmul(size_i, F_i)`.
/// @param sumSquares `Q = sum size_i**2`; kept only while `skewScale > 0`.
/// @param sumSignedSquares `A = sum size_i * |size_i|`; kept only while `skewScale > 0`.
struct MarketState {
    uint256 longOI;
    uint256 shortOI;
    uint256 costLong;
    uint256 costShort;
    uint256 borrowCost;
    uint256 borrowIndex;
    uint256 updatedAt;
    int256 fundingRate;
    int256 fundingIndex;
    int256 fundingCost;
    uint256 sumSquares;
    int256 sumSignedSquares;
}

/// @notice Realised cash flow of a market from the vault's side, PREP base units: positive is what the vault gained.
/// Fees are without the protocol's share.
struct CashFlow {
    int256 pricePnl;
    int256 openingFee;
    int256 closingFee;
    int256 accruedFunding;
    int256 borrowingFee;
    int256 badDebt;
}

/// @notice A position.
/// @param size Base units, positive long, negative short.
/// @param entryPrice WAD.
/// @param fundingIndex `F` from which it owes or is due funding.
/// @param borrowIndex `B` from which it owes the borrowing fee.
struct Position {
    int256 size;
    uint256 entryPrice;
    int256 fundingIndex;
    uint256 borrowIndex;
}

/// @notice What a trader realises by closing something, PREP base units, positive in his favour; fees are never positive.
struct Realised {
    int256 pricePnl;
    int256 funding;
    int256 borrowingFee;
    int256 closingFee;
}

/// @notice What the vault has and what the open positions of all markets could take from it, PREP base units.
/// @param liquidity LP deposits minus withdrawals, plus all realised cash flow.
/// @param seqPnl Sum of what closing every position, one after the other, would pay to the traders.
/// @param funding Sum of funding due to the traders.
/// @param borrowing Sum of borrowing fees due to the traders, so never positive.
/// @param reserves Liquidity that has to stay in the vault.
struct Exposure {
    uint256 liquidity;
    int256 seqPnl;
    int256 funding;
    int256 borrowing;
    uint256 reserves;
}

/// @title The trading engine as the vault and the outside see it
/// @notice Arithmetic, roundings and names: docs/whitepaper.md.
interface IMarkets {
    /// @notice A market was added or its parameters were replaced.
    event MarketConfigured(uint256 indexed marketId, MarketConfig config);

    /// @notice A market was put into close-only mode by the guardian.
    event MarketDisabled(uint256 indexed marketId);

    /// @notice The borrowing fee of a market was brought up to date before its parameters changed. Every trade does the
    /// same and logs the index with the position.
    /// @param borrowIndex `B` after, WAD per unit of entry notional.
    event BorrowingAccrued(uint256 indexed marketId, uint256 borrowIndex);

    /// @notice The funding of a market with a skew scale was brought up to date.
    /// @param fundingRate 24-hour rate after, WAD. @param fundingIndex `F` after.
    event FundingAccrued(uint256 indexed marketId, int256 fundingRate, int256 fundingIndex);

    /// @notice A market whose feed was dead was closed for good: everybody closes at `price`, WAD.
    event MarketSettled(uint256 indexed marketId, uint256 price);

    /// @notice The protocol's share of a fee was set aside; after: the sum of all that is unpaid.
    event ProtocolFeeCharged(uint256 indexed marketId, uint256 amount, uint256 unpaid);

    /// @notice The protocol's share of fees was changed.
    event ProtocolFeeRateSet(uint256 rate);

    /// @notice Unpaid protocol fees went to the treasury.
    event ProtocolFeesCollected(address indexed treasury, uint256 amount);

    /// @notice The receiver of protocol fees was changed.
    event TreasurySet(address indexed treasury);

    /// @notice No market has this id.
    error UnknownMarket(uint256 marketId);
    /// @notice The market is close-only.
    error MarketClosed(uint256 marketId);
    /// @notice The market has its last price and cannot be changed any more.
    error MarketSettledAlready(uint256 marketId);
    /// @notice The market's feed has not been dead for long enough; `lastUpdate`: when it last answered.
    error FeedAlive(uint256 lastUpdate);
    /// @notice There are as many markets as there can be: every one costs gas in each valuation of the vault.
    error TooManyMarkets(uint256 max);
    /// @notice An amount or a size that must be above zero is zero, given so or after rounding.
    error ZeroAmount();
    /// @notice The oracle's price is zero or above the largest that the arithmetic carries.
    error PriceOutOfBounds(uint256 price, uint256 max);
    /// @notice A size, open interest or cost is above the largest that the arithmetic carries.
    error AmountOutOfBounds(uint256 amount, uint256 max);
    /// @notice A parameter is outside its coded bounds. `parameter` is the field's name as a short string.
    error ParameterOutOfBounds(bytes32 parameter, uint256 value, uint256 min, uint256 max);
    /// @notice The skew scale can change between zero and non-zero only while nobody has a position.
    error SkewScaleLocked(uint256 openInterest);
    /// @notice The side that the order grows would exceed the part of the skew scale that it may have (base units).
    error SkewScaleExceeded(uint256 openInterest, uint256 max);
    /// @notice The side that the order grows would exceed its cap (value at the oracle price).
    error OpenInterestCapExceeded(uint256 value, uint256 cap);
    /// @notice The skew would exceed its cap (value at the oracle price).
    error NetOpenInterestCapExceeded(uint256 value, uint256 cap);
    /// @notice What is left of the position would be worth less than the minimum.
    error PositionTooSmall(uint256 value, uint256 min);
    /// @notice The position would be worth more than the maximum.
    error PositionTooLarge(uint256 value, uint256 max);
    /// @notice The vault does not hold the reserve that the order needs.
    error ReservesExceeded(uint256 required, uint256 liquidity);

    /// @notice Trading would have to pay more than the vault has.
    error VaultCannotPay(uint256 amount, uint256 liquidity);

    /// @notice What LPs own before unrealised amounts: `netDeposits` plus all realised cash flow, PREP base units.
    function liquidity() external view returns (uint256);

    /// @notice LP deposits minus withdrawals, PREP base units.
    function netDeposits() external view returns (int256);

    /// @notice How many markets exist; their ids are 0 .. marketCount - 1.
    function marketCount() external view returns (uint256);

    /// @notice A market as it lies in storage: those of the sixteen words of `MarketSlots` whose bit is set in `mask`, the others
    /// zero. `MarketReader` unpacks them.
    function marketWords(uint256 marketId, uint256 mask) external view returns (uint256[16] memory);

    /// @notice The protocol's share of fees (WAD), what of it is unpaid (PREP base units) and who will receive it.
    function protocolFees() external view returns (uint256 rate, uint256 unpaid, address treasury);

    /// @notice The vault's liquidity and what the open positions could take from it now, accrued to this block. Asks the
    /// oracle of every market that has open positions, and reverts with the oracle's error if one has no usable price.
    /// @param byLargerSide True: the reserve covers the larger side of each market, not the difference of the sides.
    function exposure(bool byLargerSide) external view returns (Exposure memory);

    /// @notice Adds a market, one of at most 64. Risk manager only.
    /// @return marketId The new market's id.
    function addMarket(MarketConfig calldata config) external returns (uint256 marketId);

    /// @notice Replaces a market's parameters, after funding and borrowing fee were brought up to date with the old
    /// ones, where funding needs a price at the new oracle's. Risk manager only.
    function setMarket(uint256 marketId, MarketConfig calldata config) external;

    /// @notice Ends a market whose feed has been dead for 3 days. From then on it is close-only, everybody closes at
    /// `price` (WAD) without impact, and neither funding nor borrowing fee accrue. Admin only.
    function settleMarket(uint256 marketId, uint256 price) external;

    /// @notice Puts a market into close-only mode. Guardian only.
    function disableMarket(uint256 marketId) external;

    /// @notice Sets the protocol's share of fees, WAD, at most half. Risk manager only.
    function setProtocolFeeRate(uint256 rate) external;

    /// @notice Sets who receives protocol fees. Admin only.
    function setTreasury(address treasury) external;

    /// @notice Pays all unpaid protocol fees to the treasury. Callable by anyone.
    function collectProtocolFees() external returns (uint256 amount);
}
