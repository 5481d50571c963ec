"""Taking in what others recorded: the published layouts of some sets, and plain folders of images.

A loader reads a folder as its publisher describes it and yields presentations; `registry.take_in` writes them as a data
set of ours. What a set does not say is not invented: an attack whose kind is not told is "not stated", a channel whose
unit is unknown is left out. None of the published sets was at hand: the loaders follow their published descriptions and
public code that reads them, and are tested on files made in that form. See docs/measure-a-rig.md.
"""
