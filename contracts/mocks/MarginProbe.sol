// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {MarginMath} from "../margin/MarginMath.sol";

/// @title The arithmetic of asset-backed positions, to be called
/// @notice MOCK: for tests only. Every function of the library by its own name.
contract MarginProbe {
    function valueUp(uint256 baseAmount, uint256 price) external pure returns (uint256) {
        return MarginMath.valueUp(baseAmount, price);
    }

    function valueDown(uint256 baseAmount, uint256 price) external pure returns (uint256) {
        return MarginMath.valueDown(baseAmount, price);
    }

    function leastProceeds(uint256 baseAmount, uint256 price, uint256 deviation) external pure returns (uint256) {
        return MarginMath.leastProceeds(baseAmount, price, deviation);
    }

    function highestCost(uint256 baseAmount, uint256 price, uint256 deviation) external pure returns (uint256) {
        return MarginMath.highestCost(baseAmount, price, deviation);
    }

    function maxInterest(uint256 principal, uint256 maxApy, uint256 elapsed) external pure returns (uint256) {
        return MarginMath.maxInterest(principal, maxApy, elapsed);
    }

    function maxPrincipalLong(uint256 downPayment, uint256 leverage) external pure returns (uint256) {
        return MarginMath.maxPrincipalLong(downPayment, leverage);
    }

    function maxPrincipalShort(uint256 downPayment, uint256 leverage, uint256 price) external pure returns (uint256) {
        return MarginMath.maxPrincipalShort(downPayment, leverage, price);
    }

    function maxSale(uint256 downPayment, uint256 leverage) external pure returns (uint256) {
        return MarginMath.maxSale(downPayment, leverage);
    }

    function minMargin(uint256 value, uint256 maintenanceMargin) external pure returns (uint256) {
        return MarginMath.minMargin(value, maintenanceMargin);
    }

    function liquidationFee(uint256 value, uint256 feeShare) external pure returns (uint256) {
        return MarginMath.liquidationFee(value, feeShare);
    }

    function principalPart(uint256 principal, uint256 amount, uint256 collateral) external pure returns (uint256) {
        return MarginMath.principalPart(principal, amount, collateral);
    }

    function usedAfter(uint256 used, uint256 limit, uint256 elapsed) external pure returns (uint256) {
        return MarginMath.usedAfter(used, limit, elapsed);
    }
}
