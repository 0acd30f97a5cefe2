/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link.h - the inspector's end of the channel to the keeper: records (report.h) gathered into
 * messages, never waiting. What the keeper is too slow for is lost and counted; a lost record is
 * always a whole one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "user/inspect/report.h"

struct link;

int link_new(int fd, struct link **ret_link); /* fd: borrowed, nonblocking */
void link_free(struct link *link); /* NULL-safe */
static inline void link_freep(struct link **link)
{
	link_free(*link);
}

/* Fills in kind and length of a record and puts it into the next message. */
void link_put(struct link *link, enum report_kind kind, struct report *report, size_t size);
/*
 * The same for what must not be lost: waits until the keeper has made room, up to five seconds.
 * False: it did not; the record is lost, and counted.
 */
bool link_put_waiting(struct link *link, enum report_kind kind, struct report *report, size_t size);
/* Sends what waits. 0; -EAGAIN: it waits on; -EPIPE or what send(2) says: the keeper is gone. */
int link_flush(struct link *link);
/* Something waits to be sent. */
int link_pending(const struct link *link);
uint64_t link_lost(const struct link *link); /* records, ever */

/*
 * Takes one message: its bytes (valid until the next call), and a descriptor that came with it in
 * *ret_fd (the caller's; -1: none). Size; 0: nothing there; -EPIPE: the keeper closed the channel.
 */
int link_receive(struct link *link, const uint8_t **ret_bytes, int *ret_fd);
