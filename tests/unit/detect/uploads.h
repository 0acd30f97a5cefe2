/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

#define UPLOAD(type, body) "PUT /api/v1/avatar HTTP/1.1\nHost: a\nContent-Type: " type "\n\n" body
#define PARTS(body)                                                                                \
	"POST /api/v1/files HTTP/1.1\nHost: a\n"                                                   \
	"Content-Type: multipart/form-data; boundary=\"b1\"\n\n" body "--b1--\r\n"
#define PART(disposition, type, body)                                                              \
	"--b1\r\nContent-Disposition: form-data; " disposition "\r\nContent-Type: " type           \
	"\r\n\r\n" body "\r\n"
#define STORED "HTTP/1.1 201 Created\n\n"

static void of_11_mib(struct transaction *tx, struct detect_policy *policy)
{
	request_cut(tx, policy);
	tx->request_body.wire_bytes = 11 << 20;
}

static void of_10_mib(struct transaction *tx, struct detect_policy *policy)
{
	request_cut(tx, policy);
	tx->request_body.wire_bytes = 10 << 20;
}

static void up_to_20_mib(struct transaction *tx, struct detect_policy *policy)
{
	of_11_mib(tx, policy);
	policy->max_upload_bytes = 20 << 20;
}

static void nobody_reads(struct transaction *tx, struct detect_policy *policy)
{
	(void)policy;
	tx->request_body.flags |= BODY_SKIPPED | BODY_CUT;
	tx->response_body.flags |= BODY_SKIPPED | BODY_CUT;
}

static void pictures_only(struct transaction *tx, struct detect_policy *policy)
{
	static const char *const types[] = {"image/*", "application/pdf"};

	(void)tx;
	policy->upload_types = types;
	policy->n_upload_types = 2;
}

static const struct detect_case cases_uploads[] = {
	{"an image", UPLOAD("image/png", "\x89PNG\r\n"), STORED, ""},
	{"a page as an image", UPLOAD("image/png", "<html>"), STORED,
	 "REV-10 upload-disguised high"},
	{"a script as an image", UPLOAD("image/jpeg", "<?php system($_GET[0]);"), STORED,
	 "REV-10 upload-disguised high", .shown = "a script", .hidden = "system"},
	{"a program as a document", UPLOAD("application/pdf", "MZ\x90"), STORED,
	 "REV-10 upload-disguised high", .shown = "a program"},
	{"a script as an image, refused", UPLOAD("image/png", "<?php"), "HTTP/1.1 415 X\n\n", ""},
	{"a program",
	 UPLOAD("application/octet-stream", "\x7f"
					    "ELF"),
	 STORED, "REV-10 upload-executable medium"},
	{"JSON", UPLOAD("application/json", "{}"), STORED, ""},
	{"a form of two fields and a file",
	 PARTS(PART("name=\"a\"", "text/plain", "<?php")
		       PART("name=\"f\"; filename=\"x.png\"", "image/png", "\x89PNG")),
	 STORED, ""},
	{"a file that is a page",
	 PARTS(PART("name=\"a\"", "text/plain", "hi")
		       PART("name=\"f\"; filename=\"x.png\"", "image/png", "<script>")),
	 STORED, "REV-10 upload-disguised high"},
	{"a file a server would run",
	 PARTS(PART("name=\"f\"; filename=\"secret-plan.PHP\"", "text/plain", "hello")), STORED,
	 "REV-10 upload-executable medium", .hidden = "secret-plan"},
	{"the same, refused", PARTS(PART("name=\"f\"; filename=\"x.php\"", "text/plain", "hello")),
	 "HTTP/1.1 400 X\n\n", ""},
	{"no boundary",
	 "POST /f HTTP/1.1\nHost: a\nContent-Type: multipart/form-data\n\n--x\r\n\r\nMZ", STORED,
	 ""},
	{"a part without end", PARTS("--b1\r\nContent-Disposition: form-data; filename=\"a.php\""),
	 STORED, ""},
	{"11 MiB", UPLOAD("video/mp4", "x"), STORED, "REV-10 upload-too-large low",
	 .change = of_11_mib},
	{"11 MiB, refused", UPLOAD("video/mp4", "x"), "HTTP/1.1 413 X\n\n", "",
	 .change = of_11_mib},
	{"10 MiB", UPLOAD("video/mp4", "x"), STORED, "", .change = of_10_mib},
	{"11 MiB, granted", UPLOAD("video/mp4", "x"), STORED, "", .change = up_to_20_mib},
	{"two bad files are one upload",
	 PARTS(PART("name=\"f\"; filename=\"a.php\"", "text/plain", "x")
		       PART("name=\"g\"; filename=\"b.jsp\"", "text/plain", "x")),
	 STORED, "REV-10 upload-executable medium"},
	{"two disguised files are one upload",
	 PARTS(PART("name=\"f\"; filename=\"a\"", "image/png", "<html>")
		       PART("name=\"g\"; filename=\"b\"", "image/png", "<html>")),
	 STORED, "REV-10 upload-disguised high"},
	{"two programs are one upload",
	 PARTS(PART("name=\"f\"; filename=\"a\"", "application/x", "MZ")
		       PART("name=\"g\"; filename=\"b\"", "application/x", "MZ")),
	 STORED, "REV-10 upload-executable medium"},
	{"a file of that very name",
	 PARTS(PART("name=\"f\"; filename=\".htaccess\"", "text/plain", "x")), STORED,
	 "REV-10 upload-executable medium"},
	{"an empty boundary",
	 "POST /f HTTP/1.1\nHost: a\nContent-Type: multipart/form-data; boundary=\n\n"
	 "--\r\nContent-Disposition: form-data; filename=\"a.php\"\r\n\r\nx",
	 STORED, ""},
	{"DELETE uploads nothing", "DELETE /f HTTP/1.1\nHost: a\n\nMZ", STORED, ""},
	{"gRPC", UPLOAD("image/png", "<html>"), STORED, "", TX_GRPC},
	{"a page as an image, of which only the beginning was kept", UPLOAD("image/png", "<html>"),
	 STORED, "REV-10 upload-disguised high", .change = nobody_reads},
	{"a type the policy lists", UPLOAD("application/pdf", "%PDF-"), STORED, "",
	 .change = pictures_only},
	{"a kind the policy lists", UPLOAD("IMAGE/webp", "RIFF"), STORED, "",
	 .change = pictures_only},
	{"a type it does not list", UPLOAD("video/mp4", "x"), STORED, "REV-10 upload-type medium",
	 .change = pictures_only, .shown = "video/mp4"},
	{"a kind that only begins like it", UPLOAD("images/png", "x"), STORED,
	 "REV-10 upload-type medium", .change = pictures_only},
	{"a type it does not list, refused", UPLOAD("video/mp4", "x"), "HTTP/1.1 415 X\n\n", "",
	 .change = pictures_only},
	{"a message is no upload", UPLOAD("application/json", "{}"), STORED, "",
	 .change = pictures_only},
	{"a file of it is",
	 PARTS(PART("name=\"f\"; filename=\"a.json\"", "application/json", "{}")), STORED,
	 "REV-10 upload-type medium", .change = pictures_only},
	{"a part that is no file", PARTS(PART("name=\"f\"", "text/plain", "x")), STORED, "",
	 .change = pictures_only},
};
