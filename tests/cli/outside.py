"""What stands outside in tests of checkpoints: a time stamp authority behind
HTTP (openssl ts), and a mail server that keeps what it gets."""
import http.server
import pathlib
import socketserver
import subprocess
import threading

CONFIG = """
[tsa]
default_tsa = t
[t]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
[ext]
extendedKeyUsage = critical,timeStamping
[plain]
extendedKeyUsage = clientAuth
"""


def openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True,
                   capture_output=True)


class Authority:
    """answer: None as it should be, else what is done to the reply."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        (self.folder / "tsa.cnf").write_text(CONFIG)
        (self.folder / "serial").write_text("01\n")
        openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
                "-out", "ca.pem", "-days", "2", "-subj", "/CN=CA")
        self.certificate("ext")
        self.ca = self.folder / "ca.pem"
        self.answer = None
        self.asked = 0
        authority = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                authority.reply(self)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/tsr"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def certificate(self, extensions, name="tsa", days="2"):
        openssl(self.folder, "req", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", "-subj", "/CN=TSA")
        openssl(self.folder, "x509", "-req", "-in", f"{name}.csr", "-CA",
                "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                days, "-extfile", "tsa.cnf", "-extensions", extensions,
                "-out", f"{name}.pem")

    def reply(self, http_request):
        self.asked += 1
        body = http_request.rfile.read(
            int(http_request.headers["Content-Length"]))
        kind = http_request.headers["Content-Type"]
        good = kind == "application/timestamp-query" and self.answer != 503
        http_request.send_response(200 if good else 503)
        http_request.end_headers()
        if not good:
            return
        (self.folder / "query").write_bytes(body)
        openssl(self.folder, "ts", "-reply", "-config", "tsa.cnf",
                "-queryfile", "query", "-signer", "tsa.pem", "-inkey",
                "tsa.key", "-out", "reply")
        reply = (self.folder / "reply").read_bytes()
        http_request.wfile.write(self.answer(reply) if self.answer else reply)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class MailServer:
    """Takes mail and keeps (sender, recipients, bytes)."""

    def __init__(self):
        self.mails = []
        mails = self.mails

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                sender, rcpts = None, []
                self.wfile.write(b"220 here\r\n")
                while line := self.rfile.readline():
                    word = line[:4].upper()
                    if word == b"MAIL":
                        sender = line.split(b"<")[1].split(b">")[0].decode()
                    elif word == b"RCPT":
                        rcpts.append(
                            line.split(b"<")[1].split(b">")[0].decode())
                    elif word == b"DATA":
                        self.wfile.write(b"354 go\r\n")
                        data = b""
                        while (part := self.rfile.readline()) != b".\r\n":
                            data += part
                        mails.append((sender, rcpts, data))
                    elif word == b"QUIT":
                        self.wfile.write(b"221 bye\r\n")
                        return
                    self.wfile.write(b"250 ok\r\n")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
