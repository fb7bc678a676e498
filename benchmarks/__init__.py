"""Speed beside a peer, in one run on one machine: ratios, since absolute figures are the machine's."""
