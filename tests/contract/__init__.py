"""What clients written elsewhere may rely on: answers, streams, refusals."""

import pytest

pytest.register_assert_rewrite(
    "tests.contract.fan", "tests.contract.organiser", "tests.contract.scene", "tests.contract.sse"
)
