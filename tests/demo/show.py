"""What the demo looks like: captions, tables and boxes as wide as the terminal, colours only where they are welcome."""

import contextlib
import os
import shutil
import sys
import textwrap
import time

WIDEST, NARROWEST, SIDE_BY_SIDE = 132, 40, 96
CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
TERMINAL = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
COLOURS = TERMINAL and not os.environ.get("NO_COLOR")
times = []  # (step, seconds)


def encodable(text):
    try:
        return bool(text.encode(sys.stdout.encoding or "ascii"))
    except UnicodeEncodeError:
        return False


UNICODE = encodable("┌─┬┐│├┼┤└┴┘✓✗…")
TOP, MIDDLE, BOTTOM, LINE, BAR = ("┌┬┐", "├┼┤", "└┴┘", "─", "│") if UNICODE else ("+++", "+++", "+++", "-", "|")
YES, NO, MORE = ("✓", "✗", "…") if UNICODE else ("ok", "FAILED", "~")


def width():
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((WIDEST, 40)).columns))


def colour(text, *names):
    return "".join(f"\033[{CODES[name]}m" for name in names) + text + "\033[0m" if COLOURS and names else text


def out(text=""):
    print(text if UNICODE else text.replace("…", "~"), flush=True)


def say(text, *colours):
    for line in textwrap.wrap(text, width() - 2) or [""]:
        out("  " + colour(line, *colours))


def code(text, title=None):
    """A file or command, as it is."""
    if title:
        out("  " + colour(title, "dim"))
    for line in text.rstrip().splitlines():
        out("    " + colour(line, "cyan"))


def promise(text):
    """One that was just checked. See demo.check."""
    lines = textwrap.wrap(text, width() - 5) or [""]
    for i, line in enumerate(lines):
        out(f"  {colour(YES, 'green', 'bold') if i == 0 else ' ' * len(YES)} {line}")


def headline(text):
    for line in textwrap.wrap(text, width()):
        out(colour(line, "bold"))


@contextlib.contextmanager
def step(number, title, name):
    """A part of the story under its caption, timed under its short name."""
    out()
    headline(f"{number}. {title}")
    start = time.monotonic()
    yield
    times.append((name, time.monotonic() - start))


def fit(text, size):
    """Exactly `size` characters."""
    return text.ljust(size) if len(text) <= size else text[: size - 1] + MORE


def rule(ends, sizes):
    return "  " + colour(ends[0] + ends[1].join(LINE * (size + 2) for size in sizes) + ends[2], "dim")


def row(cells, sizes, paint):
    bar = colour(BAR, "dim")
    painted = [paint(i, fit(cell, size)) for i, (cell, size) in enumerate(zip(cells, sizes))]
    return f"  {bar} " + f" {bar} ".join(painted) + f" {bar}"


def table(titles, rows):
    """Numbers stand right. Where the terminal is too narrow, columns give way, the widest first."""
    rows = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells] for cells in rows]
    numbers = [all(cells[i][:1].isdigit() for cells in rows) for i in range(len(titles))]
    sizes = [max(len(cell) for cell in column) for column in zip(titles, *rows)]
    while sum(sizes) + 3 * len(sizes) + 3 > width():
        sizes[sizes.index(max(sizes))] -= 1

    def align(cells):
        return [cell.rjust(size) if number else cell for cell, size, number in zip(cells, sizes, numbers)]

    out(rule(TOP, sizes))
    out(row(align(titles), sizes, lambda _, text: colour(text, "bold")))
    out(rule(MIDDLE, sizes))
    for cells in rows:
        out(row(align(cells), sizes, lambda _, text: text))
    out(rule(BOTTOM, sizes))


def side_by_side(views):
    """Views are (title, colour, [(label, text, lines)]); below each other where the terminal is narrow."""
    together = len(views) if width() >= SIDE_BY_SIDE else 1
    size = (width() - 3 - 3 * together) // together
    for at in range(0, len(views), together):
        some = views[at : at + together]
        bodies = [[line for entry in entries for line in labelled(*entry, size)] for _, _, entries in some]
        sizes = [size] * len(some)
        out(rule(TOP, sizes))
        out(row([title for title, _, _ in some], sizes, lambda _, text: colour(text, "bold")))
        out(rule(MIDDLE, sizes))
        for i in range(max(map(len, bodies))):
            cells = [body[i] if i < len(body) else "" for body in bodies]
            out(row(cells, sizes, lambda j, text: colour(text, some[j][1])))
        out(rule(BOTTOM, sizes))


def labelled(label, text, lines, size):
    room = size - 9
    parts = [text[i : i + room] for i in range(0, len(text), room)] or [""]
    if len(parts) > lines:
        parts = [*parts[: lines - 1], parts[lines - 1][:-1] + MORE]
    return [f"{label if i == 0 else '':<8} {part}" for i, part in enumerate(parts)]


def excerpt(data):
    """Text as it is, anything else in hexadecimal."""
    if data is None:
        return "null"
    text = data[:400].decode("ascii", "replace")
    return text if text.isascii() and text.isprintable() else f"{len(data):,} bytes: {data[:200].hex()}"


def size(count):
    return f"{count / 1024:,.1f} KiB"


class Progress:
    """One line that counts up on a terminal; nothing elsewhere."""

    def __init__(self):
        self.last = 0.0

    def show(self, text):
        if TERMINAL and time.monotonic() - self.last > 0.1:
            self.last = time.monotonic()
            print("\r  " + colour(fit(text, width() - 4), "yellow"), end="", flush=True)

    def clear(self):
        if TERMINAL:
            print("\r" + " " * (width() - 1), end="\r", flush=True)
