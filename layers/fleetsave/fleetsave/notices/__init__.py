"""Notices a person can stand: told once, in one message for each server, with the next command; and pings of proof."""
