"""Every series of the portal: counters into intervals, intervals into buckets, buckets into tables."""
