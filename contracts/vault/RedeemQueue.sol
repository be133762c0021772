// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IVault} from "../../interfaces/IVault.sol";

/// @title A few requests for redeeming vault shares, oldest first
/// @notice The first entry without shares ends the queue. Requests made under other periods mature and lapse in another
/// order than they were made in, so each function looks at all of them: `MAX` keeps that cheap.
///
/// Maturing follows the time of blocks. Lapsing follows a clock that stands still while withdrawals are stopped: `clock`.
library RedeemQueue {
    using SafeCast for uint256;

    uint256 internal constant MAX = 8;

    /// @dev One slot: 22 + 5 + 5 bytes. `lapsesAt` 0: never.
    struct Request {
        uint176 shares;
        uint40 maturesAt;
        uint40 lapsesAt;
    }

    struct Queue {
        Request[MAX] requests;
    }

    /// @dev Puts a request at the end of a queue without lapsed ones.
    function add(Queue storage self, uint256 shares, uint256 maturesAt, uint256 lapsesAt) internal {
        uint256 end = _end(self);
        require(end < MAX, IVault.TooManyRequests(MAX));
        self.requests[end] = Request(shares.toUint176(), maturesAt.toUint40(), lapsesAt.toUint40());
    }

    /// @dev Takes up to `shares` that have matured, oldest first, and removes what has lapsed. What is left moves up.
    function take(Queue storage self, uint256 shares, uint256 clock) internal returns (uint256 taken, uint256 lapsed) {
        uint256 end = _end(self);
        uint256 kept = 0;
        for (uint256 i = 0; i < end; ++i) {
            Request memory request = self.requests[i];
            uint256 part = 0;
            if (_hasLapsed(request, clock)) {
                lapsed += request.shares;
                continue;
            }
            if (_hasMatured(request)) part = Math.min(request.shares, shares - taken);
            taken += part;
            if (part == request.shares) continue;
            request.shares -= uint176(part);
            if (part != 0 || kept != i) self.requests[kept] = request;
            ++kept;
        }
        for (uint256 i = kept; i < end; ++i) {
            delete self.requests[i];
        }
    }

    /// @dev Removes `shares`, newest first, from a queue without lapsed ones.
    function cancel(Queue storage self, uint256 shares) internal {
        uint256 left = shares;
        for (uint256 end = _end(self); left != 0; --end) {
            require(end != 0, IVault.RequestsExceeded(shares, shares - left));
            Request storage newest = self.requests[end - 1];
            uint256 part = Math.min(newest.shares, left);
            left -= part;
            if (part == newest.shares) delete self.requests[end - 1];
            else newest.shares -= uint176(part);
        }
    }

    /// @dev What could be taken now, and what has lapsed and is still there.
    function totals(Queue storage self, uint256 clock) internal view returns (uint256 matured, uint256 lapsed) {
        uint256 end = _end(self);
        for (uint256 i = 0; i < end; ++i) {
            Request memory request = self.requests[i];
            if (_hasLapsed(request, clock)) lapsed += request.shares;
            else if (_hasMatured(request)) matured += request.shares;
        }
    }

    /// @dev Those that have not lapsed, with the time at which they do unless withdrawals are stopped from now on.
    function live(Queue storage self, uint256 clock) internal view returns (IVault.RedeemRequest[] memory requests) {
        uint256 end = _end(self);
        requests = new IVault.RedeemRequest[](end);
        uint256 count = 0;
        for (uint256 i = 0; i < end; ++i) {
            Request memory request = self.requests[i];
            if (_hasLapsed(request, clock)) continue;
            uint256 lapsesAt = request.lapsesAt == 0 ? 0 : request.lapsesAt + block.timestamp - clock;
            requests[count++] = IVault.RedeemRequest(request.shares, request.maturesAt, lapsesAt);
        }
        assembly ("memory-safe") {
            mstore(requests, count)
        }
    }

    function _end(Queue storage self) private view returns (uint256 end) {
        while (end < MAX && self.requests[end].shares != 0) ++end;
    }

    function _hasMatured(Request memory request) private view returns (bool) {
        return block.timestamp >= request.maturesAt;
    }

    function _hasLapsed(Request memory request, uint256 clock) private pure returns (bool) {
        return request.lapsesAt != 0 && clock >= request.lapsesAt;
    }
}
