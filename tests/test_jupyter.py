"""Callar a TensorFlow, pero no cuando falla."""

import subprocess
import sys

import pytest

FAIL = """
import os
from fashion_bench.jupyter import quiet
with quiet():
    os.write(2, b"lo que dijo TensorFlow")
    {then}
"""


@pytest.mark.parametrize(
    ("then", "told"), [("pass", False), ("raise ValueError('no se puede')", True)]
)
def test_notices_are_shown_only_if_the_import_fails(then: str, told: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAIL.format(then=then)], capture_output=True, text=True
    )
    assert ("lo que dijo TensorFlow" in done.stderr) is told
    assert (done.returncode != 0) is told
