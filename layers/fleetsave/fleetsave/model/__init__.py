"""The ground floor: pure values and rules, without I/O, clock or SDK."""
