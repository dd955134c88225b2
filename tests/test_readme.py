import re
import sys
import tomllib

import pytest
from conftest import ROOT
from PIL import Image

from fashion_bench import install
from fashion_bench.compare import files
from fashion_bench.compare.comparison import Contender
from fashion_bench.figures import Record

sys.path.insert(0, str(ROOT / "tools"))
import readme

TEXT = readme.README.read_text(encoding="utf-8")


def cited() -> list[Contender]:
    """Los equipos de los registros que enlaza; los que llegan se añaden cuando ya están en main."""
    linked = set(re.findall(r"\(results/([\w-]+)\.json\)", TEXT))
    found, _ = files.load_folder(ROOT / "results")
    return readme.choose([record for record in found if record.run_id in linked])


@pytest.mark.usefixtures("committed_results")
def test_the_result_table_says_the_truth_of_what_it_cites() -> None:
    assert readme.readme_text(cited()) == TEXT, "ejecuta python tools/readme.py"
    with Image.open(readme.CHART) as chart:
        drawn = chart.info["Description"]
    assert drawn == readme.fingerprint(cited()), "ejecuta python tools/readme.py"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "**gana**",
            "_x_",
            "~~y~~",
            ":tada:",
            "@0xcafe",
            "yo@1and1.com",
            "www.x.es",
            "a|b",
            "`x`",
        ),
        *("[a](b)", "![a](b)", "# a", "- a", "1. <b>", "a&lt;b", "https://x.example", "a\\|b"),
    ],
)
def test_a_name_is_only_text(name: str) -> None:
    """GitHub no busca en el código ni enlaces, ni menciones, ni dibujos."""
    told = readme.neutral(name)
    assert told.startswith("`") and told.endswith("`") and not set(told[1:-1]) & {"`", "|"}
    assert readme.neutral("AMD EPYC (AVX-512) · CPU #2") == "AMD EPYC (AVX-512) · CPU #2"


def make(record: dict, label: str, *, images: int = 54_000, **parameters: object) -> Record:
    """Un registro con los valores por defecto, salvo los que se dan."""
    usual = {"batch_size": 128, "precision": "float32", "train_samples": 60_000}
    return Record.model_validate(
        record
        | {
            "label": label,
            "parameters": record["parameters"] | usual | parameters,
            "data": record["data"] | {"training_images": images, "validation_images": 6000},
        }
    )


def test_only_default_runs_that_count_are_published(record: dict) -> None:
    """Cada uno de los que sobran lo hacen dos equipos: en un grupo mayor que el bueno."""
    good = make(record, "Equipo | bueno")
    failed = record | {"status": "failed", "reason": "error ValueError"}
    others = [
        other
        for label in ("Uno", "Otro")
        for other in (
            make(record, label, batch_size=512),
            make(record, label, precision="mixed_bfloat16"),
            make(record, label, train_samples=30_000, images=24_000),
            make(record, label, workers=2),
            make(failed, label),
        )
    ]
    for other in others:
        assert readme.choose([other]) == []
    chosen = readme.choose([*others, good])
    assert chosen == [Contender("Equipo | bueno (AVX2) · CPU", [good])]
    header, _, row = readme.table(chosen).splitlines()
    assert header.count("|") == row.count("|") == 9
    assert row == (
        "| `Equipo   bueno (AVX2) · CPU` | 1 | 1.50 | 36\xa0000 | 0\xa0% | 0.9100 "
        "| es la referencia | [1](results/20261123T162119Z-685e8f16.json) |"
    )


def test_all_the_sessions_of_a_machine_are_published(record: dict) -> None:
    calibration = {
        "float32_flops": 15_680 * 36_000 * 4,
        "precision_flops": 15_680 * 36_000 * 4,
        "bytes_per_second": 1e10,
        "order_seconds": 1e-6,
    }
    first = make(record | {"calibration": [calibration] * 2}, "PC")
    second = make(
        record
        | {"run_id": "20261124T162119Z-00000000", "created_utc": "2026-11-24T16:21:19Z"}
        | {"calibration": [calibration] * 2},
        "PC",
    )
    flawed = make(record | {"status": "interrupted", "reason": "Parado"}, "PC")
    [only] = readme.choose([second, flawed, first])
    assert only.records == [first, second]
    [_, _, row] = readme.table([only]).splitlines()
    assert re.fullmatch(
        r"\| PC \(AVX2\) · CPU \| 2 \| 1\.50 \(\d+\.\d\d-\d+\.\d\d\) \| 36\xa0000 "
        r"\| 25\xa0% \| 0\.9100 \| es la referencia "
        r"\| \[1\]\(results/20261123T162119Z-685e8f16\.json\), "
        r"\[2\]\(results/20261124T162119Z-00000000\.json\) \|",
        row,
    )
    assert readme.fingerprint([only]) != readme.fingerprint([only._replace(records=[first])])


def test_its_addresses_and_its_package_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pages = TEXT + (ROOT / "site" / "instalar.md").read_text(encoding="utf-8")
    told = set(re.findall(r"https://[^)>\s]*fashion-bench[^)>\s]*", pages))
    assert told <= {url for of in project["urls"] if (url := install.address(of))}
    assert set(re.findall(r"[\w.-]+\.whl", pages)) == {install.wheel()}
    assert set(project["scripts"]) == {"fashion-mnist-cnn"}


def test_it_is_short() -> None:
    told = re.sub(r"```.*?```|<[^>]+>", " ", TEXT, flags=re.DOTALL)
    assert len(told.split()) <= 1000
