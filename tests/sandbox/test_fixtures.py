"""The fixtures that all rooms stand on."""

from __future__ import annotations

import socket

import psycopg2
import pytest


def test_the_reader_may_read_and_not_write(nexacloud_dsn: str) -> None:
    with psycopg2.connect(nexacloud_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from usage_records")
        assert cursor.fetchone() == (8095,)
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("delete from usage_records")


def test_a_test_cannot_leave_the_machine() -> None:
    with pytest.raises(RuntimeError, match="loopback only"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(RuntimeError, match="loopback only"):
        socket.getaddrinfo("pypi.org", 443)
    with pytest.raises(RuntimeError, match="loopback only"):
        psycopg2.connect("postgresql://nobody@192.0.2.1/x", connect_timeout=1)


def test_warehouse(warehouse_dsn: str) -> None:
    with psycopg2.connect(warehouse_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("create schema raw_nexacloud")
