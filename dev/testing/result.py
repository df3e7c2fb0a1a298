"""What one part of the test run found."""

from dataclasses import dataclass, field


@dataclass
class PartResult:
    """Figures of one part; a part that ran nothing or skipped something has failed.

    :param skips_expected: how many skips are known and explained where they happen.
    """

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    skips_expected: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def close(self) -> "PartResult":
        """Turn 'nothing ran' and 'something was skipped' into failures."""
        if not self.passed and not self.failed:
            self.fail("it ran no test")
        if self.skipped > self.skips_expected:
            self.fail(f"{self.skipped} skipped, {self.skips_expected} expected")
        return self

    def fail(self, problem: str) -> None:
        self.failed += 1
        self.problems.append(problem)
