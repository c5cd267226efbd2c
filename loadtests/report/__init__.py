"""The report of a load test: one page that needs nothing else, from what the run left behind.

python -m loadtests.report DIR          DIR/report.html, anew
python -m loadtests.report DIR OTHER    DIR/comparison.html, both runs side by side
"""

from loadtests.report.page import compare, render

__all__ = ["compare", "render"]
