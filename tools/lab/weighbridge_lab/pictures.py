"""The pictures of fixtures/images, Pillow's decoding of them and torchvision's transforms.

Run as `tools/make-image-fixtures`.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

from .torchvision_names import declare_operators

declare_operators()

from PIL import Image  # noqa: E402
from torchvision import transforms  # noqa: E402
from torchvision.transforms import InterpolationMode  # noqa: E402
from torchvision.transforms import functional as F  # noqa: E402

FOLDER = Path(__file__).resolve().parents[3] / "fixtures" / "images"
STATISTICS = {
    "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "half": ([0.5] * 3, [0.5] * 3),
    "clip": (
        [0.48145466, 0.4578275, 0.40821073],
        [0.26862954, 0.26130258, 0.27577711],
    ),
}
MODES = {
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
    "nearest": InterpolationMode.NEAREST,
}
TRANSFORMS = [
    "resize=24,crop=20,normalize=imagenet",
    "resize=24:bicubic,crop=21x18,normalize=half",
    "resize=17:nearest,normalize=clip",
    "resize=96:bilinear,crop=80",
    "resize=90x33:bicubic",
    "resize=31x70",
    "crop=64x90",
    "crop=33x31,normalize=imagenet",
    "resize=7",
    "tensor,resize=24,crop=20,normalize=imagenet",
    "tensor,resize=24:bicubic,crop=21x18,normalize=half",
    "tensor,resize=24:no-antialias,crop=20",
    "tensor,resize=24:bicubic:no-antialias",
    "tensor,resize=90x33:bicubic",
    "tensor,resize=19:nearest",
]


def scene(height: int, width: int) -> np.ndarray:
    """A picture with edges, gradients, fine texture and saturated places."""
    generator = np.random.default_rng(20)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    red = 255 * x / width
    green = 127 + 128 * np.sin(0.9 * x + 0.4 * y)
    blue = np.where((x - width / 2) ** 2 + (y - height / 3) ** 2 < 120, 255, 30)
    picture = np.stack([red, green, blue], axis=-1) + generator.normal(0, 12, (height, width, 3))
    picture[: height // 5, : width // 4] = 255
    picture[-height // 6 :, -width // 5 :] = 0
    return np.clip(picture, 0, 255).astype(np.uint8)


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(rows: bytes, width: int, height: int, depth: int, colour: int, interlace: int = 0) -> bytes:
    """A PNG of rows that are filtered already: what Pillow does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def interlaced(picture: np.ndarray) -> bytes:
    """The seven passes of Adam7."""
    height, width, _ = picture.shape
    passes = [
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
    ]
    rows = bytearray()
    for left, top, across, down in passes:
        part = picture[top::down, left::across]
        if part.size:
            for row in part:
                rows += b"\0" + row.tobytes()
    return png(bytes(rows), width, height, 8, 2, 1)


def write_pictures() -> None:
    """Every form of both formats."""
    picture = scene(53, 71)
    image = Image.fromarray(picture)
    image.save(FOLDER / "photo.png")
    alpha = np.full((53, 71, 1), 90, np.uint8)
    alpha[10:20] = 0
    Image.fromarray(np.concatenate([picture, alpha], axis=-1)).save(FOLDER / "alpha.png")
    image.convert("L").save(FOLDER / "grey.png")
    image.convert("LA").save(FOLDER / "grey-alpha.png")
    image.convert("1").save(FOLDER / "black-white.png")
    image.quantize(13).save(FOLDER / "palette.png", transparency=3)
    (FOLDER / "interlaced.png").write_bytes(interlaced(picture))
    deep = (picture.astype(np.uint16) * 257 + 91).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    (FOLDER / "deep.png").write_bytes(png(rows, 71, 53, 16, 2))
    image.save(FOLDER / "photo.jpg", quality=88)
    image.save(FOLDER / "full-chroma.jpg", quality=95, subsampling=0)
    image.save(FOLDER / "half-chroma.jpg", quality=70, subsampling=1)
    image.save(FOLDER / "progressive.jpg", quality=80, progressive=True, optimize=True)
    image.convert("L").save(FOLDER / "grey.jpg", quality=85)
    image.convert("CMYK").save(FOLDER / "ink.jpg", quality=90)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(FOLDER / "turned.jpg", quality=88, exif=exif)
    # Not read, by name: grey of 16 bits.
    (FOLDER / "deep-grey.png").write_bytes(
        png(b"".join(b"\0" + row.tobytes() for row in deep[:, :, 0]), 71, 53, 16, 0)
    )


def size(text: str) -> int | list[int]:
    """`24`, or `90x33` as height and width."""
    return [int(side) for side in text.split("x")] if "x" in text else int(text)


def steps(text: str) -> list[transforms.Transform]:
    """torchvision's transforms of a text."""
    parts = text.split(",")
    on_tensors = parts[0] == "tensor"
    found = [F.pil_to_tensor] if on_tensors else []
    statistics = None
    for part in parts[on_tensors:]:
        name, value = part.split("=")
        value, *options = value.split(":")
        if name == "resize":
            mode = next((MODES[option] for option in options if option in MODES), MODES["bilinear"])
            found.append(transforms.Resize(size(value), mode, antialias="no-antialias" not in options))
        elif name == "crop":
            found.append(transforms.CenterCrop(size(value)))
        else:
            statistics = STATISTICS[value]
    found.append((lambda x: F.convert_image_dtype(x)) if on_tensors else transforms.ToTensor())
    if statistics:
        found.append(transforms.Normalize(*statistics))
    return found


def main() -> None:
    """Writes the folder."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_pictures()
    decoded = {
        path.name: np.asarray(Image.open(path).convert("RGB"))
        for path in sorted(FOLDER.iterdir())
        if path.suffix in (".png", ".jpg") and path.stem != "deep-grey"
    }
    np.savez_compressed(FOLDER / "decoded.npz", **decoded)
    photo = Image.open(FOLDER / "photo.png").convert("RGB")
    made = {text: transforms.Compose(steps(text))(photo).unsqueeze(0).numpy() for text in TRANSFORMS}
    np.savez_compressed(FOLDER / "transformed.npz", **made)


if __name__ == "__main__":
    main()
