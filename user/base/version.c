/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/base/version.h"

/* written by make: the only file that is built anew for every commit */
#include "built_version.h"

const char glacis_version[] = GLACIS_VERSION;
