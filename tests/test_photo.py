import struct
import subprocess
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
import pytest
from jupyter_client.manager import start_new_kernel
from PIL import ImageFilter, features

from fashion_bench import data, install, lesson
from fashion_bench.errors import TutorialError
from fashion_bench.photo import pictures as photos
from fashion_bench.photo import pixels

if TYPE_CHECKING:  # Keras tarda en importarse y aquí solo hace falta en lo lento
    import keras

GARMENTS = data.load()[1][0]
GARMENT = GARMENTS[1]  # un suéter que llena el recuadro


def photo(background: int = 235, garment: int = 20, scale: int = 12) -> PIL.Image.Image:
    """Una foto inventada: la prenda en un lienzo liso, descentrada."""
    shade = background + (garment - background) * (GARMENT / 255)
    drawn = PIL.Image.fromarray(shade.astype(np.uint8)).resize((28 * scale, 28 * scale))
    canvas = PIL.Image.new("L", (50 * scale, 40 * scale), background)
    canvas.paste(drawn, (15 * scale, 4 * scale))
    return canvas


def encoded(image: PIL.Image.Image, kind: str = "PNG", **options: object) -> BytesIO:
    stored = BytesIO()
    image.save(stored, kind, **options)
    return stored


def likeness(picture: photos.Picture, garment: np.ndarray = GARMENT) -> float:
    """Cuánto se parece a la prenda, de -1 a 1, aunque al centrarla caiga una columna al lado."""
    moved = (np.roll(picture.pixels, columns, axis=1) for columns in (-1, 0, 1))
    return max(np.corrcoef(image.ravel(), garment.ravel())[0, 1] for image in moved)


@pytest.mark.parametrize(
    ("background", "garment"), [(255, 0), (235, 60), (20, 220), (128, 250), (200, 140)]
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_any_plain_background_gives_what_the_network_knows(
    background: int, garment: int, kind: str
) -> None:
    picture = photos.load(encoded(photo(background, garment), kind))
    assert picture.pixels.shape == (28, 28)
    assert picture.pixels.dtype == np.uint8
    assert likeness(picture) > 0.9


def rotated() -> BytesIO:
    """Guardada de lado, con la orientación anotada en EXIF, como hacen los teléfonos."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # hay que girarla un cuarto de vuelta a la derecha
    return encoded(photo().transpose(PIL.Image.Transpose.ROTATE_90), "JPEG", exif=exif)


def transparent() -> BytesIO:
    gray = photo(255)
    image = PIL.Image.merge("RGBA", [gray] * 3 + [gray.point(lambda value: 255 * (value < 255))])
    return encoded(image)


def huge() -> BytesIO:
    """De 50 millones de píxeles."""
    return encoded(photo(scale=160).convert("RGB"), "JPEG")


@pytest.mark.parametrize("make", [rotated, transparent, huge])
def test_the_ways_in_which_a_photo_comes(make: object) -> None:
    assert likeness(photos.load(make())) > 0.9


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "MPO"])
def test_of_several_images_the_first_is_the_photo(kind: str) -> None:
    """Una animación, varias páginas o, en un teléfono, el mapa de profundidad."""
    others = [PIL.Image.new("RGB", photo().size, color) for color in ("red", "white")]
    stored = encoded(photo().convert("RGB"), kind, save_all=True, append_images=others)
    assert PIL.Image.open(stored).n_frames == 3
    assert likeness(photos.load(stored)) > 0.9


def said_to_measure(width: int, height: int) -> BytesIO:
    """Un PNG cuya cabecera dice que mide eso."""
    good = encoded(photo()).getvalue()
    head = b"IHDR" + struct.pack(">II", width, height) + good[24:29]
    return BytesIO(good[:12] + head + struct.pack(">I", zlib.crc32(head)) + good[33:])


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (BytesIO(b"hola"), "no es una imagen PNG ni JPEG"),
        (BytesIO(b""), "no es una imagen PNG ni JPEG"),
        (BytesIO(encoded(photo()).getvalue()[:2000]), "está dañada"),
        (encoded(PIL.Image.new("L", (300, 200), 99)), "casi no se distingue del fondo"),
        (said_to_measure(10_000, 9_500), "demasiados píxeles"),
        (said_to_measure(20_000, 10_000), "demasiados píxeles"),
        (said_to_measure(1, 89_000_000), "demasiados píxeles"),
        (said_to_measure(70_000, 2), "demasiados píxeles"),
        (BytesIO(b"\xff\xd8" + b"\xff\xfe\0\2" * 5_000_000), "está dañada"),
        (BytesIO(b"\xff\xd8" + b"\xff\xe1\0\2" * 5_000_000), "está dañada"),
        (BytesIO(b"\xff\xd8" + b"\xff" * 20_000_000), "está dañada"),
        (BytesIO(pixels.PNG + b"\0\0\0\0tEXt\0\0\0\0" * 1_000_000), "está dañada"),
    ],
    ids=[
        *("texto", "vacío", "cortada", "lisa", "95 MP", "200 MP", "1 de ancho", "2 de alto"),
        *("comentarios", "metadatos", "relleno", "trozos vacíos"),
    ],
)
def test_a_file_that_is_no_photo_is_told(source: BytesIO, sentence: str) -> None:
    with pytest.raises(TutorialError, match=f"^Esa foto no es válida: .*{sentence}"):
        photos.load(source)


def test_the_padding_of_a_jpeg_is_skipped() -> None:
    good = encoded(photo(scale=2), "JPEG").getvalue()
    bare, _ = pixels.strip(good[:2] + b"\xff" * 8000 + good[2:])
    assert bare == good[:2] + pixels.strip(good)[0][2:]


def test_a_broken_tiff_says_nothing_in_english(capfd: pytest.CaptureFixture) -> None:
    if not features.check("libtiff"):
        pytest.skip("esta copia de Pillow no trae libtiff")
    good = encoded(photo(scale=4), "TIFF", compression="tiff_lzw").getvalue()
    for cut in (good[:3000] + bytes(2000) + good[5000:], good[:200] + good[:200] + good[400:]):
        with suppress(TutorialError):
            photos.load(BytesIO(cut))
    assert capfd.readouterr() == ("", "")


def test_a_garment_that_is_hardly_seen_is_told() -> None:
    with pytest.raises(TutorialError, match="casi no se distingue del fondo"):
        photos.load(encoded(photo(200, 185)))


def test_damaged_bytes_are_told_or_read_but_never_break() -> None:
    random = np.random.default_rng(0)
    for kind in ("PNG", "JPEG"):
        good = encoded(photo(scale=2), kind).getvalue()
        for _ in range(60):
            broken = bytearray(good)
            for _ in range(random.integers(1, 20)):
                broken[random.integers(len(broken))] = random.integers(256)
            try:
                assert photos.load(BytesIO(bytes(broken))).pixels.shape == (28, 28)
            except TutorialError as error:
                assert str(error).startswith("Esa foto no es válida: ")


def test_a_path_is_named_in_the_error(tmp_path: Path) -> None:
    for path in (str(tmp_path / "no.png"), str(tmp_path), "~nadie.png"):
        with pytest.raises(TutorialError, match=f"^photo={path!r} no es válido: ese archivo no ex"):
            photos.load(path)
    with pytest.raises(TutorialError, match=r"no se puede leer \("):
        photos.load("a" * 5000)
    (tmp_path / "sí.png").write_bytes(encoded(photo()).getvalue())
    assert likeness(photos.load(str(tmp_path / "sí.png"))) > 0.9


def test_the_sample_looks_like_the_image_it_comes_from() -> None:
    assert likeness(photos.enlarge(GARMENT)) > 0.9


TYPES = {"SHORT": 3, "LONG": 4}
STORED = {turn: method for turn, method in pixels.UPRIGHT.items() if turn not in (6, 8)} | {
    6: PIL.Image.Transpose.ROTATE_90,
    8: PIL.Image.Transpose.ROTATE_270,
}
"""Cómo queda guardada una foto con cada orientación: al revés de como se endereza."""


def odd_exif(turn: int, order: str = "<", kind: str = "SHORT") -> bytes:
    """Un bloque EXIF con esa orientación y, además, etiquetas de tipos que no les tocan."""
    size = {"SHORT": "H2x", "LONG": "I"}[kind]
    entries = [
        struct.pack(f"{order}HHII", 0x010F, 12, 9, 0xFFFFFFF0),  # la marca, en ningún sitio
        struct.pack(f"{order}HHI{size}", 0x0112, TYPES[kind], 1, turn),
        struct.pack(f"{order}HHII", 0x011A, 3, 1, 72),  # la resolución, como un entero
        struct.pack(f"{order}HHII", 0x0132, 99, 7, 7),  # la fecha, de un tipo que no existe
        struct.pack(f"{order}HHII", 0x8769, 2, 4, 0x41424344),  # más EXIF, como un texto
    ]
    head = struct.pack(f"{order}2sHIH", {"<": b"II", ">": b"MM"}[order], 42, 8, len(entries))
    return head + b"".join(entries) + bytes(4)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_odd_metadata_never_stops_a_photo_and_the_orientation_counts(kind: str, turn: int) -> None:
    stored = photo().convert("RGB")
    stored = stored.transpose(STORED[turn]) if turn in STORED else stored
    exif = odd_exif(turn, "<>"[turn % 2], list(TYPES)[turn // 4 % 2])
    file = tiff(stored, exif) if kind == "TIFF" else encoded(stored, kind, exif=b"Exif\0\0" + exif)
    assert likeness(photos.load(file)) > 0.9


def tiff(image: PIL.Image.Image, exif: bytes) -> BytesIO:
    """Un TIFF sin comprimir que, además de sus etiquetas, lleva las de un bloque EXIF."""
    order = "<" if exif.startswith(b"II") else ">"
    gray = image.convert("L")
    facts = {256: gray.width, 257: gray.height, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1}
    facts |= {278: gray.height, 279: gray.width * gray.height}
    extra = [exif[place : place + 12] for place in range(10, len(exif) - 4, 12)]
    facts[273] = 8 + 2 + 12 * (len(facts) + len(extra)) + 4
    own = [struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in facts.items()]
    table = sorted(own + extra, key=lambda entry: struct.unpack(f"{order}H", entry[:2]))
    head = exif[:8] + struct.pack(f"{order}H", len(table))
    return BytesIO(head + b"".join(table) + bytes(4) + gray.tobytes())


def png_with(kind: bytes, content: bytes) -> BytesIO:
    """Un PNG con un trozo más, detrás del primero."""
    good = encoded(photo()).getvalue()
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    chunk = struct.pack(">I", len(content)) + kind + content + checksum
    return BytesIO(good[:33] + chunk + good[33:])


def jpeg_with(marker: int, content: bytes) -> BytesIO:
    """Un JPEG con un trozo más al principio."""
    good = encoded(photo(), "JPEG").getvalue()
    return BytesIO(
        good[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + good[2:]
    )


@pytest.mark.parametrize(
    "made",
    [
        (png_with, b"zTXt", b"nota\0\0" + zlib.compress(bytes(5_000_000))),
        (png_with, b"tEXt", b"nota\0" + b"a" * 80_000_000),
        (png_with, b"iCCP", b"perfil\0\0" + zlib.compress(bytes(5_000_000))),
        (png_with, b"iCCP", b"perfil\0\7basura"),
        (png_with, b"iCCP", b""),
        (png_with, b"eXIf", b"basura"),
        (jpeg_with, 0xE1, b"Exif\0\0basura"),
        (jpeg_with, 0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"),
        (jpeg_with, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta"),
        (jpeg_with, 0xE2, b"MPF\0basura"),
        (jpeg_with, 0xE2, b"MPF\0" + odd_exif(1)),
        (jpeg_with, 0xE2, b"ICC_PROFILE\0"),
        (jpeg_with, 0xED, b"Photoshop 3.0\0008BIM"),
        (jpeg_with, 0xFE, b"a" * 65_000),
    ],
    ids=range(14),
)
def test_large_or_broken_metadata_never_stops_a_photo(made: tuple) -> None:
    make, *content = made  # se hace aquí: algunos ocupan 80 MB
    assert likeness(photos.load(make(*content))) > 0.9


def test_a_broken_color_profile_never_stops_a_photo() -> None:
    profile = encoded(photo(), "JPEG", icc_profile=b"basura" * 100_000)
    assert likeness(photos.load(profile)) > 0.9


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\0\0\0\x18ftypheic", "una foto HEIC"),
        (b"\0\0\0\x18ftypmif1", "una foto HEIC"),
        (b"\0\0\0\x18ftypavif", "una imagen AVIF"),
        (b"RIFF\0\0\0\0WEBP", "una imagen WebP"),
        (b"\0\0\0\x18ftypcrx ", "una foto RAW de cámara"),
        (b"\0\0\0\x18ftypisom", "un vídeo"),
        (b"%PDF-1.7\n", "un PDF"),
        (b"<?xml version='1.0'?>\n<svg", "un dibujo SVG"),
        (b"<!doctype html>", "una página web"),
    ],
)
def test_a_format_that_is_not_read_is_named(start: bytes, name: str) -> None:
    with pytest.raises(
        TutorialError, match=f"^Esa foto no es válida: es {name} .*guarda una copia en"
    ):
        photos.load(BytesIO(start + bytes(100)))


def cut_out(light: np.ndarray, opacity: np.ndarray) -> BytesIO:
    """Una prenda recortada, con su transparencia, en un lienzo mayor."""
    image = PIL.Image.merge(
        "LA", [PIL.Image.fromarray(x.astype(np.uint8)) for x in (light, opacity)]
    )
    canvas = PIL.Image.new("LA", (400, 500))
    canvas.paste(image.resize((300, 300), PIL.Image.Resampling.BICUBIC), (50, 100))
    return encoded(canvas)


def test_transparency_is_the_outline_of_the_garment() -> None:
    solid = 255 * (GARMENT > 0)
    assert likeness(photos.load(cut_out(255 - GARMENT, solid))) > 0.9
    assert likeness(photos.load(cut_out(GARMENT, solid))) > 0.9
    white = photos.load(cut_out(np.full_like(GARMENT, 252), solid))
    assert likeness(white, solid) > 0.9


def test_transparency_without_an_outline_is_ignored_and_with_nothing_else_is_told() -> None:
    opacity = np.full(photo().size[::-1], 200, np.uint8)
    opacity[:5, :5] = 0  # una esquina redonda
    alpha = PIL.Image.fromarray(opacity)
    assert likeness(photos.load(encoded(PIL.Image.merge("LA", [photo(), alpha])))) > 0.9
    nothing = PIL.Image.merge("LA", [photo(), PIL.Image.new("L", photo().size)])
    with pytest.raises(TutorialError, match="es toda transparente"):
        photos.load(encoded(nothing))


@pytest.mark.parametrize("top", [4095, 65535])
def test_images_of_many_bits_use_their_own_white(top: int) -> None:
    stored = PIL.Image.fromarray((np.asarray(photo()) / 255 * top).astype("uint16"))
    assert likeness(photos.load(encoded(stored, "TIFF"))) > 0.9


MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "I;16", "F"),
    "GIF": ("L", "P"),
    "BMP": ("1", "L", "P", "RGB"),
    "WEBP": ("L", "RGB", "RGBA"),
    "AVIF": ("L", "RGB", "RGBA"),
    "MPO": ("RGB",),
    "JPEG2000": ("L", "LA", "RGB", "RGBA"),
}


def in_mode(light: np.ndarray, mode: str) -> PIL.Image.Image:
    if mode.startswith(("I", "F")):
        kind = {"I": np.int32, "I;16": np.uint16, "F": np.float32}[mode]
        return PIL.Image.fromarray((light * 257).astype(kind))
    gray = PIL.Image.fromarray(light.astype(np.uint8))
    if mode == "P":
        return gray.convert("RGB").quantize(16)
    return gray.convert(mode, dither=PIL.Image.Dither.NONE)


@pytest.mark.parametrize(
    ("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes]
)
def test_every_format_is_read_in_every_mode(kind: str, mode: str) -> None:
    if not savable(kind):
        pytest.skip("esta copia de Pillow no sabe guardarlo")
    stored = encoded(in_mode(np.asarray(photo(), np.float32), mode), kind)
    assert likeness(photos.load(stored)) > 0.85  # en blanco y negro puro se pierden los grises


@pytest.mark.parametrize("size", [(1, 1), (2, 900), (1500, 3), (28, 28), (60, 80)])
def test_any_size_is_read_or_told(size: tuple[int, int]) -> None:
    """Con ruido, sin nada y con una esquina oscura."""
    random = np.random.default_rng(18)
    noise = random.integers(0, 256, size, np.uint8)
    corner = np.where(np.add.outer(*map(np.arange, size)) < 2, 0, 255).astype(np.uint8)
    for light in (noise, corner, np.zeros_like(noise)):
        try:
            seen = photos.load(encoded(PIL.Image.fromarray(light))).pixels
        except TutorialError as error:
            assert str(error).startswith("Esa foto no es válida: ")
        else:
            assert (seen.shape, seen.dtype.name, seen.max()) == ((28, 28), "uint8", 255)
            assert light.any()


def savable(kind: str) -> bool:
    needs = {"AVIF": "avif", "WEBP": "webp", "JPEG2000": "jpg_2000"}.get(kind, "zlib")
    return bool(features.check(needs))


DAMAGES: dict[str, dict[str, object]] = {
    "fondo claro": {},
    "fondo oscuro": {"paper": 20, "ink": 225},
    "fondo gris": {"paper": 128, "ink": 245},
    "poco contraste": {"paper": 200, "ink": 130},
    "pequeña": {"sizes": (90, 150)},
    "grande": {"sizes": (400, 440)},
    "menos luz": {"brightness": 0.6},
    "más luz": {"paper": 215, "brightness": 1.3},
    "de lado": {"turns": (3, 6, 8)},
    "sombra": {"shadow": 0.3},
    "ruido": {"noise": 10},
    "desenfocada": {"blur": 2},
}
ASKED = 40
"""Prendas con las que se prueba cada forma de fotografiar mal."""


def badly_shot(
    garment: np.ndarray,
    random: np.random.Generator,
    paper: int = 235,
    ink: int = 20,
    sizes: tuple[int, int] = (180, 380),
    brightness: float = 1,
    turns: tuple[int, ...] = (1,),
    shadow: float = 0,
    noise: float = 0,
    blur: float = 0,
) -> BytesIO:
    """Una foto de 600×450 de la prenda, de cualquier tamaño y en cualquier sitio, en JPEG 60."""
    side = random.integers(*sizes)
    drawn = PIL.Image.fromarray(garment).resize((side, side), PIL.Image.Resampling.BICUBIC)
    light = np.full((450, 600), float(paper))
    y, x = random.integers(450 - side + 1), random.integers(600 - side + 1)
    light[y : y + side, x : x + side] += (ink - paper) * (np.asarray(drawn) / 255)
    light *= brightness * np.linspace(1 - shadow, 1, 600)
    light += random.normal(0, noise, light.shape)
    shot = PIL.Image.fromarray(np.clip(light, 0, 255).astype(np.uint8)).convert("RGB")
    turn = int(random.choice(turns))
    shot = shot.filter(ImageFilter.GaussianBlur(blur))
    shot = shot.transpose(STORED[turn]) if turn in STORED else shot
    return encoded(shot, "JPEG", quality=60, exif=b"Exif\0\0" + odd_exif(turn))


@pytest.fixture(scope="module")
def network() -> "keras.Model":
    """La red del cuaderno 01, entrenada un poco."""
    import keras

    loaded = lesson.load(train_samples=20_000, epochs=2)
    keras.utils.set_random_seed(0)
    network = loaded.compile_model(loaded.build_model())
    images = loaded.make_dataset(loaded.train_images, loaded.train_labels, 0)
    network.fit(images, epochs=2, shuffle=False, verbose=0)
    return network


def classes(network: "keras.Model", images: np.ndarray) -> np.ndarray:
    return network.predict(images[..., np.newaxis], batch_size=256, verbose=0).argmax(axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_garment_keeps_its_class_however_badly_it_is_shot(
    network: "keras.Model", damage: str
) -> None:
    """En al menos nueve de cada diez de las que la red acierta sin foto."""
    random = np.random.default_rng(18)
    images, labels = data.load()[1]
    some = random.choice(len(labels), 2 * ASKED, replace=False)
    right = some[classes(network, images[some]) == labels[some]][:ASKED]
    assert len(right) == ASKED
    shots = [badly_shot(images[one], random, **DAMAGES[damage]) for one in right]
    seen = classes(network, np.array([photos.load(shot).pixels for shot in shots]))
    kept = np.mean(seen == labels[right])
    print(f"{damage}: {kept:.1%}")
    assert kept >= 0.9


KEY = "websocket_max_message_size"
CELL = """
from fashion_bench.photo import pictures as photo
photo.upload_button(print)
"""


@pytest.mark.slow
@pytest.mark.parametrize("attended", [True, False])
def test_the_button_is_offered_only_if_the_editor_can_ask(attended: bool) -> None:
    """Lo dice cada petición: los editores dejan preguntar; papermill y nbclient, no."""
    manager, client = start_new_kernel(stderr=subprocess.DEVNULL)
    try:
        outputs: list[dict] = []
        client.execute_interactive(
            CELL,
            allow_stdin=attended,
            timeout=60,
            output_hook=lambda message: outputs.append(message["content"].get("data", {})),
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    shown = [data for data in outputs if "application/vnd.jupyter.widget-view+json" in data]
    assert len(shown) == attended
    assert not [data for data in shown if "children=" in data["text/plain"]]


def test_outside_a_kernel_there_is_no_button() -> None:
    assert photos.upload_button(print) is None


@pytest.mark.parametrize(("own", "limit"), [({}, 200_000_000), ({KEY: 5}, 5)])
def test_the_server_lets_large_photos_through_unless_it_was_told_otherwise(
    own: dict[str, int], limit: int
) -> None:
    settings = dict(own)
    install._load_jupyter_server_extension(
        SimpleNamespace(web_app=SimpleNamespace(settings=settings))
    )
    assert settings == {KEY: limit}
