"""Keys and certificates for tests, made by openssl(1) when they are needed."""

import pathlib
import ssl
import subprocess


class Authority:
    """An issuer of certificates, with its files in a directory."""

    def __init__(self, directory, name="ca"):
        self.directory = pathlib.Path(directory)
        self.certificate = self.directory / f"{name}.pem"
        self.key = self.directory / f"{name}.key"
        self.made = 0
        openssl("req", "-x509", *new_key(self.key), "-subj", f"/CN={name}",
                "-days", "2", "-out", self.certificate)

    def issue(self, name, sans="", days=2):
        """A certificate and its key, as their paths."""
        certificate = self.directory / f"{name}.pem"
        key = self.directory / f"{name}.key"
        request = self.directory / f"{name}.csr"
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={sans}\n" if sans else "")
        openssl("req", *new_key(key), "-subj", f"/CN={name}", "-out", request)
        self.made += 1
        openssl("x509", "-req", "-in", request, "-CA", self.certificate,
                "-CAkey", self.key, "-set_serial", str(self.made),
                "-days", str(days), "-extfile", extensions,
                "-out", certificate)
        return certificate, key


def new_key(path):
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-keyout", path)


def openssl(*words):
    got = subprocess.run(["openssl", *map(str, words)], check=False,
                         capture_output=True, text=True)
    if got.returncode != 0:
        raise AssertionError(f"openssl {words}: {got.stderr}")
    return got.stdout


def fingerprint(certificate):
    """As openssl shows it, and as tls_fingerprint takes it."""
    text = openssl("x509", "-in", certificate, "-noout", "-fingerprint",
                   "-sha256")
    return "sha256:" + text.strip().split("=")[1]


def server(certificate, key, clients=None):
    """For a printer; clients is the issuer of theirs, if they need one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context
