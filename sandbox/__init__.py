"""A world to play in: an embedded PostgreSQL, a sample NexaCloud and an Odoo stand-in.

Flows in: nothing but a folder to live in. Flows out: databases and a `sandbox.json` that says where
they are. The demo and the tests use the same world.
"""
