/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c - glacisd: the keeper with the API in front of it, or, when started by a keeper, its
 * courier or an inspector.
 */
#include "user/api/api.h"
#include "user/courier/courier.h"
#include "user/inspector/inspector.h"
#include "user/keeper/keeper.h"

int main(int argc, char **argv)
{
	struct options options;
	int status = courier_main(argc, argv);

	if (status < 0)
		status = inspector_main(argc, argv);
	if (status >= 0)
		return status;
	if (options_parse(argc, argv, &options, &status) == OPTIONS_RUN) {
		log_setup(options.log_format, LOG_LEVEL_INFO);
		status = options.detach ? keeper_detach_dead(&options)
					: keeper_run(&options, api_handle);
	}
	options_clear(&options);
	return status;
}
