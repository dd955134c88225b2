"""El curso como sitio web: los ajustes de Sphinx. Lo construye `python tools/website.py`."""

from typing import Any

from fashion_bench.install import repository

project = "Tu primera red convolucional, contra el reloj"
language = "es"
extensions = ["myst_nb"]

nb_execution_mode = "off"  # se publica lo que está confirmado en git, sin entrenar
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # nada que pida conexión
myst_heading_anchors = 3
myst_enable_extensions = ["attrs_block"]  # el inicio da nombre a sus bloques
suppress_warnings = ["myst.header"]  # un cuaderno puede saltarse un nivel de título

html_theme = "sphinx_book_theme"
html_title = project
html_favicon = "_static/reloj.svg"
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_css_files = ["curso.css"]
html_copy_source = True
html_sourcelink_suffix = ""
html_show_copyright = False
html_use_index = False
html_theme_options: dict[str, Any] = {
    "repository_url": repository(),
    "repository_branch": "main",
    "use_repository_button": True,
    "launch_buttons": {
        "colab_url": "https://colab.research.google.com",
        "binderhub_url": "https://mybinder.org",
        "notebook_interface": "jupyterlab",
    },
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "navbar_persistent": [],
    "footer_content_items": [],
    # El tablero no los lleva: su tabla pide todo el ancho.
    "secondary_sidebar_items": {
        name: ["page-toc.html"]
        for name in ("index", "instalar", "como_se_mide", "anade_tu_equipo", "notebooks/**")
    },
    "search_bar_text": "Buscar…",
    "toc_title": "En esta página",
}
