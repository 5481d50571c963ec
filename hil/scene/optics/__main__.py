"""Prints the separability of the bands: `python -m hil.scene.optics`."""

import argparse

from hil.scene.optics.separability import lines, survey


def main(argv: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m hil.scene.optics", description=__doc__)
    parser.add_argument("--draws", type=int, default=60, help="people, forgers and sites per row (default 60)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)
    if arguments.draws < 2:
        parser.error("a standard deviation needs two draws")
    print(f"Simulated: mean ± sd over {arguments.draws} draws of person, forger, batch and site, no noise.")
    print("In brackets: distance from the skin it is coloured as, in standard deviations of both.\n")
    for line in lines(survey(arguments.draws, arguments.seed)):
        print(line)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
