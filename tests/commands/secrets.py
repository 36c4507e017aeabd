"""What no command may ever print."""

import re

from tests.services.flow_server import API_KEY as API_KEY_IN_PROCESS
from tests.services.flow_server import TOKEN

API_KEY = "key-that-nobody-may-read-7319"
PASSWORD = "password-that-nobody-may-read-7319"
SECRETS = (API_KEY, API_KEY_IN_PROCESS, TOKEN, PASSWORD)
JWT = re.compile(r"eyJ[\w-]{8,}")  # the sandbox's tokens


def expect_no_secret(text: str) -> None:
    """Fail where a text holds an API key, a token or a password."""
    assert not [secret for secret in SECRETS if secret in text], text
    assert not JWT.search(text), text
