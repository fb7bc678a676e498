"""Watchdog: what should be there and is not, told and mended.

Begin with `room`, one look: it finds out where to look (`beginning`, by `places`, `memory` and `recovering`), has every `place`
looked at, puts together what was seen (`gathering`), takes the `remedies` and the daily `sweeps`, and writes down the look
(`memory`, `metrics`). A `place` is one kind of one server. What is looked at there, the cheapest first: its `records` beside
what is `expected`, and what is `missing`; what earlier runs left `unfinished`; and its data, as `listed`, to `compare` with
the records, once a day as a `whole`. What all of these know, and bring home, is `look`; what they say of it is `problems`.
"""
