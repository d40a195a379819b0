"""Runs the whole portal on one machine: `python -m ispcore.supervisor`, or script/server.

The process that stays is kept free of Django (20 MB): `prepare` does the set-up in a process that
ends, `children` keeps the programs running, `watchdog` asks the web process for signs of life, and
`reaper` ends everything if this process dies without a chance to.
"""
