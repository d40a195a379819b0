"""Hundreds of open pages in a process of their own, and a bare server to compare with."""
