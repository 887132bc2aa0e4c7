"""Authorities and what they sign, by openssl, as PEM text."""

import pathlib
import subprocess
import tempfile

DAYS = "365"


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    """A CA: its certificate and key."""

    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    @classmethod
    def new(cls, name, generation):
        """Strimzi's subject: it changes with each replacement of the key."""
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", DAYS, "-subj", f"/O=io.strimzi/CN={name} v{generation}",
                    "-addext", "basicConstraints=critical,CA:true,pathlen:0", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                    "-keyout", str(work / "key"), "-out", str(work / "crt"))  # fmt: skip
            return cls((work / "crt").read_text(), (work / "key").read_text())

    def sign(self, subject, names=()):
        """A certificate for this subject and these DNS names, and its key (PKCS #8)."""
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            (work / "ca.crt").write_text(self.certificate)
            (work / "ca.key").write_text(self.key)
            alternatives = ",".join(f"DNS:{name}" for name in names)
            (work / "extensions").write_text(f"subjectAltName={alternatives}\n" if names else "basicConstraints=CA:false\n")
            openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", str(work / "key"), "-out", str(work / "csr"))
            openssl("x509", "-req", "-in", str(work / "csr"), "-CA", str(work / "ca.crt"), "-CAkey", str(work / "ca.key"),
                    "-CAcreateserial", "-days", DAYS, "-extfile", str(work / "extensions"), "-out", str(work / "crt"))  # fmt: skip
            return (work / "crt").read_text(), (work / "key").read_text()
