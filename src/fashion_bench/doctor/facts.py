"""Los hechos de un equipo que deciden si un motor ve su GPU y calcula en ella.

Aquí está su forma y lo que de ellos se sigue sin más; los reúne `probe` y los juzga `diagnosis`.
"""

import re
from typing import Literal

from fashion_bench import install
from fashion_bench.doctor import needs
from fashion_bench.machine import hardware
from fashion_bench.record import TITLES, Accelerator, Backend, Frozen

TELLS = r"(?:\w*(?:Error|Exception|Warning)\b(?!\()|CUDA_ERROR|F\d{4} ).+"
"""Lo que, en lo que escribe un motor, dice cuál es el error; detrás puede ir de dónde sale."""


class Engine(Frozen):
    """Hasta dónde llega un motor de cálculo: importarse, importar Keras y dar un paso."""

    name: Backend
    version: str | None = None
    """`None` si la importación falla."""
    keras: str | None = None
    """`None` si falla la de Keras, o aún no se ha llegado a ella."""
    cuda: str | None = None
    """La CUDA con la que se construyó; `None` si es solo para CPU."""
    capabilities: tuple[str, ...] = ()
    """Para qué GPU trae código, si lo cuenta: `sm_80`, `compute_90`…"""
    gpus: tuple[str, ...] = ()
    tried_on: Literal["gpu", "cpu"] | None = None
    """Dónde se dio un paso de entrenamiento; `None` si no se ha intentado."""
    agrees: bool | None = None
    """Si el paso coincide con el de la CPU (en ella, si da un número); `None` si no acabó."""
    exit_code: int | None = 0
    """Con qué código acabó la prueba; `None` si no acabó a tiempo."""
    messages: str = ""
    """Lo que escribió en la salida de errores."""

    @property
    def progress(self) -> tuple[bool, bool, bool, bool]:
        """Hasta dónde ha llegado, para comparar dos pruebas."""
        return bool(self.version), bool(self.keras), self.agrees is True, bool(self.gpus)

    @property
    def failed(self) -> bool:
        """Dice si el paso de entrenamiento se intentó y no salió."""
        return self.tried_on is not None and self.agrees is not True

    @property
    def last_line(self) -> str:
        """La última línea que dice qué error hubo o, si ninguna lo dice, la última que escribió."""
        lines = [line.strip() for line in self.messages.splitlines() if line.strip()]
        told = [found[0] for line in lines if (found := re.search(TELLS, line))]
        return (told or lines or [""])[-1][:200]


class Facts(Frozen):
    """Todo lo que hace falta saber de un equipo.

    Es `None` lo que el sistema no deja saber, y con eso no se juzga.
    """

    os: str
    system: str
    architecture: str
    libc: str
    """La biblioteca de C de un Linux y su versión, como «glibc 2.36» o «musl»."""
    wsl: Literal[0, 1, 2]
    """La versión de WSL; 0 si no lo es."""
    container: bool | None
    rosetta: bool | None
    """Un Python para Intel que un Mac con Apple silicon traduce al vuelo."""
    python: str
    python_bits: int
    python_kind: str = ""
    """Si no es el Python corriente, el CPython de 64 bits con GIL, qué es: «PyPy», «MSYS2»…"""
    python_managed: bool = False
    """En él solo instala el sistema (PEP 668)."""
    python_command: str
    distributions: dict[str, str]
    """Versión que importa Python de los motores, de lo que choca con ellos y de las de CUDA."""
    missing_cuda_wheels: tuple[str, ...]
    engine: Engine
    in_the_way: tuple[str, ...] | None
    """Variables y archivos con los que el motor falla y sin los que no; `None` si no se ha probado.

    De las variables, solo su nombre: lo que valen puede ser un secreto.
    """
    nvidia_cards: tuple[Accelerator, ...]
    nvidia_error: str | None
    """Por qué no responde el controlador de NVIDIA o una de sus GPU; `None` si responde."""
    nvidia_hardware: bool | None
    """Hay una GPU NVIDIA enchufada (o, en WSL2, una GPU compartida), con o sin controlador."""
    nvidia_module: str | None
    """La versión del controlador de NVIDIA instalado en Linux, se cargue o no."""
    pci_gpus: tuple[str, ...] | None
    """Fabricante y modelo de las GPU enchufadas, como `10de:2504`; en WSL2 no se ven."""
    nouveau: bool | None
    """Linux usa la GPU con nouveau, el controlador libre, que no tiene CUDA."""
    secure_boot: bool | None
    """El arranque seguro está puesto: Linux no carga módulos sin firmar."""
    prime: str | None
    """Qué gráficos elige `prime-select` en un portátil con dos, si lo hay."""
    cuda_sees: bool | None = False
    """CUDA ve alguna GPU, o una parte de ella; solo se le pregunta si está en modo MIG."""
    jetson: bool | None = False
    """Es una placa Jetson de NVIDIA, que lleva sus propias bibliotecas."""
    virtual: bool | None = None
    """Es una máquina virtual."""
    visible_devices: str | None
    """La variable CUDA_VISIBLE_DEVICES."""
    free_memory_gib: float | None
    free_disk_gib: float | None
    free_temp_gib: float | None = None
    """Del disco en el que pip descomprime lo que descarga."""
    unread: tuple[str, ...] = ()
    """De lo que lee la lección y no hace falta, lo que el sistema no dice."""

    @property
    def title(self) -> str:
        """Cómo se llama el motor."""
        return TITLES[self.engine.name]

    @property
    def titled_version(self) -> str:
        """Cómo se llama el motor y su versión, con la de CUDA."""
        cuda = f" (CUDA {self.engine.cuda})" if self.engine.cuda else ""
        return f"{self.title} {self.engine.version}{cuda}"

    @property
    def card(self) -> Accelerator | None:
        """La GPU en la que se entrenaría: la que ve el motor o, si no ve, la más capaz."""
        if not self.engine.gpus:
            return max(
                self.nvidia_cards,
                key=lambda card: capability(card.compute_capability or "0.0"),
                default=None,
            )
        # De las que se llaman igual vale cualquiera: son de la misma capacidad.
        named = {card.name: hardware.Card(card) for card in reversed(self.nvidia_cards)}
        found = hardware.match_card(list(named.values()), self.engine.gpus[0])
        return found and found.accelerator

    @property
    def cudnn(self) -> str | None:
        """La versión de cuDNN instalada con pip, si la hay."""
        names = [name for name in self.distributions if name.startswith("nvidia-cudnn-cu")]
        return self.distributions[names[0]] if names else None

    @property
    def needs(self) -> needs.Need:
        """Lo que pide el motor."""
        return needs.NEEDS[self.engine.name]

    @property
    def driver_needed(self) -> str:
        """El controlador más antiguo con el que el motor calcula en la GPU de este equipo."""
        driver = needs.DRIVERS[self._cuda]
        told = self.card.compute_capability if self.card else None
        if self.engine.name == "tensorflow" and told and capability(told) >= needs.NEW_CARD:
            driver = needs.NEW_CARD_DRIVER
        return driver.linux if self.system == "Linux" and not self.wsl else driver.windows

    @property
    def old_card(self) -> bool:
        """Dice si las ramas nuevas del controlador de NVIDIA dejan atrás la GPU de este equipo."""
        if self.card:
            return capability(self.card.compute_capability or "9.0") < needs.FIRST_NEW_CARD
        models = [pci[5:] for pci in self.pci_gpus or () if pci.startswith("10de:")]
        return bool(models) and all(int(model, 16) in needs.OLD_CARDS for model in models)

    @property
    def drivers(self) -> str:
        """Los controladores de NVIDIA con los que el motor calcula en la GPU de este equipo."""
        last = f", pero de la rama {needs.LAST_OLD_DRIVER} como mucho" if self.old_card else ""
        return f"{self.driver_needed} o posterior{last}"

    @property
    def capabilities(self) -> tuple[tuple[int, int], int]:
        """Para qué GPU trae código el motor: de qué capacidad a cuál, sin su punto."""
        told = [
            capability(text)  # las de una AMD, como `gfx90a`, no se parecen
            for text in self.engine.capabilities
            if text.startswith(("sm_", "compute_"))
        ]
        if told:
            return min(told), max(told)[0]
        return max(self.needs.oldest, needs.OLDEST_CARD[self._cuda]), self.needs.newest

    @property
    def _cuda(self) -> int:
        """La generación de CUDA del motor o, si es de una más nueva, la última de la tabla."""
        major = numbers(self.engine.cuda or self.needs.cuda)[0]
        return min(major, max(needs.DRIVERS))

    @property
    def lock(self) -> str:
        """Archivo de versiones fijas que le toca a este equipo."""
        if self.system == "Darwin":
            return "requirements-macos.txt"
        nvidia = self.nvidia_cards or (self.nvidia_hardware and not self.wsl)
        if self.system == "Linux" and self.architecture == "x86_64" and nvidia:
            return "requirements-cuda.txt"
        return "requirements.txt"

    @property
    def engine_lock(self) -> str:
        """Archivo de versiones fijas que instala el motor."""
        return self.lock if self.engine.name == "tensorflow" else addition(self.engine.name)

    def install(self, lock: str, option: str = "") -> str:
        """Orden que instala un archivo de versiones fijas."""
        if self.python_managed:
            return self.new_environment.replace(" --clear", "")
        return " ".join([self.python_command, "-m pip install", *option.split(), install.pip(lock)])

    def add(self, backend: Backend, option: str = "") -> str:
        """Orden que añade un motor, o las bibliotecas de TensorFlow, para la GPU de este equipo."""
        if backend == "torch" and self.system == "Windows" and self.card:
            told = capability(self.card.compute_capability or "9.0")
            cuda = "cu128" if told >= needs.NEEDS["torch"].oldest else "cu126"
            return f"{self.python_command} -m pip install {needs.TORCH_WHEEL.format(cuda)}"
        return self.install(addition(backend), option)

    def install_gpu(self, option: str = "") -> str:
        """Orden que instala el motor con lo que necesita para calcular en una GPU NVIDIA."""
        return self.add(self.engine.name, option)

    @property
    def new_environment(self) -> str:
        """Orden que rehace `.venv` con esta versión de Python o, si no sirve, con la 3.12."""
        version = numbers(self.python)[:2]
        if self.python_kind or not needs.PYTHONS[0] <= version <= needs.PYTHONS[1]:
            version = (3, 12)
        name = ".".join(map(str, version))
        return install.new_environment(self.lock, name, self.system == "Windows")

    def script(self, backend: Backend) -> str:
        """Orden que entrena con un motor."""
        return f"{install.script(self.python_command)} --backend {backend}"

    @property
    def script_on_cpu(self) -> str:
        """Orden que entrena en la CPU con el motor de este equipo."""
        return f"{self.script(self.engine.name)} --device cpu"

    def install_and_train(self, backend: Backend) -> str:
        """Orden que añade un motor y entrena con él en la GPU."""
        return f"{self.add(backend)} && {self.script(backend)}"

    @property
    def more_memory(self) -> str:
        """De dónde puede salir más memoria en este equipo."""
        if self.wsl:
            return "WSL2 solo toma la mitad de la del equipo; dale más, con memory= en .wslconfig"
        if self.container:
            return "cierra otros programas o dale más al contenedor, con --memory"
        if self.system == "Windows":
            return "cierra otros programas o deja que Windows agrande su archivo de paginación"
        return "cierra otros programas"

    @property
    def install_driver(self) -> str:
        """Orden que instala el controlador de NVIDIA, donde la hay."""
        if self.os.startswith("Ubuntu") and not self.wsl:
            return "sudo ubuntu-drivers install && sudo reboot"
        return ""

    def unset(self, names: list[str]) -> str:
        """Orden que borra unas variables de la terminal."""
        if self.system == "Windows":
            return " && ".join(f"set {name}=" for name in names)
        return f"unset {' '.join(names)}"


def addition(backend: Backend) -> str:
    """Archivo de versiones fijas que añade un motor o, con TensorFlow, sus bibliotecas."""
    return f"requirements-{'cuda' if backend == 'tensorflow' else backend}.txt"


def numbers(version: str) -> tuple[int, ...]:
    """Los números de una versión, para compararla con otra."""
    return tuple(map(int, re.findall(r"\d+", version)))


def capability(text: str) -> tuple[int, int]:
    """Capacidad de cómputo escrita como `8.6`, `sm_86` o `compute_86`."""
    digits = re.sub(r"\D", "", text)
    return int(digits[:-1]), int(digits[-1])


def has_code(backend: Backend, card: Accelerator) -> bool:
    """Dice si un motor trae código para una GPU."""
    needed, found = needs.NEEDS[backend], capability(card.compute_capability or "0.0")
    return needed.oldest <= found and found[0] <= needed.newest
