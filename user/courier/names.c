/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/courier/names.h"

#include <errno.h>
#include <event2/dns.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "user/base/cleanup.h"

struct names {
	struct evdns_base *dns;
};

struct name_request {
	names_fn fn;
	void *userdata;
	struct evdns_getaddrinfo_request *dns;
	bool ended, cancelled, returned;
};

int names_new(struct event_base *base, struct names **ret_names)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (!names->dns) {
		free(names);
		return -ENOMEM;
	}
	/* without a name server addresses and /etc/hosts still work */
	(void)evdns_base_resolv_conf_parse(names->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf");
	*ret_names = names;
	return 0;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	evdns_base_free(names->dns, 1);
	free(names);
}

static void found(int error, struct evutil_addrinfo *list, void *userdata)
{
	struct name_request *request = userdata;

	request->ended = true;
	if (!request->cancelled)
		request->fn(error ? NULL : list, error ? evutil_gai_strerror(error) : NULL,
			    request->userdata);
	if (list)
		evutil_freeaddrinfo(list);
	/* within names_find() it is still needed there */
	if (request->returned)
		free(request);
}

int names_find(struct names *names, const char *host, uint16_t port, names_fn fn, void *userdata,
	       struct name_request **ret_request)
{
	struct name_request *request = calloc(1, sizeof(*request));
	struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	char service[8];

	if (!request)
		return -ENOMEM;
	request->fn = fn;
	request->userdata = userdata;
	snprintf(service, sizeof(service), "%u", port);
	request->dns = evdns_getaddrinfo(names->dns, host, service, &hints, found, request);
	*ret_request = NULL;
	if (request->ended) {
		free(request);
		return 0;
	}
	request->returned = true;
	*ret_request = request;
	return 0;
}

void names_cancel(struct name_request *request)
{
	if (!request)
		return;
	request->cancelled = true;
	evdns_getaddrinfo_cancel(request->dns);
}
