// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title What a contract that calls back is armed with
/// @notice MOCK: for tests only. Notes what calls answer that it makes when it is called itself, and acts as anyone tells it
/// to through `run`: what it calls back then comes from the same sender as the action that it is called in.
abstract contract Hostile {
    /// @notice Something to call.
    struct Call {
        address target;
        bytes data;
    }

    /// @notice What came back.
    struct Answer {
        bool success;
        bytes data;
    }

    Call[] private _calls;
    Answer[] private _answers;

    /// @notice Calls as this contract, with the ether that is sent along, reverting as the target does.
    function run(address target, bytes calldata data) external payable returns (bytes memory) {
        return Address.functionCallWithValue(target, data, msg.value);
    }

    /// @notice What the calls answered since it was armed, in order.
    function answers() external view returns (Answer[] memory) {
        return _answers;
    }

    /// @dev From now on these are the calls.
    function _arm(Call[] calldata calls) internal {
        delete _calls;
        delete _answers;
        for (uint256 i = 0; i < calls.length; ++i) {
            _calls.push(calls[i]);
        }
    }

    /// @dev Their failure is only noted.
    function _makeCalls() internal {
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool success, bytes memory data) = _calls[i].target.call(_calls[i].data);
            _answers.push(Answer(success, data));
        }
    }
}
