"""One measured figure beside its reference: percentiles, the JSON line and the table for people."""
import dataclasses
import json
import math


def percentile(samples, share):
    """The smallest sample that at least this share of all samples does not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


FEW = 10  # samples; with fewer a percentile says nothing


@dataclasses.dataclass
class Result:
    """Samples of ours and of the reference; `limit` is what the ratio should stay within."""
    bench: str
    ours: list
    ref: str
    ref_samples: list
    unit: str = "us"
    limit: float = None
    conditions: dict = dataclasses.field(default_factory=dict)

    @property
    def ratio(self):
        reference = percentile(self.ref_samples, 0.5)
        return percentile(self.ours, 0.5) / reference if reference else None

    @property
    def is_within(self):
        return self.limit is None or self.ratio is None or self.ratio <= self.limit

    def line(self, machine):
        """The figure as one line of JSON."""
        return json.dumps({
            "bench": self.bench,
            "p50": rounded(percentile(self.ours, 0.5)),
            "p99": rounded(percentile(self.ours, 0.99)),
            "max": rounded(max(self.ours)),
            "n": len(self.ours),
            "unit": self.unit,
            "ref": self.ref,
            "ref_p50": rounded(percentile(self.ref_samples, 0.5)),
            "ratio": rounded(self.ratio),
            "limit": self.limit,
            "conditions": {**self.conditions, **machine},
        })

    def row(self):
        """The figure as cells of the table."""
        label = " ".join([self.bench] + [f"{key}={value}" for key, value
                                         in self.conditions.items()])
        numbers = [percentile(self.ours, 0.5), percentile(self.ours, 0.99), max(self.ours)]
        verdict = "" if self.limit is None else f"{self.limit:.3g}"
        notes = [] if self.is_within else ["over"]
        if len(self.ours) < FEW:
            notes.append("one sample" if len(self.ours) == 1 else f"{len(self.ours)} samples")
        return [label, *(text(number) for number in numbers), str(len(self.ours)), self.unit,
                self.ref, text(percentile(self.ref_samples, 0.5)),
                text(self.ratio), verdict, ", ".join(notes)]


HEADINGS = ["FIGURE", "P50", "P99", "MAX", "N", "UNIT", "REFERENCE", "ITS P50", "RATIO", "LIMIT",
            ""]
LEFT = ("FIGURE", "UNIT", "REFERENCE", "")


def rounded(number):
    return None if number is None else float(f"{number:.6g}")


def text(number):
    if number is None:
        return "-"
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:.4g}"


def table(results):
    """The lines of a table, columns aligned."""
    rows = [HEADINGS] + [result.row() for result in results]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        cells = [cell.ljust(width) if heading in LEFT else cell.rjust(width)
                 for cell, width, heading in zip(row, widths, HEADINGS)]
        yield "  ".join(cells).rstrip()


def markdown(title, conditions, results):
    """The lines of the same table in Markdown, below a line that says what it was measured on."""
    yield f"### {title[:1].upper()}{title[1:]}\n"
    yield ", ".join(f"{key} {value}" for key, value in conditions.items()) + "\n"
    yield "| " + " | ".join(heading.lower() or "note" for heading in HEADINGS) + " |"
    yield "|" + "|".join("---" if heading in LEFT else "---:" for heading in HEADINGS) + "|"
    for result in results:
        yield "| " + " | ".join(result.row()) + " |"
    yield ""
