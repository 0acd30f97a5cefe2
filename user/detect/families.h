/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * families.h - the detectors there are, for registry.c: one file each, named as it is.
 */
#pragma once

#include "user/detect/detector.h"

extern const struct detector detector_authentication;
extern const struct detector detector_content_type;
extern const struct detector detector_cookies;
extern const struct detector detector_cors;
extern const struct detector detector_exposure;
extern const struct detector detector_headers;
extern const struct detector detector_jwt;
extern const struct detector detector_oauth;
extern const struct detector detector_pagination;
extern const struct detector detector_password;
extern const struct detector detector_problems;
extern const struct detector detector_ratelimit;
extern const struct detector detector_smuggling;
extern const struct detector detector_status;
extern const struct detector detector_text;
extern const struct detector detector_uploads;
extern const struct detector detector_versioning;
