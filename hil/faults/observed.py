"""What was seen of a fault, and how it is judged against its row."""

from dataclasses import dataclass, field

from hil.faults.menu import Fault


@dataclass(slots=True)
class Observed:
    """Seconds after the injection, None for what was not measured. `wrong` are sentences; none are expected."""

    secure_s: float | None = None
    told_s: float | None = None
    recovered_s: float | None = None
    codes: tuple[int, ...] = ()
    wrong: list[str] = field(default_factory=list)
    note: str = ""

    def demand(self, holds: bool, otherwise: str) -> None:
        """Note what is wrong unless it holds."""
        if not holds:
            self.wrong.append(otherwise)

    def judge(self, fault: Fault) -> list[str]:
        """Everything that is not as the row demands, in words."""
        wrong = list(self.wrong)
        for what, limit, seen in (
            ("secure", fault.secure_s, self.secure_s),
            ("told", fault.told_s, self.told_s),
        ):
            if limit is not None and (seen is None or seen > limit):
                wrong.append(f"{what} after {'never' if seen is None else f'{seen:.3f} s'}, {limit:.1f} s is allowed")
        if fault.codes and not set(fault.codes) & set(self.codes):
            wrong.append(f"faults {list(self.codes)} were raised, one of {list(fault.codes)} is expected")
        return wrong
