"""Job clusters of django-q, with what it lacks: a sign of life per node, bounded tries, an end.

`broker` is the queue in our database; `cluster` runs a cluster and ends it when one of its
processes is killed, since the others may then wait for ever.
"""
