"""Print the gate: `python -m fleetsave.sources.gate > agent/fleetsave_gate.py`."""

import sys

from fleetsave.sources.gate import gate

sys.stdout.write(gate())
