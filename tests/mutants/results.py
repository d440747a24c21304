"""What a check says of a mutant, and the tables made of that."""
from __future__ import annotations

from collections import Counter
from typing import Any

from mutants import HERE, KINDS, SETS, Mutant

Record = dict[str, Any]
HEADINGS = {
    "by_hand": "Written by hand",
    "made": "Made by generate.py",
    "kernels": "Beyond small and tame samples",
    "layers_and_trainers": "In layers and trainers, judged by the tests",
}


def subject_of(case: dict) -> str:
    return str(case.get("subject") or f"ops/{case.get('op')}/{case.get('case')}")


def own_subject(mutant: Mutant, ops: set[str]) -> str:
    """What the subjects of the file's own cases begin with; empty for what several ops or layers share."""
    folder, _, name = mutant.file.rpartition("/")
    stem = name.rpartition(".")[0]
    if folder == "autograd/ops":
        return f"ops/{stem}/" if stem in ops else ""
    return {"layers": f"layers/{stem}/", "layers/models": f"models/{stem}/"}.get(folder, "")


def judge(mutant: Mutant, status: int | None, answer: dict | None, ops: set[str]) -> Record:
    """What came of it: outcome, the first subjects that failed, and the diagnosis given most often."""
    if status is None:
        return {"outcome": "hung", "status": None}
    if answer is None or status not in (0, 1):
        return {"outcome": "crashed", "status": status}
    failing = [c for c in answer.get("cases", []) if c.get("verdict") == "fail" or c.get("passed") is False]
    own = [case for case in failing if subject_of(case).startswith(own_subject(mutant, ops))]
    diagnoses = Counter(case["diagnosis"] for case in own or failing if case.get("diagnosis"))
    first = (failing or [{}])[0]
    findings = first.get("findings") or [{}]
    return {
        "outcome": "detected" if status == 1 else "missed",
        "status": status,
        "failing": [subject_of(case) for case in failing],
        "inconclusive": sum(case.get("verdict") == "inconclusive" for case in answer.get("cases", [])),
        "where": subject_of(first) if first else "",
        "variable": findings[0].get("variable", ""),
        "said": findings[0].get("text") or first.get("failure", ""),
        "diagnosis": diagnoses.most_common(1)[0][0] if diagnoses else "",
        "diagnoses": dict(diagnoses),
    }


def judge_by_tests(status: int | None, answer: dict | None) -> Record:
    """The same of test programs, whose `answer` has the names of the tests that failed and what the first one said."""
    if status is None:
        return {"outcome": "hung", "status": None}
    if answer is None or status not in (0, 1):
        return {"outcome": "detected", "status": status, "where": "the tests crash", "failing": []}
    failing = answer["failing"]
    return {"outcome": "detected" if failing else "missed", "status": status, "failing": failing,
            "where": failing[0] if failing else "", "said": answer["said"], "diagnosis": ""}  # fmt: skip


def load_equivalents() -> dict[str, str]:
    """Mutants that change no gradient, as people judged, with the reason: lines of `name: reason`."""
    path = HERE / "equivalent.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith("#"))


def table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [[str(cell).replace("|", "\\|") for cell in line] for line in [head, ["---"] * len(head), *rows]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def line_of(record: Record, equivalents: dict[str, str]) -> list[str]:
    outcome = record["outcome"]
    if outcome != "detected" and record["name"] in equivalents:
        outcome = f"equivalent: {equivalents[record['name']]}"
    where = record.get("where", "")
    if record.get("variable"):
        where += f", {record['variable']}"
    if (more := len(record.get("failing", [])) - 1) > 0:
        where += f" and {more} more"
    return [record["name"], record["kind"], record["file"], outcome, where, record.get("diagnosis", "")]


def half_as_markdown(half: str, records: list[Record], equivalents: dict[str, str]) -> str:
    compiled = [r for r in records if r["outcome"] != "does not compile"]
    counted = [r for r in compiled if r["outcome"] == "detected" or r["name"] not in equivalents]
    detected = [r for r in counted if r["outcome"] == "detected"]
    kinds = [kind for kind in KINDS if any(r["kind"] == kind for r in counted)]
    words = [word for word, _ in Counter(r["diagnosis"] for r in detected if r["diagnosis"]).most_common()]

    def of_kind(some: list[Record], kind: str) -> list[Record]:
        return [r for r in some if r["kind"] == kind]

    counts = [[kind, len(of_kind(counted, kind)), len(of_kind(detected, kind)),
               sum(bool(r["diagnosis"]) for r in of_kind(detected, kind))] for kind in kinds]  # fmt: skip
    counts.append(["all", *(sum(row[i] for row in counts) for i in (1, 2, 3))])
    confusion = []
    for kind in kinds:
        given = Counter(r["diagnosis"] for r in of_kind(detected, kind))
        confusion.append([kind, *(given[word] or "" for word in words), given[""] or ""])
    order = sorted(compiled, key=lambda r: (KINDS.index(r["kind"]), r["file"], r["name"]))
    return "\n".join([
        f"## {HEADINGS[half]}\n",
        f"{len(detected)} of {len(counted)} detected. {len(compiled) - len(counted)} more change no gradient, "
        f"and {len(records) - len(compiled)} did not compile; neither are counted.\n",
        table(["mutant", "kind", "file", "outcome", "where", "diagnosis"],
              [line_of(r, equivalents) for r in order]),
        "By kind:\n",
        table(["kind", "mutants", "detected", "with a diagnosis"], counts),
        "The kind that was planted (rows) and the diagnosis given (columns), of those detected:\n",
        table(["", *words, "none"], confusion),
    ])  # fmt: skip


def as_markdown(records: list[Record], equivalents: dict[str, str], sound: dict) -> str:
    halves = {half: [r for r in records if r["set"] == half] for half in SETS}
    if sound:
        unmutated = (f"Unmutated, all {len(sound.get('cases', []))} cases with {sound.get('derivatives', 0)} derivatives "
                     "pass.")  # fmt: skip
    else:
        unmutated = "Unmutated, all tests pass."
    return "\n".join([
        "# Planted bugs\n",
        "Written by `tests/mutants/run`. Each line is a bug that was planted in a pullback or a layer, what "
        "`tapehead gradcheck` made of it, the first case that failed, and the diagnosis given most often by "
        "the failing cases of that op or layer (of all, where they share the file). Bugs that leave gradients right are "
        f"judged by the tests of layers and trainers, and the first test that failed is named. {unmutated}\n",
        *(half_as_markdown(half, some, equivalents) for half, some in halves.items() if some),
    ])  # fmt: skip
