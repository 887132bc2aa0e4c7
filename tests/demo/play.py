"""How a demo begins and ends: every end, also by a signal or for want of time, cleans up and says so."""

import signal
import subprocess

import show
from stage import Failure

LONGEST = 280  # seconds
SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM


def check(holds, text, otherwise=""):
    """Says a promise once it is known to hold."""
    if not holds:
        raise Failure(f"{text}: this does not hold. {otherwise}".rstrip())
    show.promise(text)


def perform(open_stage, story):
    """Tells the story on a stage, and closes that. Returns the exit code."""
    for number in SIGNALS:
        signal.signal(number, interrupted)
    signal.alarm(LONGEST)
    place, code = None, 1
    try:
        place = open_stage()
        story(place)
        code = 0
    except KeyboardInterrupt:
        show.out("\n" + show.colour("demo: interrupted, cleaning up", "yellow"))
        code = 130
    except (Failure, OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
        blame(error, place)
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        clean = place is None or place.close()
        if not clean:
            show.out(f"{show.NO} demo: something was left behind: see {place.folder}")
        elif code == 0:
            show.promise(place.nothing_left)
    return code if clean else 1


def interrupted(number, _):
    if number == signal.SIGALRM:
        raise Failure(f"the demo took longer than {LONGEST} s")
    raise KeyboardInterrupt


def blame(error, place):
    for name, lines in place.last_words() if place else ():
        show.out(show.colour(f"--- the end of {name}", "dim"))
        for line in lines:
            show.out("    " + line)
    reason = str(error) if isinstance(error, Failure) else repr(error)
    show.out(f"\n{show.colour(show.NO, 'red', 'bold')} " + show.colour(f"demo: {reason}", "red"))
