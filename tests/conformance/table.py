"""What `lines.toml` says: lines, their tests, and mutations with the command that runs their tests."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
RESULTS = HERE / "results.toml"


@dataclass(frozen=True)
class Edit:
    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Target:
    """One test program of Cargo's."""

    package: str
    arguments: tuple

    def __str__(self):
        return " ".join(["-p", self.package, *self.arguments])


@dataclass(frozen=True)
class Test:
    """A test as the table names it: `file.rs::function`."""

    path: str

    @property
    def file(self):
        return self.path.split("::")[0]

    @property
    def package(self):
        """The folder of its package."""
        return next(up for up in Path(self.file).parents if (CHECKOUT / up / "Cargo.toml").is_file())

    @property
    def target(self):
        manifest = tomllib.loads((CHECKOUT / self.package / "Cargo.toml").read_text())
        kind, first = Path(self.file).relative_to(self.package).parts[:2]
        return Target(manifest["package"]["name"], ("--lib",) if kind == "src" else ("--test", first.removesuffix(".rs")))

    def is_called(self, name):
        """Whether the test program means this by a name. Modules within a file are not in the table's path."""
        inside = Path(self.file.removesuffix(".rs")).relative_to(self.package).parts
        inside = inside[1:] if inside[0] == "src" else inside[2:]
        modules = [part for part in inside if part not in ("main", "lib")]
        parts = name.split("::")
        return parts[-1] == self.path.split("::")[-1] and parts[: len(modules)] == modules


@dataclass(frozen=True)
class Mutation:
    says: str
    edits: tuple
    tests: tuple

    @property
    def digest(self):
        """What a result is of: another edit, or another test, is another mutation."""
        parts = [part for edit in self.edits for part in (edit.file, edit.old, edit.new)]
        return hashlib.sha256("\0".join([*parts, *(test.path for test in self.tests)]).encode()).hexdigest()[:16]

    @property
    def starts_servers(self):
        return any(test.target.package == "tests" for test in self.tests)


def lines():
    """The mutations of each line that has some."""
    found = {}
    for line in tomllib.loads((HERE / "lines.toml").read_text())["line"]:
        found[line["id"]] = [
            Mutation(
                each["says"],
                tuple(Edit(edit["file"], edit["from"], edit["to"]) for edit in each["edit"]),
                tuple(map(Test, each["killed_by"])),
            )
            for each in line.get("mutation", [])
        ]
    return found


def results():
    if not RESULTS.is_file():
        return {}
    return {each["mutation"]: each for each in tomllib.loads(RESULTS.read_text()).get("result", [])}


def write_results(all_results, wanted):
    """Results of mutations that are not in the table any more are dropped."""
    kept = [each for each in sorted(all_results.values(), key=lambda each: each["mutation"]) if each["mutation"] in wanted]
    text = "# Written by `make test-mutations`: what became of each mutation, by its digest.\n"
    for each in kept:
        failed = ", ".join(f'"{name}"' for name in each["failed"])
        text += f'\n[[result]]\nmutation = "{each["mutation"]}"\noutcome = "{each["outcome"]}"\nfailed = [{failed}]\n'
        text += f'version = "{each["version"]}"\n'
    partial = RESULTS.with_suffix(".new")
    partial.write_text(text)
    partial.replace(RESULTS)
