"""Print the agent: `python -m fleetsave.sources.agent > agent/fleetsave_agent.py`."""

import sys

from fleetsave.sources.agent import agent

sys.stdout.write(agent())
