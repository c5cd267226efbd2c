"""Scripts on a real, cluster-enabled server: one file per script."""

import pytest

pytest.register_assert_rewrite("tests.lua.hall")
