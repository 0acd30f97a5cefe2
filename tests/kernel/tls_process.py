#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tls_process - a process that does TLS with itself, in memory. Only for test_libs.c.

Says "loaded" when it has mapped OpenSSL; on a line "go N" makes a connection, sends N messages over
it and says how often it called: "reads R writes W handshakes H connections C".
"""

import ssl
import sys


def pair(cert):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    return (client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True))


def shake(ends):
    calls, left = 0, list(ends)
    while left:
        for end in list(left):
            calls += 1
            try:
                end.do_handshake()
                left.remove(end)
            except ssl.SSLWantReadError:
                pass
    return calls


def main():
    print("loaded", flush=True)
    for line in sys.stdin:
        n = int(line.split()[1])
        ends = pair(sys.argv[1])
        handshakes = shake(ends)
        for _ in range(n):
            ends[0].write(b"GET / HTTP/1.1\r\n\r\n")
            ends[1].read(4096)
        del ends
        print(f"reads {n} writes {n} handshakes {handshakes} connections 2", flush=True)


main()
