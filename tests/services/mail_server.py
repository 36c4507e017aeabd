"""A mail server at the other end of a socket: it keeps what it takes, refuses what it is told to, or says nothing at all."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailServer(socketserver.ThreadingTCPServer):
    """`taken` are the mails that it said yes to, and `refuses` the words for which it says no; `silent` never speaks."""

    daemon_threads = True
    taken: list[EmailMessage]
    recipients: list[list[str]]

    def __init__(self, *, refuses: str = "", silent: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.refuses, self.silent = refuses, silent
        self.taken, self.recipients, self.calls = [], [], 0
        self.over = threading.Event()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.server.calls += 1
        if self.server.silent:
            self.server.over.wait(60)
            return
        self._say("220 ready")
        recipients: list[str] = []
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            if word == "RCPT":
                recipients.append(line.partition("<")[2].rstrip(">"))
            if word == "DATA":
                self._say("354 go on")
                self._say(self._take(recipients))
                recipients = []
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 well")

    def _take(self, recipients: list[str]) -> str:
        data = b""
        while (line := self.rfile.readline()) != b".\r\n":
            data += line
        mail = message_from_bytes(data, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        if self.server.refuses and self.server.refuses in str(mail["Subject"]):
            return "554 not this one"
        self.server.taken.append(mail)
        self.server.recipients.append(recipients)
        return "250 taken"

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def running(*, refuses: str = "", silent: bool = False) -> Iterator[MailServer]:
    """Run a mail server until the end of the block."""
    with MailServer(refuses=refuses, silent=silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()
