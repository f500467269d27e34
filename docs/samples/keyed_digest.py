"""Tell whether records are those that a release was charged for: recomputes the keyed digest in an office's ledger.

python keyed_digest.py RECORDS RELEASE SECRET STATEMENT     in the office alone: it needs the records and the secret

RECORDS is the file or folder that the release's config names. The digest is HMAC-SHA256, under the office's secret, of
SHA-256("RELEASE/source") and the SHA-256 over each file's name (its length in eight bytes before it) and SHA-256.
"""

import hashlib
import hmac
import pathlib
import sys

records, release, secret, statement = sys.argv[1:]
place = pathlib.Path(records)
whole = hashlib.sha256()
for file in sorted(one for one in place.rglob("*") if one.is_file()) if place.is_dir() else [place]:
    name = str(file.relative_to(place if place.is_dir() else place.parent)).encode()
    whole.update(len(name).to_bytes(8, "big") + name + hashlib.sha256(file.read_bytes()).digest())
named = hashlib.sha256(f"{release}/source".encode()).digest() + whole.digest()
keyed = hmac.new(pathlib.Path(secret).read_bytes(), named, hashlib.sha256).hexdigest()
found = keyed in pathlib.Path(statement).read_text()
sys.exit(0 if found else "these records, in these bytes, aren't those of any charge")
