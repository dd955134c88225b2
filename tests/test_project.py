"""Lo que el proyecto dice de sí mismo: está en `pyproject.toml` y lo demás coincide con él."""

import re
import tomllib
from email.message import Message
from importlib.metadata import metadata

import pytest
import yaml
from conftest import ROOT

from fashion_bench import install

ABOUT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ADDRESS = ABOUT["urls"]["Repository"]


def test_the_citation_agrees() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {
        "name": citation["title"],
        "version": citation["version"],
        "license": citation["license"],
        "description": citation["abstract"],
        "authors": citation["authors"],
        "urls": {"Repository": citation["repository-code"], "Documentation": citation["url"]},
    } == {
        name: ABOUT[name]
        for name in ("name", "version", "license", "description", "authors", "urls")
    }


def test_the_classifiers_agree() -> None:
    given = [name for name in ABOUT["classifiers"] if re.search(r"Python :: 3\.", name)]
    lowest, highest = map(int, re.findall(r"3\.(\d+)", ABOUT["requires-python"]))
    assert given == [f"Programming Language :: Python :: 3.{n}" for n in range(lowest, highest)]
    assert (ROOT / ABOUT["license-files"][0]).read_text("utf-8").startswith(ABOUT["license"])


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("https://ejemplo.org/alguien/curso/", "https://ejemplo.org/alguien/curso"),
        ("https://github.com/el.example/curso", "https://github.com/el.example/curso"),
        ("https://github.example/alguien/curso", None),
    ],
)
def test_the_address_comes_from_what_is_installed(
    told: str, address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Y la de ejemplo no es ninguna."""
    assert metadata("fashion-bench").get_all("Project-URL") == [
        f"{name}, {url}" for name, url in ABOUT["urls"].items()
    ]
    installed = Message()
    installed["Project-URL"] = "Otra, https://ejemplo.org"
    installed["Project-URL"] = f"Repository, {told}"
    monkeypatch.setattr(install, "metadata", lambda name: installed)
    assert install.address("Repository") == address


def test_the_address_is_not_written_again_in_the_code() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for folder in ("src", "tools", "site")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".j2", ".js", ".html")
        and ADDRESS.split("//")[1] in path.read_text(encoding="utf-8")
    ]
    assert found == []
