"""Las cuentas a mano de los cuadernos, que se corrigen solas y dan una pista, no solo sí o no.

Lo que se espera de cada una sale de su fórmula y, en las que hablan de la red, de los tamaños que
dice la celda `red` del cuaderno 01.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from math import ceil, isclose, log
from typing import NamedTuple

from fashion_bench import data, lesson
from fashion_bench.errors import TutorialError
from fashion_bench.exercises.bets import numbers
from fashion_bench.machine.engines import is_attended
from fashion_bench.text import shortest, written

IMAGES = data.TRAIN_IMAGES - data.validation_size(data.TRAIN_IMAGES)
"""Fotos de una época del cuaderno 01."""


class Task(NamedTuple):
    """Una cuenta a mano."""

    expected: float
    """Si es un entero, la respuesta tiene que ser ese; si no, basta con acercarse un 1 %."""
    why: str
    """La cuenta, en una frase."""
    hint: str
    """La pista que se da si la respuesta no es ni la buena ni un despiste conocido."""
    slips: Mapping[float, str]
    """De cada despiste conocido, lo que sale y en qué consiste."""


@cache
def network_tasks() -> dict[str, Task]:
    """Las cuentas sobre la red del cuaderno 01, con su nombre."""
    side, kernel, (first, second, *_), neurons = lesson.sizes()
    middle, last = side // 2, side // 4  # cada `MaxPooling2D` parte el lado en dos
    window = kernel**2
    square, places = f"{kernel}×{kernel}", f"{middle}×{middle}"
    flattened = last**2 * second
    first_weights = window * first + first
    second_weights = window * first * second + second
    dense_weights = flattened * neurons + neurons
    weights = first_weights + second_weights + dense_weights
    weights += (neurons + 1) * len(data.CLASS_NAMES)
    first_products = side**2 * first * window
    products = middle**2 * second * window * first
    return {
        "pesos de la primera convolución": Task(
            first_weights,
            f"cada uno de los {first} filtros tiene {square} números y un sesgo: "
            f"{window} × {first} + {first}",
            "cuenta los números de un filtro, súmale su sesgo y multiplica por los filtros que hay",
            {
                first_weights - first: "te faltan los sesgos, uno por filtro",
                window + 1: f"es un solo filtro, y hay {first}",
            },
        ),
        "pesos de la segunda convolución": Task(
            second_weights,
            f"cada uno de los {second} filtros tiene {square} números por cada uno de los {first} "
            f"canales que le llegan, y un sesgo: {window} × {first} × {second} + {second}",
            "un filtro es tan hondo como la imagen que le llega; mira cuántos canales trae",
            {
                second_weights - second: "te faltan los sesgos, uno por filtro",
                (window + 1) * second: f"has contado filtros de un solo canal: llegan {first}",
            },
        ),
        "números que entran en la primera densa": Task(
            flattened,
            f"después de dos MaxPooling2D quedan {second} mapas de {last}×{last}: "
            f"{last} × {last} × {second}",
            "sigue el lado, que cada MaxPooling2D parte en dos, y multiplica por los mapas",
            {
                side**2: "esos son los píxeles de la foto; por el camino ha cambiado de forma",
                middle**2 * second: "te falta el segundo MaxPooling2D",
            },
        ),
        "pesos de la primera densa": Task(
            dense_weights,
            f"cada una de las {neurons} neuronas tiene un peso por cada uno de los {flattened} "
            f"números que le llegan, y un sesgo: {flattened} × {neurons} + {neurons}",
            "cada neurona mira todos los números que entran, y además tiene su sesgo",
            {
                flattened * neurons: "te faltan los sesgos, uno por neurona",
                side**2 * neurons + neurons: "eso sería si le llegara la foto tal cual",
            },
        ),
        "multiplicaciones de la segunda convolución": Task(
            products,
            f"en cada uno de los {middle} × {middle} sitios, los {second} filtros hacen {window} × "
            f"{first} productos, también en el borde, con los ceros del relleno",
            "sitios de la imagen × filtros × números de un filtro (su sesgo se suma)",
            {
                2 * products: "has contado también las sumas",
                products // first: f"has contado filtros de un solo canal: llegan {first}",
                4 * products: f"el primer MaxPooling2D ya ha dejado la imagen en {places}",
            },
        ),
        "operaciones por imagen de la primera convolución": Task(
            2 * first_products,
            f"en cada uno de los {side} × {side} sitios, los {first} filtros hacen {window} "
            "productos, y multiplicar y sumar son dos operaciones",
            f"como la segunda, pero con un canal, {first} filtros y la imagen de {side}×{side}",
            {
                first_products: "multiplicar y sumar cuentan como dos operaciones",
                first_products / 2: f"el primer MaxPooling2D va después: aquí hay {side}×{side}",
            },
        ),
        "milésimas de segundo de la segunda convolución a 100 GFLOP/s": Task(
            1000 * 2 * products / 100e9,
            f"{written(2 * products)} operaciones entre cien mil millones por segundo son "
            f"{written(2 * products / 100e9, 6, 's')}",
            "operaciones ÷ operaciones por segundo da segundos; 1 GFLOP/s son mil millones",
            {
                2 * products / 100e9: "eso son segundos; se piden milésimas",
                1000 * products / 100e9: "cada multiplicación lleva su suma, que también cuenta",
            },
        ),
        "MB de los gradientes de la red": Task(
            4 * weights / 1e6,
            f"hay un gradiente por peso, {written(weights)}, y cada uno ocupa 4 bytes",
            "un gradiente por peso, de 32 bits; un byte son 8 bits y 1 MB, un millón de bytes",
            {
                weights / 1e6: "cada número de 32 bits ocupa 4 bytes",
                32 * weights / 1e6: "eso son megabits; un byte son 8 bits",
                4 * weights: "eso son bytes; se piden millones de bytes",
            },
        ),
    }


def _steps(batch: int) -> Task:
    """Los pasos por época con lotes de ese tamaño."""
    everything = f"{written(data.TRAIN_IMAGES)} son todas; para entrenar quedan {written(IMAGES)}"
    return Task(
        ceil(IMAGES / batch),
        f"{written(IMAGES)} ÷ {batch} son {IMAGES // batch} lotes enteros y uno más, a medias",
        "imágenes de entrenamiento ÷ imágenes de un lote, y lo que sobra también es un lote",
        {
            IMAGES // batch: "te falta el último lote, que no está lleno",
            IMAGES / batch: "un paso a medias también es un paso: redondea hacia arriba",
            ceil(data.TRAIN_IMAGES / batch): everything,
        },
    )


ARITHMETIC: Mapping[str, Task] = {
    "pérdida de quien reparte por igual entre diez clases": Task(
        log(10),
        "le da a la verdad una probabilidad de 0.1, y -log(0.1) es el logaritmo de 10",
        "¿qué probabilidad le da a la verdad? Calcula su logaritmo natural y cámbiale el signo",
        {
            -log(10): "falta cambiarle el signo: la pérdida nunca es negativa",
            1: "ese es el logaritmo decimal de 10; aquí es el natural, `np.log`",
        },
    ),
    "imágenes/s si una época de 54 000 imágenes dura 12 s": Task(
        IMAGES // 12,
        "las imágenes de la época entre sus segundos: 54 000 ÷ 12",
        "imágenes ÷ segundos",
        {data.TRAIN_IMAGES // 12: "60 000 son todas; para entrenar quedan 54 000"},
    ),
    "veces más rápido si un equipo tarda 12 s y el otro 15 s": Task(
        15 / 12,
        "el tiempo del lento entre el del rápido: 15 ÷ 12",
        "divide los dos tiempos; al más rápido le sale más de 1",
        {
            12 / 15: "has dividido al revés: al rápido le tiene que salir más de 1",
            25: "es verdad que va un 25 % más deprisa; se pide cuántas veces",
        },
    ),
    "mediana de las épocas de 12, 11, 25, 13 y 12 s": Task(
        12,
        "ordenadas son 11, 12, 12, 13 y 25, y la de en medio es 12: la de 25 s no la mueve",
        "ponlas en orden y quédate con la de en medio",
        {
            14.6: "esa es la media, que un solo tropiezo, el de 25 s, sube mucho",
            25: "esa es la de en medio sin ordenar",
        },
    ),
    "pasos por época con lotes de 128": _steps(128),
    "pasos por época con lotes de 512": _steps(512),
    "veces más rápido un paso si el 80 % de él va el doble de deprisa": Task(
        1 / (0.2 + 0.8 / 2),
        "queda el 20 % de antes y la mitad del 80 %: un 60 %, y 100 ÷ 60 es 1.67 (ley de Amdahl)",
        "calcula qué parte del tiempo queda y divide 1 entre ella",
        {
            2: "eso sería si todo fuese el doble de deprisa; el 20 % sigue igual",
            0.6: "esa es la parte del tiempo que queda; se pide cuántas veces más rápido",
            1.6: "no se promedian las velocidades: se suman los tiempos",
        },
    ),
    "mensajes seguidos del anillo con 4 procesos": Task(
        2 * (4 - 1),
        "cada trozo da 3 pasos para sumarse y otros 3 para repartirse ya sumado: 2 × 3",
        "el anillo se recorre dos veces, y en cada una hay un mensaje menos que procesos",
        {
            4 - 1: "has contado la suma; después hay que repartir lo sumado",
            4 * (4 - 1): "a la vez viajan varios; se pide cuántos van uno detrás de otro",
        },
    ),
    "eficiencia, en %, si 4 procesos van 3 veces más rápido": Task(
        75,
        "lo que se gana entre lo que se debería ganar: 3 ÷ 4",
        "lo que se gana ÷ lo que se ganaría si cada proceso contase entero, en tanto por ciento",
        {
            0.75: "eso es en tanto por uno; se pide en tanto por ciento",
            100 * 4 / 3: "has dividido al revés",
        },
    ),
}


def check(name: str, *answer: object) -> None:
    """Escribe si una cuenta está bien y, si no, qué ha podido pasar.

    Entiende también un número entre comillas o escrito a la española: `1,25`, `"18 496"`, `18.496`.

    Con `None` dice qué hacer, si hay quien lo haga: no en un cuaderno que se ejecuta solo.

    Raises:
        TutorialError: si no hay una cuenta con ese nombre o la respuesta no es un número.
    """
    if name not in ARITHMETIC and lesson.changed():
        print(f"{name}: la celda «red» ya no define la red del curso, y de otra no se comprueba")
        return
    expected, why, hint, slips = _task(name)
    value = answer[0] if len(answer) == 1 else answer or None
    if value is None:
        if is_attended():
            print(f"{name}: cambia None por tu respuesta")
        return
    found = numbers(name, value)
    known = [expected, *slips]
    number = next((n for n in found for each in known if _same(n, each, expected)), found[0])
    slip = next((told for wrong, told in slips.items() if _same(number, wrong, expected)), None)
    shown = written(number) if number.is_integer() else f"{number:.10g}"
    if number != value:
        print(f"{name}: en Python, {repr(value).strip('()')} se escribe {number:.15g}")
    if _same(number, expected, expected):
        print(f"{name}: ¡sí! {shortest(expected)}, porque {why}")
    elif slip:
        print(f"{name}: casi. Si te sale {shown}, {slip}")
    else:
        wrong_way = "demasiado" if number > expected else "poco"
        print(f"{name}: {shown} es {wrong_way}. Pista: {hint}")


def _task(name: str) -> Task:
    if name in ARITHMETIC:
        return ARITHMETIC[name]
    tasks = {**network_tasks(), **ARITHMETIC}
    if name not in tasks:
        [nearest] = get_close_matches(name, tasks, n=1, cutoff=0)
        raise TutorialError(
            f"No hay ninguna cuenta que se llame {name!r}; ¿querías decir {nearest!r}?"
        )
    return tasks[name]


def _same(answer: float, number: float, expected: float) -> bool:
    """Si una respuesta es ese número: exacta si es un entero y, si no, con un error pequeño."""
    if float(number).is_integer():
        return answer == number
    return isclose(answer, number, rel_tol=0.001 if float(expected).is_integer() else 0.01)
