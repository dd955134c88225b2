"""Las cuentas a mano de los cuadernos, que se corrigen solas y dan una pista, no solo sí o no.

Lo que se espera de cada una sale de su fórmula y de los tamaños de la red del cuaderno 01, que
están aquí arriba; una prueba vigila que sean los de la red de verdad.
"""

from collections.abc import Mapping
from math import ceil, isclose
from typing import NamedTuple

from fashion_bench import data
from fashion_bench.errors import TutorialError
from fashion_bench.jupyter import is_attended
from fashion_bench.typography import shortest

SIDE, KERNEL, FILTERS, NEURONS = 28, 3, (32, 64), 128
"""Lado de las fotos y de los filtros; filtros de cada convolución; neuronas de la primera densa."""

SPATIAL = KERNEL * KERNEL
FIRST_SIDE, SECOND_SIDE, LAST_SIDE = SIDE, SIDE // 2, SIDE // 4
"""Lado de lo que entra en cada convolución y en `Flatten`: cada *pooling* lo parte en dos."""

FLATTENED = LAST_SIDE**2 * FILTERS[1]
FIRST_WEIGHTS = SPATIAL * FILTERS[0] + FILTERS[0]
SECOND_WEIGHTS = SPATIAL * FILTERS[0] * FILTERS[1] + FILTERS[1]
DENSE_WEIGHTS = FLATTENED * NEURONS + NEURONS
WEIGHTS = FIRST_WEIGHTS + SECOND_WEIGHTS + DENSE_WEIGHTS + (NEURONS + 1) * len(data.CLASS_NAMES)

FIRST_PRODUCTS = FIRST_SIDE**2 * FILTERS[0] * SPATIAL
SECOND_PRODUCTS = SECOND_SIDE**2 * FILTERS[1] * SPATIAL * FILTERS[0]

IMAGES = data.TRAIN_IMAGES - data.validation_size(data.TRAIN_IMAGES)
"""Fotos de una época del cuaderno 01."""

CLOSE_ENOUGH = 0.01
"""Error relativo que se admite en lo que no es un número entero."""


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


TASKS: Mapping[str, Task] = {
    "pesos de la primera convolución": Task(
        FIRST_WEIGHTS,
        "cada uno de los 32 filtros tiene 3×3 números y un sesgo: 9 × 32 + 32",
        "cuenta los números de un filtro, súmale su sesgo y multiplica por los filtros que hay",
        {
            FIRST_WEIGHTS - FILTERS[0]: "te faltan los sesgos, uno por filtro",
            SPATIAL: "es un solo filtro, y sin su sesgo",
            SPATIAL + 1: "es un solo filtro, y hay 32",
            SPATIAL * FILTERS[0] + 1: "hay un sesgo por filtro, no uno para todos",
        },
    ),
    "pesos de la segunda convolución": Task(
        SECOND_WEIGHTS,
        "cada uno de los 64 filtros tiene 3×3 números por cada uno de los 32 canales que le "
        "llegan, y un sesgo: 9 × 32 × 64 + 64",
        "un filtro es tan hondo como la imagen que le llega; mira cuántos canales trae",
        {
            SECOND_WEIGHTS - FILTERS[1]: "te faltan los sesgos, uno por filtro",
            SPATIAL * FILTERS[1]: "has contado filtros de un solo canal, y sin sesgos: llegan 32",
            (SPATIAL + 1) * FILTERS[1]: "has contado filtros de un solo canal: llegan 32",
            SPATIAL * FILTERS[0]: "es un solo filtro, y sin su sesgo",
            SPATIAL * FILTERS[0] + 1: "es un solo filtro, y hay 64",
            FIRST_WEIGHTS: "esos son los de la primera convolución",
        },
    ),
    "números que entran en la primera densa": Task(
        FLATTENED,
        "después de dos MaxPooling2D quedan 64 mapas de 7×7: 7 × 7 × 64",
        "sigue el lado de la imagen, que cada MaxPooling2D parte en dos, y multiplica "
        "por los mapas",
        {
            SIDE**2: "esos son los píxeles de la foto; por el camino ha cambiado de forma",
            LAST_SIDE**2: "es un solo mapa, y hay 64",
            SECOND_SIDE**2 * FILTERS[1]: "te falta el segundo MaxPooling2D",
            LAST_SIDE**2 * FILTERS[0]: "esos son los mapas de la primera convolución; cuenta los "
            "de la segunda",
            FIRST_SIDE**2 * FILTERS[1]: "te faltan los dos MaxPooling2D",
        },
    ),
    "pesos de la primera densa": Task(
        DENSE_WEIGHTS,
        "cada una de las 128 neuronas tiene un peso por cada uno de los 3136 números que le "
        "llegan, y un sesgo: 3136 × 128 + 128",
        "cada neurona mira todos los números que entran, y además tiene su sesgo",
        {
            FLATTENED * NEURONS: "te faltan los sesgos, uno por neurona",
            FLATTENED + 1: "es una sola neurona, y hay 128",
            FLATTENED: "eso es lo que entra; falta multiplicarlo por las neuronas",
            SIDE**2 * NEURONS + NEURONS: "eso sería si le llegara la foto tal cual",
        },
    ),
    "multiplicaciones de la segunda convolución": Task(
        SECOND_PRODUCTS,
        "en cada uno de los 14 × 14 sitios, los 64 filtros hacen 9 × 32 productos; no se "
        "descuentan los del borde, que se multiplican por los ceros del relleno",
        "sitios de la imagen × filtros × números de un filtro (sin contar su sesgo, que se suma)",
        {
            2 * SECOND_PRODUCTS: "has contado también las sumas",
            SECOND_SIDE**2 * FILTERS[1] * SPATIAL: "has contado filtros de un solo canal: llegan "
            "32",
            SECOND_PRODUCTS // FILTERS[1]: "es un solo filtro, y hay 64",
            SPATIAL * FILTERS[0] * FILTERS[1]: "es un solo sitio de la imagen, y hay 14 × 14",
            FIRST_SIDE**2 * FILTERS[1] * SPATIAL * FILTERS[0]: "el primer MaxPooling2D ya ha "
            "dejado la imagen en 14×14",
            LAST_SIDE**2 * FILTERS[1] * SPATIAL * FILTERS[0]: "el segundo MaxPooling2D va después: "
            "la convolución trabaja con 14×14",
        },
    ),
    "operaciones por foto de la primera convolución": Task(
        2 * FIRST_PRODUCTS,
        "en cada uno de los 28 × 28 sitios, los 32 filtros hacen 9 productos, y multiplicar y "
        "sumar son dos operaciones",
        "como la segunda, pero con un solo canal, 32 filtros y la imagen de 28×28",
        {
            FIRST_PRODUCTS: "multiplicar y sumar cuentan como dos operaciones",
            2 * SPATIAL * FIRST_SIDE**2: "es un solo filtro, y hay 32",
            2 * SECOND_SIDE**2 * FILTERS[0] * SPATIAL: "el primer MaxPooling2D va después: trabaja "
            "con 28×28",
            2 * SECOND_PRODUCTS: "esas son las de la segunda",
        },
    ),
    "milésimas de segundo de la segunda convolución a 100 GFLOP/s": Task(
        1000 * 2 * SECOND_PRODUCTS / 100e9,
        "7 225 344 operaciones entre cien mil millones por segundo son 0.000 072 s",
        "operaciones por foto ÷ operaciones por segundo da segundos; 1 GFLOP/s son mil millones",
        {
            2 * SECOND_PRODUCTS / 100e9: "eso son segundos; se piden milésimas",
            1e6 * 2 * SECOND_PRODUCTS / 100e9: "eso son millonésimas; se piden milésimas",
            1000 * SECOND_PRODUCTS / 100e9: "has contado solo las multiplicaciones: cada una lleva "
            "su suma",
        },
    ),
    "imágenes/s si una época de 54 000 imágenes dura 12 s": Task(
        IMAGES // 12,
        "las imágenes de la época entre sus segundos: 54 000 ÷ 12",
        "imágenes ÷ segundos",
        {
            data.TRAIN_IMAGES // 12: "60 000 son todas; para entrenar quedan 54 000, porque las "
            "demás validan",
            12 / IMAGES: "has dividido al revés: eso son segundos por imagen",
        },
    ),
    "veces más rápido si un equipo tarda 12 s y el otro 15 s": Task(
        15 / 12,
        "el tiempo del lento entre el del rápido: 15 ÷ 12",
        "divide los dos tiempos; al más rápido le sale más de 1",
        {
            12 / 15: "has dividido al revés: al rápido le tiene que salir más de 1",
            15 - 12: "esos son los segundos de diferencia; se pide el cociente",
            0.25: "eso es lo que gana; cuántas veces es eso más 1",
            25: "es verdad que va un 25 % más deprisa; se pide cuántas veces",
            20: "es verdad que tarda un 20 % menos; se pide cuántas veces",
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
    "pasos por época con lotes de 128": Task(
        ceil(IMAGES / 128),
        "54 000 ÷ 128 son 421 lotes enteros y uno más, a medias",
        "imágenes de entrenamiento ÷ imágenes de un lote, y lo que sobra también es un lote",
        {
            IMAGES // 128: "te falta el último lote, que no está lleno",
            ceil(data.TRAIN_IMAGES / 128): "60 000 son todas; para entrenar quedan 54 000",
        },
    ),
    "pasos por época con lotes de 512": Task(
        ceil(IMAGES / 512),
        "54 000 ÷ 512 son 105 lotes enteros y uno más, a medias",
        "imágenes de entrenamiento ÷ imágenes de un lote, y lo que sobra también es un lote",
        {
            IMAGES // 512: "te falta el último lote, que no está lleno",
            ceil(data.TRAIN_IMAGES / 512): "60 000 son todas; para entrenar quedan 54 000",
        },
    ),
    "veces más rápido un paso si el 80 % de él va el doble de deprisa": Task(
        1 / (0.2 + 0.8 / 2),
        "queda el 20 % de antes y la mitad del 80 %: un 60 %, y 100 ÷ 60 es 1.67 (es la ley de "
        "Amdahl)",
        "calcula qué parte del tiempo queda y divide 1 entre ella",
        {
            2: "eso sería si todo fuese el doble de deprisa; el 20 % sigue igual",
            0.6: "esa es la parte del tiempo que queda; se pide cuántas veces más rápido",
            1.6: "no se promedian las velocidades: se suman los tiempos",
            1.8: "no se promedian las velocidades: se suman los tiempos",
            1.4: "un 40 % menos de tiempo no es un 40 % más de velocidad",
        },
    ),
    "mensajes seguidos del anillo con 4 procesos": Task(
        2 * (4 - 1),
        "cada trozo da 3 pasos para sumarse y otros 3 para repartirse ya sumado: 2 × 3",
        "el anillo se recorre dos veces, y en cada una hay un mensaje menos que procesos",
        {
            4 - 1: "has contado la suma; después hay que repartir lo sumado",
            2 * 4: "al que ya tiene el trozo no hace falta mandárselo",
            4 * (4 - 1): "a la vez viajan varios; se pide cuántos van uno detrás de otro",
            4 * 2 * (4 - 1): "a la vez viajan cuatro; se pide cuántos van uno detrás de otro",
        },
    ),
    "MB de los gradientes de la red": Task(
        4 * WEIGHTS / 1e6,
        "hay un gradiente por peso, 421 642, y cada uno ocupa 4 bytes",
        "un gradiente por peso, de 32 bits; un byte son 8 bits y 1 MB, un millón de bytes",
        {
            WEIGHTS / 1e6: "cada número de 32 bits ocupa 4 bytes",
            32 * WEIGHTS / 1e6: "eso son megabits; un byte son 8 bits",
            4 * WEIGHTS: "eso son bytes; se piden millones de bytes",
            2 * WEIGHTS / 1e6: "eso sería con números de 16 bits; son de 32",
        },
    ),
    "eficiencia, en %, si 4 procesos van 3 veces más rápido": Task(
        75,
        "lo que se gana entre lo que se debería ganar: 3 ÷ 4",
        "lo que se gana ÷ lo que se ganaría si cada proceso contase entero, en tanto por ciento",
        {
            0.75: "eso es en tanto por uno; se pide en tanto por ciento",
            300: "eso es lo que se gana; divídelo entre los procesos",
            25: "eso es lo que se pierde",
            100 * 4 / 3: "has dividido al revés",
        },
    ),
}


def check(task: str, answer: float | None) -> None:
    """Escribe si una cuenta está bien y, si no, qué ha podido pasar.

    Args:
        task: cuál, con el nombre que tiene en el cuaderno (los de `TASKS`).
        answer: la respuesta; `None` si aún no la hay: dice qué escribir si hay quien lo escriba, y
            nada en un cuaderno que se ejecuta solo.

    Raises:
        TutorialError: si no hay una cuenta con ese nombre o la respuesta no es un número.
    """
    if task not in TASKS:
        raise TutorialError(
            f"No hay ninguna cuenta que se llame {task!r}; las que hay son: {'; '.join(TASKS)}."
        )
    if answer is None:
        if is_attended():
            print(f"{task}: cambia None por tu respuesta, un número, y ejecuta la celda otra vez")
        return
    try:
        answer = float(answer)
    except (TypeError, ValueError):
        message = f"{answer!r} no es válido: escribe un número, sin comillas ni unidades."
        raise TutorialError(message) from None
    expected, why, hint, slips = TASKS[task]
    slip = next((told for wrong, told in slips.items() if _same(answer, wrong)), None)
    if _same(answer, expected):
        print(f"{task}: ¡sí! {shortest(expected)}, porque {why}")
    elif slip:
        print(f"{task}: casi. Si te sale {shortest(answer)}, {slip}")
    else:
        wrong_way = "demasiado" if answer > expected else "poco"
        print(f"{task}: {shortest(answer)} es {wrong_way}. Pista: {hint}")


def _same(answer: float, number: float) -> bool:
    """Si una respuesta es ese número: exacta si es un entero y, si no, con un error pequeño."""
    return isclose(answer, number, rel_tol=0 if float(number).is_integer() else CLOSE_ENOUGH)
