/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - glacisctl; everything is in ctl.c, where tests reach it. */
#include "user/ctl/ctl.h"

int main(int argc, char **argv)
{
	return ctl_run(argc, argv, stdout, stderr);
}
