from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from fashion_bench import data
from fashion_bench import photo as photos
from fashion_bench.errors import TutorialError

GARMENT = data.load()[1][0][1]  # un suéter que llena el recuadro


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


def likeness(picture: photos.Picture) -> float:
    return np.corrcoef(picture.pixels.ravel(), GARMENT.ravel())[0, 1]


@pytest.mark.parametrize(("background", "garment"), [(255, 0), (235, 60), (20, 220), (128, 250)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_any_plain_background_gives_what_the_network_knows(
    background: int, garment: int, kind: str
) -> None:
    picture = photos.load(encoded(photo(background, garment), kind))
    assert picture.pixels.shape == (28, 28)
    assert picture.pixels.dtype == np.uint8
    assert likeness(picture) > 0.9


def rotated() -> BytesIO:
    """Guardada de lado, con la orientación apuntada en EXIF, como hacen los teléfonos."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # hay que girarla un cuarto de vuelta a la derecha
    return encoded(photo().transpose(PIL.Image.Transpose.ROTATE_90), "JPEG", exif=exif)


def transparent() -> BytesIO:
    gray = photo(255)
    image = PIL.Image.merge("RGBA", [gray] * 3 + [gray.point(lambda value: 255 * (value < 255))])
    return encoded(image)


def sixteen_bits() -> BytesIO:
    return encoded(PIL.Image.fromarray(np.asarray(photo()).astype(np.uint16) * 257))


def palette() -> BytesIO:
    return encoded(photo().convert("RGB").quantize(16))


def inks() -> BytesIO:
    return encoded(photo().convert("CMYK"), "JPEG")


def huge() -> BytesIO:
    """De 50 millones de píxeles."""
    return encoded(photo(scale=160).convert("RGB"), "JPEG")


@pytest.mark.parametrize("make", [rotated, transparent, sixteen_bits, palette, inks, huge])
def test_the_ways_in_which_a_photo_comes(make: object) -> None:
    assert likeness(photos.load(make())) > 0.9


def animated(kind: str) -> BytesIO:
    frames = [PIL.Image.new("L", (50, 50), shade) for shade in (0, 99, 200)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (BytesIO(b"hola"), "no es una imagen PNG ni JPEG"),
        (BytesIO(b""), "no es una imagen PNG ni JPEG"),
        (animated("GIF"), "no es una imagen PNG ni JPEG"),
        (animated("PNG"), "tiene varias imágenes"),
        (BytesIO(encoded(photo()).getvalue()[:2000]), "está dañada"),
        (encoded(PIL.Image.new("L", (300, 200), 99)), "casi no se distingue del fondo"),
        (encoded(PIL.Image.new("1", (10_000, 9_500))), "demasiados píxeles"),
        (encoded(PIL.Image.new("1", (20_000, 10_000))), "demasiados píxeles"),
    ],
    ids=["texto", "vacío", "GIF", "PNG animado", "cortada", "lisa", "95 MP", "200 MP"],
)
def test_a_file_that_is_no_photo_is_told(source: BytesIO, sentence: str) -> None:
    with pytest.raises(TutorialError, match=f"^Esa foto no vale: .*{sentence}"):
        photos.load(source)


def test_damaged_bytes_are_told_or_read_but_never_break() -> None:
    random = np.random.default_rng(0)
    for kind in ("PNG", "JPEG"):
        good = encoded(photo(scale=4), kind).getvalue()
        for _ in range(300):
            broken = bytearray(good)
            for _ in range(random.integers(1, 20)):
                broken[random.integers(len(broken))] = random.integers(256)
            try:
                assert photos.load(BytesIO(bytes(broken))).pixels.shape == (28, 28)
            except TutorialError as error:
                assert str(error).startswith("Esa foto no vale: ")


def test_a_path_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(TutorialError, match=r"photo='.*no.png' no vale: ese fichero no existe"):
        photos.load(str(tmp_path / "no.png"))
    with pytest.raises(TutorialError, match=r"photo='.*' no vale: "):
        photos.load(str(tmp_path))
    (tmp_path / "sí.png").write_bytes(encoded(photo()).getvalue())
    assert likeness(photos.load(str(tmp_path / "sí.png"))) > 0.9


def test_the_sample_looks_like_the_image_it_comes_from() -> None:
    assert likeness(photos.enlarge(GARMENT)) > 0.9


def test_without_jupyterlab_there_is_no_button(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert photos.upload_button(print) is None
