"""Notices a person can stand: told once, in one message for each server, with the next command; and pings of proof.

Begin with `room`, which a look of the watchdog calls: it reads what people know (`told`), has `decide` say what is news (by
the `lifecycle` of each problem, and only where the look had `sight`; in the words of `messages` and `digest`), and brings it to
each channel by `delivery`. `pings` says what is proven. How things are sent is below `ports`: `topic_channel`,
`apprise_channel` and `web_ping`, opened by `opening` from the secret that `addresses` reads.
"""
