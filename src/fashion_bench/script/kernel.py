"""El kernel en el que el script ejecuta el cuaderno."""

from typing import Any

from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_core.utils import run_sync


class Kernel(AsyncKernelManager):
    """Un kernel con este mismo Python, haya los que haya instalados para Jupyter.

    Papermill no cierra el kernel que se le da: hay que acabar con `close`.
    """

    def __init__(self) -> None:
        super().__init__(
            kernel_name="python3",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            transport_encryption="auto",
        )
        self._clients: list[AsyncKernelClient] = []

    def client(  # type: ignore[override]
        self,
        **options: Any,  # noqa: ANN401
    ) -> AsyncKernelClient:
        """Devuelve con qué hablar con el kernel."""
        self._clients.append(super().client(**options))
        return self._clients[-1]

    def close(self) -> None:
        """Termina el kernel, si está en marcha, y las conexiones con él."""
        if self.has_kernel:
            run_sync(self.shutdown_kernel)(now=True)
        for client in self._clients:
            client.stop_channels()
