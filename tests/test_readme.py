import sys

import pytest
from conftest import ROOT
from PIL import Image

sys.path.insert(0, str(ROOT / "tools"))
import readme

TEXT = readme.README.read_text(encoding="utf-8")


@pytest.mark.usefixtures("committed_results")
def test_the_result_table_is_up_to_date() -> None:
    assert readme.readme_text(readme.chosen_records()) == TEXT, "ejecuta python tools/readme.py"


@pytest.mark.usefixtures("committed_results")
def test_the_result_chart_is_up_to_date() -> None:
    drawn = Image.open(readme.CHART).info["Description"]
    assert drawn == readme.fingerprint(readme.chosen_records()), "ejecuta python tools/readme.py"


def test_it_is_short() -> None:
    assert len(TEXT.splitlines()) < 200
