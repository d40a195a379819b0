"""Tests of the lab network."""
