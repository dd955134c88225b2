"""Los gráficos, con Matplotlib: salen iguales lo configure como lo configure cada uno."""

import logging

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # sus avisos son de esa configuración
