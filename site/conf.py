"""El curso como sitio web: los ajustes de Sphinx. Lo construye `python tools/website.py`."""

from typing import Any

from fashion_bench.install import address

project = "Tu primera red convolucional, contra el reloj"
language = "es"
extensions = ["myst_nb"]

nb_execution_mode = "off"  # se publica lo que está confirmado en git, sin entrenar
nb_merge_streams = True
nb_code_prompt_show = "Ver el código de esta celda"
nb_code_prompt_hide = "Plegar el código"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # nada que pida conexión
myst_heading_anchors = 3
myst_enable_extensions = ["attrs_block"]  # el inicio da nombre a sus bloques
suppress_warnings = ["myst.header"]  # un cuaderno puede saltarse un nivel de título

# Un botón que necesita la dirección del proyecto no se enseña hasta que la haya.
repository = address("Repository")
site = address("Documentation")

html_theme = "sphinx_book_theme"
html_baseurl = f"{site}/" if site else ""
html_title = project
html_favicon = "_static/reloj.svg"
html_context = {
    "default_mode": "auto",
    # De qué archivo sale cada página lo pone en `origin` `tools/website.py`.
    "edit_page_url_template": f"{repository}/edit/main/{{{{ origin }}}}{{# file_name #}}",
    "edit_page_provider_name": "GitHub",
}
html_static_path = ["_static"]
html_css_files = ["curso.css"]
html_js_files = [("curso.js", {"defer": "defer"})]
html_copy_source = True
html_sourcelink_suffix = ""
html_show_copyright = False
html_use_index = False
html_theme_options: dict[str, Any] = {
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "navbar_persistent": [],
    "footer_content_items": [],
    "show_toc_level": 2,
    # El tablero y la ficha de un registro no los llevan: la tabla pide todo el ancho.
    "secondary_sidebar_items": {
        name: ["page-toc.html"]
        for name in (
            "index", "instalar", "como_se_mide", "anade_tu_equipo", "mide_tu_gpu",
            "benchmarks", "cambios", "notebooks/**",
        )
    },
    "search_bar_text": "Buscar…",
    "toc_title": "En esta página",
}  # fmt: skip
if repository:
    html_theme_options |= {
        "repository_url": repository,
        "repository_branch": "main",
        "use_repository_button": True,
        "use_edit_page_button": True,
        "use_issues_button": True,
        "launch_buttons": {
            "colab_url": "https://colab.research.google.com",
            "binderhub_url": "https://mybinder.org",
            "notebook_interface": "jupyterlab",
        },
    }
