/* SPDX-License-Identifier: GPL-2.0-or-later */
/* version.h - which glacis this is: what git calls the tree it was built from. */
#pragma once

extern const char glacis_version[];
