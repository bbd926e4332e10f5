"""What clients print: typical documents, made here, and a way to sort them.

UEL is HP's "universal exit language", with which printer jobs are wrapped.
"""

UEL = b"\x1b%-12345X"

POSTSCRIPT = b"""%!PS-Adobe-3.0
%%Pages: 1
/Courier findfont 12 scalefont setfont
72 720 moveto (a line of text) show
showpage
%%EOF
"""

# Raster data of a PCL job holds every byte there is, NUL among them.
PCL = (UEL + b"@PJL ENTER LANGUAGE=PCL\r\n\x1bE\x1b*t300R\x1b*r1A"
       + b"\x1b*b256W" + bytes(range(256)) + b"\x1b*b64W" + bytes(64)
       + b"\x1b*rB\x0c\x1bE" + UEL)

ZPL = b"^XA^FO50,50^A0N,40,40^FDlabel^FS^BY2^BCN,80,Y,N,N^FD12345678^FS^XZ\n"

ESCPOS = (b"\x1b@\x1ba\x01RECEIPT\n\x1ba\x00"
          + b"coffee            2.50\n" * 12
          + b"\x1bd\x03\x1dV\x41\x00")


def pdf():
    """The smallest PDF with a page, its cross-reference table right."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
    ]
    data = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    table = b"xref\n0 4\n0000000000 65535 f \n"
    for number, text in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    return (data + table + b"trailer\n<< /Size 4 /Root 1 0 R >>\n"
            + b"startxref\n%d\n%%%%EOF\n" % len(data))


DOCUMENTS = {
    "PostScript": POSTSCRIPT,
    "PCL": PCL,
    "ZPL": ZPL,
    "ESC/POS": ESCPOS,
    "PDF": pdf(),
    "one byte": b"\0",
}


def in_job_order(documents):
    """Contents of files that are named by job id alone."""
    return [documents[name] for name in
            sorted(documents, key=lambda name: int(name.split(".")[0]))]
