"""The examiner: path-traced presentations for proving the detector, written apart from the twin. See README.md."""
