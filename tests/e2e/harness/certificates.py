"""Certificates for tests: a root, and what it issues."""
import os
import pathlib
import pwd
import ssl

from .proc import run


NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Authority:
    """root: to trust.  chain and key: of the host issued last; the key is
    readable by owner alone."""

    def __init__(self, folder, owner="www-data"):
        self.dir = pathlib.Path(folder)
        self.dir.mkdir()
        self.dir.chmod(0o755)
        self.root = self.dir / "root.pem"
        self.root_key = self.dir / "root.key"
        self.chain = self.dir / "chain.pem"
        self.key = self.dir / "host.key"
        self.owner = owner
        self.openssl("req", "-x509", *NEW_KEY, "-keyout",
                     self.root_key, "-out", self.root, "-subj", "/CN=Root",
                     "-days", "30")

    @staticmethod
    def openssl(*args):
        run(["openssl", *args])

    def issue(self, host, days=30):
        """A new key and a certificate for host."""
        request, extra = self.dir / "request.pem", self.dir / "extra.cnf"
        extra.write_text(f"subjectAltName=DNS:{host}\n")
        self.openssl("req", *NEW_KEY, "-keyout", self.key, "-out",
                     request, "-subj", f"/CN={host}")
        self.openssl("x509", "-req", "-in", request, "-CA", self.root,
                     "-CAkey", self.root_key, "-CAcreateserial", "-out",
                     self.chain, "-days", str(days), "-extfile", extra)
        self._keep()

    def new_key(self):
        """A key that no certificate is about."""
        self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-out", self.key)
        self._keep()

    def _keep(self):
        self.key.chmod(0o600)
        if os.geteuid() == 0:
            user = pwd.getpwnam(self.owner)
            os.chown(self.key, user.pw_uid, user.pw_gid)

    def context(self):
        """Of a client that trusts the root."""
        return ssl.create_default_context(cafile=self.root)
