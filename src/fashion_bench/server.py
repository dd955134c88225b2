"""Lo que el proyecto cambia en el servidor de Jupyter de su mismo entorno.

El servidor lo carga al arrancar: se lo pide `jupyter/fashion_bench.json`, que se instala con el
paquete.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

MAX_MESSAGE_BYTES = 200_000_000
"""Lo que puede pesar un mensaje: la foto que se sube con el botón del cuaderno 01 va en uno."""


def _load_jupyter_server_extension(server: "ServerApp") -> None:
    """Deja pasar fotos grandes; sin esto, Tornado cierra la conexión con más de 10 MiB."""
    server.web_app.settings.setdefault("websocket_max_message_size", MAX_MESSAGE_BYTES)
