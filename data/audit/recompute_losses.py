#!/usr/bin/env python3
"""Recompute every loss that an office's ledger states, without the program that wrote it.

    python recompute_losses.py NLD.statement.json

Needs Python 3.11 or newer, OpenDP (pip install opendp) and nothing else. It reads the entries of a published statement,
checks that each follows the one before by its SHA-256, asks OpenDP what noise of the stated scale costs at the stated
sensitivity, and adds up, in exact fractions, what each account was charged. It prints one line a charge, one line an
account and the total, and exits with 1 when a charge doesn't cover what OpenDP states, an account is above its limit,
or the chain is broken. It shares no code with the program on purpose.
"""

import hashlib
import json
import sys
from fractions import Fraction
from pathlib import Path

from opendp.combinators import make_zCDP_to_approxDP
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_gaussian
from opendp.metrics import l2_distance
from opendp.mod import enable_features

FORMAT = "noisy-mirrors ledger entry 1"


def mechanism(grid_bits):
    """Return OpenDP's discrete Gaussian of scale 2^grid_bits on vectors of integers."""
    space = vector_domain(atom_domain(T="i64")), l2_distance(T="i64")
    return make_gaussian(*space, scale=float(2**grid_bits))


def chain_faults(entries):
    """Return the entries that don't follow the one before, or whose hash isn't that of what they hold."""
    faults, before = [], (0, "0" * 64)
    for entry in entries:
        told = [FORMAT, entry["sequence"], entry["previous"], entry["kind"], entry["body"]]
        text = json.dumps(told, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode("ascii")).hexdigest()
        if (entry["sequence"], entry["previous"], entry["hash"]) != (before[0] + 1, before[1], digest):
            faults.append(entry["sequence"])
        before = (entry["sequence"], entry["hash"])
    return faults


def epsilon(rho, delta):
    """Return an epsilon at delta that a total of rho doesn't exceed, by OpenDP's conversion from zCDP."""
    curve = make_zCDP_to_approxDP(mechanism(24))
    sensitivity = 1
    while Fraction(sensitivity**2, 2 * 4**24) < rho:
        sensitivity *= 2
    low = sensitivity // 2
    while sensitivity - low > 1:
        middle = (low + sensitivity) // 2
        low, sensitivity = (middle, sensitivity) if Fraction(middle**2, 2 * 4**24) < rho else (low, middle)
    return curve.map(sensitivity).epsilon(float(delta))


def main(path):
    """Print what the statement's charges cost, and return whether all of it is covered."""
    enable_features("contrib")
    entries = json.loads(Path(path).read_bytes())["entries"]
    wrong = [f"entry {sequence} doesn't follow the one before it" for sequence in chain_faults(entries)]
    spent, limits, deltas = {}, {}, {}
    for entry in entries:
        body = json.loads(entry["body"])
        if "standing" in body:
            account = tuple(body["account"])
            limits[account], deltas[account] = Fraction(body["standing"]["limit"]), Fraction(body["standing"]["delta"])
        if entry["kind"] != "charged":
            continue
        for loss in body["measures"]:
            least = Fraction(mechanism(loss["grid_bits"]).map(loss["sensitivity"]))
            if least > Fraction(loss["rho"]):
                said = f"rho {loss['rho']} doesn't cover {float(least)}"
                wrong.append(f"entry {entry['sequence']}, {loss['measure']}: {said}")
        rho = sum(Fraction(loss["rho"]) for loss in body["measures"])
        spent[account] = spent.get(account, Fraction(0)) + rho
        print(f"entry {entry['sequence']}: {body['release']}, {account[3]} tier: rho {rho}")
    for account, rho in spent.items():
        told = (
            f"; epsilon {epsilon(rho, deltas[account]):.4f} at delta {deltas[account]}"
            if account[3] == "uniform"
            else ""
        )
        print(f"account {' / '.join(map(str, account))}: rho {rho} of {limits[account]}{told}")
        if rho > limits[account]:
            wrong.append(f"account {account} is above its limit")
    print(f"total: rho {sum(spent.values(), Fraction(0))}")
    for one in wrong:
        print(f"WRONG: {one}")
    return not wrong


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(0 if main(sys.argv[1]) else 1)
