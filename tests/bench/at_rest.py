"""What the broker stored for a topic, read from the headers of the record batches in its segments."""

import struct
from collections import namedtuple

from settings import CODECS

HEADER = struct.Struct(">qiibihi")  # base offset, length, leader epoch, magic, CRC, attributes, last offset delta
ATTRIBUTES = 5
AtRest = namedtuple("AtRest", "bytes batches codecs")


def read(data, topic):
    total, batches, codecs = 0, 0, set()
    for segment in sorted(data.glob(f"0/logs/{topic}-[0-9]*/*.log")):
        size = segment.stat().st_size
        total += size
        with open(segment, "rb") as f:
            position = 0
            while position + HEADER.size <= size:
                f.seek(position)
                fields = HEADER.unpack(f.read(HEADER.size))
                length = fields[1]
                if length <= 0:
                    break
                codecs.add(CODECS[fields[ATTRIBUTES] & 7])
                batches += 1
                position += 12 + length
    return AtRest(total, batches, codecs)
