"""Verifies a webhook call that is signed with HMAC-SHA-256. Python 3.9 or newer, no packages."""

import base64
import hashlib
import hmac
import os
import sys
import time

# What a call may be older than your clock, or newer: an old one may be somebody's who has overheard it.
TOLERANCE_SECONDS = 300


def is_genuine(secret, call_id, timestamp, signatures, body):
    """Whether a call is from who has the secret (whsec_...).

    The texts are those of the headers webhook-id, webhook-timestamp and webhook-signature; the body is the bytes that came,
    not what a JSON parser made of them.
    """
    if not secret.startswith("whsec_"):
        raise ValueError("a secret begins with whsec_")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 15):
        return False
    if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret[len("whsec_") :])
    signed = f"{call_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    # During a rotation there are two, one of each secret.
    return any(hmac.compare_digest(one.encode(), expected) for one in signatures.split(" "))


if __name__ == "__main__":
    # To try it: the headers as CGI has them, the body on the standard input.
    names = ("HTTP_WEBHOOK_ID", "HTTP_WEBHOOK_TIMESTAMP", "HTTP_WEBHOOK_SIGNATURE")
    headers = [os.environ.get(name, "") for name in names]
    genuine = is_genuine(os.environ["WEBHOOK_KEY"], *headers, sys.stdin.buffer.read())
    print("genuine" if genuine else "refused")
    sys.exit(0 if genuine else 1)
