/* SPDX-License-Identifier: GPL-2.0-or-later */
/* problem.c - see problem.h. */
#include "user/courier/problem.h"

#include <string.h>

#include "user/base/cleanup.h"

/* Registered: https://iana.org/assignments/http-problem-types */
#define QUOTA_EXCEEDED "https://iana.org/assignments/http-problem-types#quota-exceeded"

static const struct {
	int status;
	const char *title;
} titles[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{409, "Conflict"},
	{413, "Content Too Large"},
	{415, "Unsupported Media Type"},
	{422, "Unprocessable Content"},
	{429, "Too Many Requests"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{507, "Insufficient Storage"},
};

const char *problem_title(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return status < 400 ? "Success" : status < 500 ? "Client Error" : "Server Error";
}

json_t *problem_new(int status, const char *kind, const char *detail)
{
	json_t *problem;

	if (strcmp(kind, "quota-exceeded") == 0)
		problem = json_pack("{s:s}", "type", QUOTA_EXCEEDED);
	else
		problem = json_pack("{s:s+}", "type", "urn:glacis:problem:", kind);
	if (!problem)
		return NULL;
	/* a detail that is not UTF-8 is left out, the problem stands */
	json_object_set_new(problem, "title", json_string(problem_title(status)));
	json_object_set_new(problem, "status", json_integer(status));
	json_object_set_new(problem, "detail", json_string(detail));
	return problem;
}
