"""`verify`: qué se puede repetir aquí, qué significa lo que sale y, de verdad, un registro."""

import json
from pathlib import Path

import pytest
from conftest import NOTEBOOK, RTX, Cells

from fashion_bench import lesson
from fashion_bench.commands import BAD_USAGE, FAILED, FINE, verify
from fashion_bench.commands.verify import NOT_COMPARABLE
from fashion_bench.measure import recorder as recorders
from fashion_bench.parts import Agreement, Calibration
from fashion_bench.record import Record
from fashion_bench.results import reproduction
from fashion_bench.results.reproduction import Place, Replayed

GPU = {
    "accelerator": RTX.model_dump(),
    "agreement": Agreement(
        precision="float32", loss_difference=0, gradient_difference=0
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


def place(record: Record) -> Place:
    return Place(*(getattr(record, field) for field in Place._fields))


@pytest.mark.parametrize("gpu", [{}, GPU], ids=["cpu", "gpu"])
def test_the_same_place_has_no_obstacles(record: dict, gpu: dict) -> None:
    one = parsed(record, **gpu)
    assert reproduction.obstacles(one, place(one)) == []


@pytest.mark.parametrize(
    ("there", "here", "reasons"),
    [
        ({}, GPU, ["calculó la CPU y aquí sería la GPU NVIDIA GeForce RTX 3060"]),
        (
            {"software": {"backend": "jax", "jax": "0.7"}},
            {},
            ["el motor era jax y aquí es tensorflow", "la de JAX era 0.7 y aquí es desconocido"],
        ),
        ({"software": {"keras": "3.1"}}, {}, ["la de Keras era 3.1 y aquí es 3.15.1"]),
        (
            {"machine": {"instruction_sets": ["AVX", "AVX2", "AVX-512"]}},
            {},
            ["calculó con AVX-512 y aquí sería con AVX2"],
        ),
        ({"software": {"onednn": False}}, {}, ["oneDNN estaba apagado y aquí, encendido"]),
        (
            LIMITED,
            {},
            [
                "variables de entorno: allí, ONEDNN_MAX_CPU_ISA=AVX; aquí, ninguna; "
                "ponlas igual y repite"
            ],
        ),
        (GPU | {"software": {"cudnn": "9.3"}}, GPU, ["la de cuDNN era 9.3 y aquí es desconocido"]),
        (GPU | {"software": {"tf32": True}}, GPU, ["TF32 estaba encendido y aquí, desconocido"]),
        ({"network": {"weights": 1}}, {}, ["su red no es la del cuaderno 01 que hay aquí"]),
        ({"data": {"sha256": "2" * 64}}, {}, ["sus imágenes no son las que hay aquí"]),
    ],
)
def test_what_changes_the_sums_is_an_obstacle(
    record: dict, there: dict, here: dict, reasons: list[str]
) -> None:
    found = reproduction.obstacles(parsed(record, **there), place(parsed(record, **here)))
    assert found == reasons


def test_what_could_change_them_is_only_a_doubt(record: dict) -> None:
    there = parsed(record)
    assert reproduction.doubts(there, place(there)) == []
    here = parsed(
        record,
        machine={"cpu": "Otra", "instruction_sets": ["AVX2"], "usable_cores": 1.5, "os": "macOS"},
        code={"version": "0.3.0", "notebook_sha256": "1" * 64},
    )
    assert reproduction.obstacles(there, place(here)) == []
    assert reproduction.doubts(there, place(here)) == [
        "el procesador era CPU inventada y aquí es Otra",
        "sus instrucciones eran AVX, AVX2 y aquí son AVX2",
        "usaba 4 núcleos y aquí, 1.5",
        "el sistema era Debian GNU/Linux 12 y aquí es macOS",
        "el proyecto era el 0.2.0 y aquí es el 0.3.0",
        "el código del cuaderno 01 no es el mismo (el de entonces está en git: 8c0580ea761b)",
    ]
    assert len(reproduction.doubts(parsed(record, **GPU), place(there))) == 1


@pytest.mark.parametrize(
    ("seen", "doubts", "reproduced"),
    [
        (0.5, [], True),
        (0.5, ["otro procesador"], True),
        (0.5000000001, [], False),
        (float("nan"), [], False),
        (0.5000000001, ["otro procesador"], None),
    ],
)
def test_only_equal_figures_are_reproduced(
    seen: float, doubts: list[str], reproduced: bool | None
) -> None:
    verdict = reproduction.judge([Replayed("pérdida", 0.5, seen)], doubts)
    assert verdict.reproduced is reproduced
    assert repr(seen) in verdict.text
    assert all(doubt in verdict.text for doubt in doubts if not reproduced)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"parameters": {"workers": 2}}, "en 2 procesos"),
        ({"code": {"notebook": "05_otro.ipynb"}}, "con 05_otro.ipynb"),
        ({"status": "failed", "reason": "error", "repeats": []}, "ninguna época"),
    ],
)
def test_some_records_cannot_be_replayed_anywhere(
    record: dict, tmp_path: Path, capsys: pytest.CaptureFixture, changes: dict, reason: str
) -> None:
    path = tmp_path / "registro.json"
    path.write_text(parsed(record, **changes).model_dump_json(), encoding="utf-8")
    assert verify.main([str(path)]) == NOT_COMPARABLE
    assert reason in capsys.readouterr().out


def test_a_cut_record_is_replayed_only_with_its_losses(record: dict) -> None:
    cut = {"epoch_seconds": [1.0], "test_correct": None, "test_loss": None}
    ended = {"status": "interrupted", "reason": "x"}
    bare = parsed(record, repeats=[record["repeats"][0] | cut], **ended)
    assert reproduction.unrepeatable(bare) == "no dice ninguna pérdida"
    told = parsed(record, repeats=[record["repeats"][0] | cut | {"epoch_losses": [0.5]}], **ended)
    assert reproduction.unrepeatable(told) is None
    assert reproduction.epochs_to_replay(told) == 1
    assert reproduction.epochs_to_replay(parsed(record)) == 2


def test_a_bad_order_and_a_bad_record_are_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for arguments in ([], ["--x"], ["a.json", "b.json"]):
        assert verify.main(arguments) == BAD_USAGE
        assert capsys.readouterr().err.startswith("Uso: ")
    old = tmp_path / "viejo.json"
    old.write_text('{"schema_version": 1}', encoding="utf-8")
    assert verify.main([str(old)]) == BAD_USAGE
    assert capsys.readouterr().err.endswith(
        "viejo.json no es válido como registro: usa el formato 1, de una versión anterior de este "
        "proyecto; mide otra vez.\n"
    )


@pytest.mark.slow
def test_a_record_of_here_is_reproduced_and_an_altered_one_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = Calibration(
        float32_flops=2e11, precision_flops=2e11, bytes_per_second=4e10, order_seconds=1e-4
    )
    monkeypatch.setattr(recorders, "calibrate", lambda precision: fast)
    chosen = {"train_samples": 1000, "epochs": 2, "device": "cpu", "results_dir": str(tmp_path)}
    cells = Cells(NOTEBOOK, **chosen, agreement=None)
    cells.run("comprobar", *lesson.PREPARE, "calentar", "entrenar")
    [path] = tmp_path.glob("*.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    [repeat] = content["repeats"]
    assert len(repeat["epoch_losses"]) == 2

    def verdict(**changes: object) -> int:
        repeat.update(changes)
        path.write_text(json.dumps(content), encoding="utf-8")
        return verify.main([str(path)])

    assert verdict() == FINE
    assert "Se va a repetir su primera época" in capsys.readouterr().out
    assert verdict(epoch_losses=[repeat["epoch_losses"][0] * (1 + 1e-9), 0.5]) == FAILED
    assert verdict(epoch_losses=None) == FINE  # los de antes: entero, y su evaluación
    assert "aciertos en prueba" in capsys.readouterr().out
