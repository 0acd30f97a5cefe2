# SPDX-License-Identifier: GPL-2.0-or-later
"""h2servers.py - HTTP/2 without TLS (h2c): the servers of tlsservers.py that speak it, on a plain port. They answer
and log as there. Called by lib.py.
"""

from tlsservers import Apache, HaproxyTls, NginxTls, Node


class NginxH2c(NginxTls):
    """Nothing but HTTP/2: nginx before 1.25 takes a port for one or the other. SECRET_PATH answers with a key."""

    SECRET_PATH, SECRET = "/api/v1/wide/secret", "AKIA" + "QYLPMN5HHHFPZAM2"
    CONF = (NginxTls.CONF.replace("@port@ ssl http2", "@port@ http2")
            .replace("ssl_certificate @cert@; ssl_certificate_key @key@; ssl_protocols TLSv1.2 TLSv1.3;", "")
            .replace("location / {", f'location {SECRET_PATH} {{ return 200 "key={SECRET}\\n"; }}\n\t\tlocation / {{'))


class ApacheH2c(Apache):
    """HTTP/1.1, too, and from there by Upgrade: h2c."""

    CONF = (Apache.CONF.replace("Protocols h2 http/1.1", "Protocols h2c http/1.1\nH2Upgrade on")
            .replace("SSLEngine on", "SSLEngine off"))


class HaproxyH2c(HaproxyTls):
    CONF = HaproxyTls.CONF.replace("ssl crt @dir@/both.pem alpn h2,http/1.1 ssl-min-ver TLSv1.2", "proto h2")


class NodeH2c(Node):
    PROGRAM = Node.PROGRAM.replace('createSecureServer(tls, ', "createServer(")


H2C_SERVERS = {"nginx-h2c": NginxH2c, "apache-h2c": ApacheH2c, "haproxy-h2c": HaproxyH2c, "node-h2c": NodeH2c}
