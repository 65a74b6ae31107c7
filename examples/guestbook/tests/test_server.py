"""The server as it is run, on a port that the system chooses."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest


@pytest.fixture
def address():
    environment = {**os.environ, "PORT": "0", "GUESTBOOK_VERSION": "7"}
    process = subprocess.Popen(
        [sys.executable, "-m", "guestbook"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield re.search(r"http://\S+", process.stdout.readline()).group()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_it_serves_and_ends_when_it_is_asked_to(address):
    with urllib.request.urlopen(f"{address}/health", timeout=10) as answer:
        assert json.load(answer) == {"status": "ok", "version": "7"}


def test_a_body_that_is_too_long_is_refused_before_it_is_sent(address):
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/api/entries")
    connection.putheader("content-length", str(64 * 1024 + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
