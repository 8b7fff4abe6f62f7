"""Runs controllers: fills a cache from watches, keeps keys in queues, applies what reconcilers decide.

Belongs here: all I/O, time and concurrency of the controllers. Never: what a kind of object should look like.
"""
