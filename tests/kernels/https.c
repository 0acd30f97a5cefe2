/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * https.c - both ends of HTTP inside TLS with the system's OpenSSL, for the kernel matrix: what the
 * tls door has probes on.
 *
 * Usage: https serve PORT [ktls]                answers every request with 200, one at a time;
 *                                               /leak with a key in a page nobody has touched;
 *                                               ktls: bodies are files that the kernel encrypts
 *        https ask SOURCE HOST PORT TARGET      prints the status, or "none", or "cut": not all
 * came Runs in the guest only, started by tests/kernels/guest.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

static bool ktls;

static SSL_CTX *server_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key =
		EVP_EC_gen("P-256"); /* RSA takes an emulated processor long, or very long */
	X509 *certificate = X509_new();

	if (!context || !key || !certificate || !X509_set_pubkey(certificate, key) ||
	    !X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) ||
	    !X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) ||
	    !X509_sign(certificate, key, EVP_sha256()) ||
	    SSL_CTX_use_certificate(context, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(context, key) != 1)
		return NULL;
	if (ktls)
		SSL_CTX_set_options(context, SSL_OP_ENABLE_KTLS);
	return context;
}

/* A whole response with a forbidden text, mapped anew: the pages come in when they are read. */
static const void *leak(void)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"
				   "AKIA"
				   "QYLPMN5HHHFPZAM2";
	FILE *file = fopen("/tmp/leak", "w+");
	void *memory = MAP_FAILED;

	if (file && fwrite(text, sizeof(text), 1, file) == 1 && fflush(file) == 0)
		memory = mmap(NULL, sizeof(text), PROT_READ, MAP_PRIVATE, fileno(file), 0);
	if (file)
		fclose(file);
	return memory == MAP_FAILED ? NULL : memory;
}

#define LEAK_BYTES (sizeof("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n") - 1 + 20)

/* A head, and a body that no memory of this process ever has. False: the kernel does not take it.
 */
static bool send_file(SSL *ssl)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n"
				   "Connection: close\r\n\r\n";
	FILE *file = fopen("/tmp/file", "w+");
	bool sent = false;

	if (file && ftruncate(fileno(file), 20000) == 0 && BIO_get_ktls_send(SSL_get_wbio(ssl)) &&
	    SSL_write(ssl, head, sizeof(head) - 1) > 0)
		sent = SSL_sendfile(ssl, fileno(file), 0, 20000, 0) == 20000;
	if (!sent)
		fprintf(stderr, "# https: no file sent\n");
	if (file)
		fclose(file);
	return sent;
}

static void serve_one(SSL_CTX *context, int fd)
{
	SSL *ssl = SSL_new(context);
	const void *out = answer;
	size_t n = sizeof(answer) - 1;
	char request[2048] = "";

	if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1 &&
	    SSL_read(ssl, request, sizeof(request) - 1) > 0) {
		if (strncmp(request, "GET /leak ", 10) == 0) {
			out = leak();
			n = LEAK_BYTES;
		}
		if (ktls ? send_file(ssl) : out && SSL_write(ssl, out, (int)n) > 0)
			SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);
}

static int serve(unsigned port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	SSL_CTX *context = server_context();

	sigaction(SIGPIPE, &ignore, NULL);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!context || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 16) < 0)
		return 1;
	for (;;) {
		int connection = accept(fd, NULL, NULL);

		if (connection >= 0)
			serve_one(context, connection);
	}
}

static int connect_from(const char *source, const char *host, unsigned port)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct timeval limit = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, source, &from.sin_addr);
	inet_pton(AF_INET, host, &to.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -1;
	return fd;
}

/* No answer; how far it came is for the log. */
static int none(const char *where)
{
	fprintf(stderr, "# https: no %s: %s\n", where, strerror(errno));
	puts("none");
	return 0;
}

/* Does the body come? The head is in the n bytes that came first. */
static bool is_whole(SSL *ssl, const char *text, int n)
{
	const char *length = strstr(text, "Content-Length: "), *end = strstr(text, "\r\n\r\n");
	long left = length ? strtol(length + 16, NULL, 10) : 0;
	char body[4096];

	left -= end ? n - (end + 4 - text) : 0;
	while (end && left > 0) {
		int more = SSL_read(ssl, body, sizeof(body));

		if (more <= 0)
			return false;
		left -= more;
	}
	return end && left == 0;
}

static int ask(const char *source, const char *host, unsigned port, const char *target)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int fd = connect_from(source, host, port), n;
	SSL *ssl = context ? SSL_new(context) : NULL;
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	char text[1024];

	sigaction(SIGPIPE, &ignore, NULL);
	if (fd < 0 || !ssl)
		return none("connection");
	n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: guest\r\n\r\n", target);
	if (SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
		return none("handshake");
	if (SSL_write(ssl, text, n) != n)
		return none("request");
	n = SSL_read(ssl, text, sizeof(text) - 1);
	if (n <= 12)
		return none("response");
	text[n] = '\0';
	printf("%s\n", is_whole(ssl, text, n) ? (text[12] = '\0', text + 9) : "cut");
	return 0;
}

int main(int argc, char **argv)
{
	ktls = argc == 4 && strcmp(argv[3], "ktls") == 0;
	if ((argc == 3 || ktls) && strcmp(argv[1], "serve") == 0)
		return serve((unsigned)strtoul(argv[2], NULL, 10));
	if (argc == 6 && strcmp(argv[1], "ask") == 0)
		return ask(argv[2], argv[3], (unsigned)strtoul(argv[4], NULL, 10), argv[5]);
	return 2;
}
