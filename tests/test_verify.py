"""`verify`: qué se puede repetir aquí, qué significa lo que sale y, de verdad, un registro."""

import json
from pathlib import Path

import pytest
from conftest import NOTEBOOK, RTX, Cells

from fashion_bench import lesson
from fashion_bench import verify as verifying
from fashion_bench.__main__ import NOT_COMPARABLE, obey
from fashion_bench.errors import BAD_USAGE, FAILED, FINE
from fashion_bench.figures import Record
from fashion_bench.measure import provenance
from fashion_bench.measure import recorder as recorders
from fashion_bench.record import Agreement, Calibration

GPU = {
    "accelerator": RTX.model_dump(),
    "agreement": Agreement(
        precision="float32", loss_difference=0, gradient_difference=0, update_difference=0
    ).model_dump(),
}
LIMITED = {"machine": {"settings": {"ONEDNN_MAX_CPU_ISA": "AVX"}}}


def parsed(content: dict, **changes: dict) -> Record:
    """El registro, con parte de lo suyo cambiado."""
    parts = {
        name: content[name] | change if isinstance(content[name], dict) else change
        for name, change in changes.items()
    }
    return Record.model_validate_json(json.dumps(content | parts))


@pytest.mark.parametrize("gpu", [{}, GPU], ids=["cpu", "gpu"])
def test_the_same_place_has_no_obstacles(record: dict, gpu: dict) -> None:
    one = parsed(record, **gpu)
    assert verifying.obstacles(one, one) == []


@pytest.mark.parametrize(
    ("there", "here", "reasons"),
    [
        ({}, GPU, ["dispositivo: allí, CPU; aquí, NVIDIA GeForce RTX 3060"]),
        (
            {"software": {"backend": "jax", "jax": "0.7"}},
            {},
            ["backend: allí, jax; aquí, tensorflow", "jax: allí, 0.7; aquí, desconocido"],
        ),
        ({"software": {"tensorflow": "2.1"}}, {}, ["tensorflow: allí, 2.1; aquí, 2.21.0"]),
        ({"software": {"keras": "3.1"}}, {}, ["keras: allí, 3.1; aquí, 3.15.1"]),
        ({"software": {"torch": "2.9"}}, {}, ["torch: allí, 2.9; aquí, desconocido"]),
        (
            {"machine": {"instruction_sets": ["AVX", "AVX2", "AVX-512"]}},
            {},
            ["instrucciones con las que calcula: allí, AVX-512; aquí, AVX2"],
        ),
        ({"software": {"onednn": False}}, {}, ["onednn: allí, no; aquí, sí"]),
        (
            LIMITED,
            {},
            [
                "instrucciones con las que calcula: allí, AVX; aquí, AVX2",
                "variables de entorno (ponlas igual y repite): allí, ONEDNN_MAX_CPU_ISA=AVX; "
                "aquí, ninguna",
            ],
        ),
        (GPU | {"software": {"cuda": "12"}}, GPU, ["cuda: allí, 12; aquí, desconocido"]),
        (GPU | {"software": {"cudnn": "9.3"}}, GPU, ["cudnn: allí, 9.3; aquí, desconocido"]),
        (GPU | {"software": {"tf32": True}}, GPU, ["tf32: allí, sí; aquí, desconocido"]),
        ({"network": {"weights": 1}}, {}, ["su red no es la del cuaderno 01 que hay aquí"]),
        ({"data": {"sha256": "2" * 64}}, {}, ["sus imágenes no son las que hay aquí"]),
    ],
)
def test_what_changes_the_sums_is_an_obstacle(
    record: dict, there: dict, here: dict, reasons: list[str]
) -> None:
    found = verifying.obstacles(parsed(record, **there), parsed(record, **here))
    assert found == reasons


def test_what_could_change_them_is_only_a_doubt(record: dict) -> None:
    there = parsed(record)
    assert verifying.doubts(there, there) == []
    here = parsed(
        record,
        machine={"cpu": "Otra", "instruction_sets": ["AVX2"], "usable_cores": 1.5, "os": "macOS"},
        code={"version": "9.0", "notebook_sha256": "1" * 64},
    )
    assert verifying.obstacles(there, here) == []
    assert verifying.doubts(there, here) == [
        "procesador: allí, CPU inventada; aquí, Otra",
        "instrucciones que tiene: allí, AVX, AVX2; aquí, AVX2",
        "núcleos: allí, 4; aquí, 1.5",
        "sistema: allí, Debian GNU/Linux 12; aquí, macOS",
        f"versión del proyecto: allí, {there.code.version}; aquí, 9.0",
        "el código del cuaderno 01 no es el mismo (el de entonces está en git: 8c0580ea761b)",
    ]
    assert len(verifying.doubts(parsed(record, **GPU), there)) == 1


@pytest.mark.parametrize(
    ("seen", "doubts", "impossible", "reproduced"),
    [
        (0.5, [], [], True),
        (0.5, ["otro procesador"], [], True),
        (0.5, [], ["entrena demasiado deprisa"], False),
        (0.5000000001, [], [], False),
        (float("nan"), [], [], False),
        (0.5000000001, ["otro procesador"], [], None),
    ],
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_only_equal_figures_are_reproduced(
    at: int, seen: float, doubts: list[str], impossible: list[str], reproduced: bool | None
) -> None:
    told = {f"pérdida {number}": 0.5 for number in range(3)}
    here = told | {f"pérdida {at}": seen}
    unchecked = "No se han comprobado los segundos."
    verdict, text = verifying.judge(told, here, doubts, impossible, unchecked)
    assert verdict is reproduced
    assert repr(seen) in text
    assert all(doubt in text for doubt in doubts if not reproduced)
    assert all(reason in text for reason in impossible)
    assert (unchecked in text) is (seen == 0.5)


def test_what_is_not_checked_is_told(record: dict) -> None:
    told = parsed(record, repeats=[record["repeats"][0] | {"epoch_losses": [0.5, 0.4]}])
    assert verifying.unchecked(told, told.repeats).endswith("nada que salga de ellos.")
    first = verifying.unchecked(told, verifying.first_epoch(told))
    assert first.endswith("ni las demás épocas ni la exactitud.")
    short = parsed(record, repeats=[record["repeats"][0] | {"epoch_losses": [0.5]}])
    assert verifying.unchecked(short, short.repeats).endswith("ni las demás épocas.")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": {"notebook": "05_otro.ipynb"}}, "con 05_otro.ipynb"),
        ({"code": {"version": "0.2.0"}}, "la versión 0.2.0, que recorría los lotes"),
        ({"status": "failed", "reason": "error", "repeats": []}, "la pérdida de ninguna época"),
        ({}, "la pérdida de ninguna época"),
    ],
)
def test_some_records_cannot_be_replayed_anywhere(
    record: dict, tmp_path: Path, capsys: pytest.CaptureFixture, changes: dict, reason: str
) -> None:
    path = tmp_path / "registro.json"
    record["code"]["version"] = "0.3.0"
    path.write_text(parsed(record, **changes).model_dump_json(), encoding="utf-8")
    assert obey(["verify", str(path)]) == NOT_COMPARABLE
    assert reason in capsys.readouterr().out


def test_a_bad_record_is_told_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    old = tmp_path / "viejo.json"
    old.write_text('{"schema_version": 1}', encoding="utf-8")
    assert obey(["verify", str(old)]) == BAD_USAGE
    assert "usa el formato 1" in capsys.readouterr().err


@pytest.mark.slow
def test_a_record_of_here_is_reproduced_and_a_lie_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = Calibration(
        float32_flops=2e11, precision_flops=2e11, bytes_per_second=4e10, order_seconds=1e-4
    )
    monkeypatch.setattr(recorders, "calibrate", lambda precision: fast)
    real = provenance.code
    clean = {"version": "0.3.0", "git_commit": None}  # aunque aquí haya cambios sin confirmar
    monkeypatch.setattr(provenance, "code", lambda name: real(name).model_copy(update=clean))
    chosen = {"train_samples": 1000, "epochs": 2, "device": "cpu", "results_dir": str(tmp_path)}
    cells = Cells(NOTEBOOK, **chosen, agreement=None)
    cells.run("comprobar", *lesson.PREPARE, "calentar", "entrenar")
    [path] = tmp_path.glob("*.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    [repeat] = content["repeats"]
    first, second = repeat["epoch_losses"]

    def verdict(*more: str, **changes: object) -> int:
        lying = content | {"repeats": [repeat | changes]}
        path.write_text(json.dumps(lying), encoding="utf-8")
        return obey(["verify", str(path), *more])

    assert verdict() == FINE
    told = capsys.readouterr().out
    assert "No se han comprobado los segundos" in told
    assert f"aciertos en prueba, {repeat['test_correct']}" in told
    assert verdict("--first-epoch", test_correct=repeat["test_correct"] + 1) == FINE
    assert "ni la exactitud" in capsys.readouterr().out
    assert verdict("--first-epoch", epoch_losses=[first * (1 + 1e-9), second]) == FAILED
    assert verdict(epoch_losses=[first, 1e9]) == FAILED
    assert verdict(test_correct=repeat["test_correct"] + 1) == FAILED
    assert verdict(test_loss=repeat["test_loss"] / 2) == FAILED
    capsys.readouterr()
    assert verdict("--first-epoch", epoch_seconds=[0.0002, 0.0003]) == FAILED
    assert "entrena más deprisa de lo que" in capsys.readouterr().out
