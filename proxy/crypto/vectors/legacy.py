"""Writes legacy.json: records of earlier programs, by a writer that shares nothing with the reader but their layout.

Needs the package `cryptography`. Two of Kroxylicious' own published records (Apache License 2.0, the data of its test of
compatibility) are among them, so that the layout is not only our word.
"""

import base64
import json
import pathlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# topic-encryption's test KMS has this one key; values and IVs are those of its captured fetches.
TEST_KEY = base64.b64decode("bfUup8fs92bnOHlghWXegCJleHhbnNaf31RZL0d6r/I=")
CAPTURED = [
    ("be70d6642cdc473e5d9044e8c7c7b2bd", b"abcdefghijklmnopqrstuvwxyz"),
    ("d4e558652b563601b4c1fa0b9d92d9e3", b"0123456789"),
    ("b1d89f7b63d9f5dc57cdeacbdd3dfc98", b"abcdefgh"),
    ("000102030405060708090a0b0c0d0e0f", b""),
]

KEK_ID = "c32d1cef-9c60-4f86-b56b-281684c98ad0"
KEK = base64.b64decode("FwailFttZJR2Jq43YPhwsKTtuTJQNnPPutrFu9uVPx4=")
PUBLISHED = [
    "AE6ADMHU4V/OFRDILMd8AsMtHO+cYE+GtWsoFoTJitA0Y8iY9RZBcQDxGqsIylR5ugQ57JYiqOOwLVPwm6X2t9iT/3VoUjJ/M8xFWpiczFIAT5ZR6To+WDLYniREKe+0"
    "/f6lRFsCb/MGEZhfVgkb3g==",
    "AE6ADMNIqL7qk5zZDYBSp8MtHO+cYE+GtWsoFoTJitDZbCqfZvPsulMdhpO06acCIQ8unRSmTypxUAuaRyY5rZhrKP+WxohB5BUDHnMPztQAsUYlZQzgsNt3kbv4O7aP"
    "zm7Bh9FP2bl8c4fDXH33uA==",
]
DEK = bytes(range(0x40, 0x60))
IV = bytes(range(12))


def gcm(key, iv, plaintext):
    """Any length of IV, unlike AESGCM."""
    cipher = Cipher(algorithms.AES(key), modes.GCM(iv)).encryptor()
    return cipher.update(plaintext) + cipher.finalize() + cipher.tag


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def topic_encryption(iv, plaintext):
    iv = bytes.fromhex(iv)
    sealed = gcm(TEST_KEY, iv, plaintext)
    return b"\0\1" + len(iv).to_bytes(2, "big") + iv + len(sealed).to_bytes(4, "big") + sealed


def parcel(value):
    return varint(len(value) * 2) + value + b"\x03"


def wrapper(edek, plaintext, cipher=0, aad=0):
    return bytes([cipher]) + varint(len(edek)) + edek + bytes([aad]) + IV + AESGCM(DEK).encrypt(IV, plaintext, None)


def in_memory(bits=128):
    uuid = bytes.fromhex(KEK_ID.replace("-", ""))
    return bytes([bits, 12]) + IV + uuid + AESGCM(KEK).encrypt(IV, DEK, None)


def vault(name, text):
    return varint(len(name)) + name.encode() + text.encode()


def aws(key, blob):
    return b"\0" + varint(len(key)) + key.encode() + blob


def kroxylicious(name, edek, value, plaintext, **more):
    return {"name": name, "edek": edek.hex(), "value": value.hex(), "plaintext": plaintext.hex(), **more}


def bad(name, error, value):
    return {"name": name, "error": error, "value": value.hex()}


def main():
    local = in_memory()
    text = "vault:v3:" + base64.b64encode(bytes(48)).decode()
    long_name = "k" * 130
    key_id = "1234abcd-12ab-34cd-56ef-1234567890ab"
    published = [base64.b64decode(value) for value in PUBLISHED]
    large = bytes(range(256))
    good = wrapper(local, parcel(b"b"))
    vectors = {
        "description": "Records of earlier programs; legacy.py beside this file writes it. Bytes are hexadecimal. An entry with an "
        "error must fail for that reason.",
        "topicEncryptionV1": {
            "key": TEST_KEY.hex(),
            "records": [{"value": topic_encryption(iv, text).hex(), "plaintext": text.hex()} for iv, text in CAPTURED],
        },
        "kroxyliciousV2": {
            "kek": KEK.hex(),
            "kekId": KEK_ID,
            "dek": DEK.hex(),
            "published": [{"value": value.hex(), "plaintext": b"b".hex()} for value in published],
            "written": [
                kroxylicious("in memory", local, wrapper(local, parcel(b"b")), b"b", key=KEK_ID),
                kroxylicious("empty value", local, wrapper(local, parcel(b"")), b"", key=KEK_ID),
                kroxylicious("large value", local, wrapper(local, parcel(large)), large, key=KEK_ID),
                kroxylicious("Vault", vault("orders", text), wrapper(vault("orders", text), parcel(b"b")), b"b", key="orders", text=text),
                kroxylicious("Vault, long name", vault(long_name, text), wrapper(vault(long_name, text), parcel(b"b")), b"b", key=long_name, text=text),
                kroxylicious("AWS", aws(key_id, bytes(184)), wrapper(aws(key_id, bytes(184)), parcel(b"b")), b"b", key=key_id),
            ],
            "refused": [
                bad("another cipher", "algorithm", wrapper(local, parcel(b"b"), cipher=1)),
                bad("associated data", "algorithm", wrapper(local, parcel(b"b"), aad=1)),
                bad("headers within", "parts", wrapper(local, parcel(b"b")[:-1] + b"\x00")),
                bad("null value within", "parts", wrapper(local, b"\x01\x03")),
                bad("value longer than its parcel", "length", wrapper(local, varint(200) + b"b\x03")),
                bad("bytes behind the parcel", "length", wrapper(local, parcel(b"b") + b"\0")),
                bad("encrypted data key longer than the value", "length", b"\0" + varint(1 << 20) + local),
                bad("endless number", "number", b"\0" + b"\xff" * 9),
                bad("no room for a tag", "length", good[: 1 + 1 + len(local) + 1 + 12 + 15]),
                bad("altered ciphertext", "tag", good[:-17] + bytes([good[-17] ^ 1]) + good[-16:]),
            ],
        },
    }
    file = pathlib.Path(__file__).with_suffix(".json")
    file.write_text(json.dumps(vectors, indent=2) + "\n")


main()
