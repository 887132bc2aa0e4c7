"""Payload files: JSON documents of exactly one size, as an order service might write them. About 4 : 1 for zstd at 1 KiB."""

import json
import random

NAMES = "Anna Ben Clara David Emma Farid Grace Hugo Ines Jonas Kemi Liam Mina Noah Olga Pavel".split()
CITIES = "Berlin Paris Lagos Osaka Lima Toronto Mumbai Oslo Cairo Sydney".split()
WORDS = ("order shipped customer requested refund delivery address updated payment accepted card declined invoice sent item "
         "returned pending review support ticket closed").split()
STATES = ["order.created", "order.paid", "order.shipped", "order.refunded"]


def write(path, size):
    """At most 32 MB, so that the load tool does not read from disk, and enough records that no batch repeats one."""
    rand = random.Random(7)
    with open(path, "wb") as f:
        for i in range(max(2000, min(100_000, 20_480_000 // size))):
            f.write(_record(rand, i, size))


def _record(rand, i, size):
    doc = _small(rand, i) if size < 1000 else _order(rand, i)
    while size - len(_encode(doc)) > 500:
        doc["events"].append(_event(rand))
    room = size - len(_encode(doc))
    if room < 0:
        raise SystemExit(f"bench: records of {size} bytes are too small for a JSON document")
    note = ""
    while len(note) < room:
        note += rand.choice(WORDS) + " "
    doc["note"] = note[:room]
    return _encode(doc)


def _encode(doc):
    return json.dumps(doc, separators=(",", ":")).encode()


def _small(rand, i):
    return {"id": _hex(rand, 64), "ts": 1760000000000 + i * 37, "qty": rand.randrange(1, 9), "events": [], "note": ""}


def _order(rand, i):
    return {
        "id": _hex(rand, 128), "ts": 1760000000000 + i * 37, "type": rand.choice(STATES),
        "customer": {"id": "cus_" + _hex(rand, 48), "name": rand.choice(NAMES) + " " + rand.choice(NAMES) + "son",
                     "email": _hex(rand, 32) + "@example.com", "city": rand.choice(CITIES), "iban": f"DE{rand.randrange(10**20):020d}"},
        "items": [{"sku": f"SKU-{rand.randrange(10**6):06d}", "qty": rand.randrange(1, 9), "price_cents": rand.randrange(99, 99999)}
                  for _ in range(rand.randrange(2, 4))],
        "card": {"last4": f"{rand.randrange(10**4):04d}", "brand": rand.choice(["visa", "mastercard", "amex"]),
                 "token": "tok_" + _hex(rand, 96)},
        "trace": {"trace_id": _hex(rand, 128), "span_id": _hex(rand, 64), "sampled": rand.random() < 0.1},
        "events": [], "note": ""}


def _event(rand):
    return {"at": 1760000000000 + rand.randrange(10**9), "type": rand.choice(STATES), "by": "usr_" + _hex(rand, 48),
            "trace": _hex(rand, 128), "text": " ".join(rand.choice(WORDS) for _ in range(rand.randrange(8, 24)))}


def _hex(rand, bits):
    return f"{rand.getrandbits(bits):0{bits // 4}x}"
