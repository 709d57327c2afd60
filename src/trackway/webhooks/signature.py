"""What a receiver gets beside the body.

Headers and signature are MLflow's (3.17), so that receivers written for it verify what comes from here: HMAC-SHA256
over ``<delivery id>.<timestamp>.<body>``, in base64 behind ``v1,``.
"""

from __future__ import annotations

import base64
import hmac

DELIVERY_HEADER = "X-MLflow-Delivery-Id"
TIMESTAMP_HEADER = "X-MLflow-Timestamp"
SIGNATURE_HEADER = "X-MLflow-Signature"
EVENT_HEADER = "X-Trackway-Event"


def make_headers(event: str, delivery_id: str, now_ms: int, body: bytes, secret: str) -> dict[str, str]:
    """Return the headers of a delivery; the time is that of the attempt, in seconds since 1970."""
    timestamp = str(now_ms // 1000)
    headers = {
        "Content-Type": "application/json",
        EVENT_HEADER: event,
        DELIVERY_HEADER: delivery_id,
        TIMESTAMP_HEADER: timestamp,
    }
    if secret:
        headers[SIGNATURE_HEADER] = sign(secret, delivery_id, timestamp, body)
    return headers


def sign(secret: str, delivery_id: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a delivery."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()
