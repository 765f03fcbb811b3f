from __future__ import annotations

import numpy as np
import pytest

from framesrv.ops.rules import landed, whole_faults


def test_a_result_elsewhere_is_an_error_and_not_a_picture() -> None:
    dst = np.zeros((2, 2), np.uint8)
    assert landed(dst, dst) is dst
    with pytest.raises(RuntimeError, match="did not write"):
        landed(dst[...], dst)


@pytest.mark.parametrize("value", [-1, 9, 2**70, 1.0, None, "1"])
def test_what_is_not_a_whole_number_within_bounds_is_a_fault(value: object) -> None:
    assert [fault.field for fault in whole_faults("x", value, 0, 8)] == ["x"]
    assert whole_faults("x", 0, 0, 8) == whole_faults("x", 8, 0, 8) == []
