"""Tokens and addresses of the boards of tests."""

TOKEN = "private-token-of-the-tests"
READ_TOKEN = "token-that-may-only-read"
HOST = "http://127.0.0.1:8080"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
READER = {"Authorization": f"Bearer {READ_TOKEN}"}
