"""Many at once, and the same again with a guard taken out, which must be noticed."""

import pytest

pytest.register_assert_rewrite(
    "tests.lua.hall", "tests.race.crowd", "tests.race.stage", "tests.race.stories"
)
