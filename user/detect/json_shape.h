/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json_shape.h - what the families ask of a JSON answer, from one walk over it: is it JSON at all,
 * does it say that something failed, is it problem details, how long is its list, does it hand out
 * a token. Several walks over every body would cost more than all the rest.
 */
#pragma once

#include "user/detect/json_walk.h"

enum json_members {
	SHAPE_ERROR = 1, /* "error" that says something: text, a number, a filled object */
	SHAPE_ERRORS = 2, /* "errors" with something in it */
	SHAPE_FAILED = 4, /* "success" or "ok" is false; "status" is error, fail, failed, failure */
	SHAPE_ERROR_STATUS = 8, /* "status", "statusCode" or "status_code" is 400 to 599 */
	SHAPE_DATA = 16, /* "data" that is not null */
	SHAPE_JSONRPC = 32, /* "jsonrpc" */
	/* problem details (RFC 9457) */
	SHAPE_TYPE = 64,
	SHAPE_TITLE = 128,
	SHAPE_STATUS = 256,
	SHAPE_DETAIL = 512,
	SHAPE_INSTANCE = 1024,
	SHAPE_PROBLEM = SHAPE_TYPE | SHAPE_TITLE | SHAPE_STATUS | SHAPE_DETAIL | SHAPE_INSTANCE,
};

struct json_shape {
	uint8_t ending; /* WALK_END, WALK_CUT, WALK_BAD, WALK_MORE */
	uint8_t root; /* WALK_OBJECT, WALK_ARRAY, ...; the ending, if there was no value */
	uint32_t members; /* enum json_members, of the root object */
	uint32_t wrong; /* the same: a problem's member that is of another type */
	uint64_t status; /* of "status", if it is a number without fraction */
	uint64_t expires_in; /* of "expires_in"; 0: none */
	struct raw token; /* "access_token" ...: as it stands; n 0: none */
	size_t items; /* of the longest list, see json_shape.c */
	struct raw list; /* its member's name; n 0: the root itself */
	bool items_more; /* the bytes end inside it: at least as many */
};

void json_shape_read(struct json_shape *shape, struct raw bytes);
