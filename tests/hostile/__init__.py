"""Hostile inputs, each case of the threat list one numbered test, through the real jailed readers.

What every case has to keep is asked in `Bench.judge`: an answer in time, its bytes accounted for, the rest of the
packet read, and the next packet too.
"""
