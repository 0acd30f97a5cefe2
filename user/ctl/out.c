/* SPDX-License-Identifier: GPL-2.0-or-later */
/* out.c - see out.h. */
#include "user/ctl/out.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"

#define TEXTS       16 /* static texts alive at a time: more than any printf here uses */
#define TEXT_SIZE   512
#define COLUMNS_MAX 12
#define NAME_WIDTH  11

struct row {
	enum out_color color;
	char *cells[COLUMNS_MAX];
};

struct out_table {
	const char *const *titles;
	unsigned columns;
	struct row *rows;
	size_t n, room;
};

static char *next_text(void)
{
	static char texts[TEXTS][TEXT_SIZE];
	static unsigned next;

	return texts[next++ % TEXTS];
}

const char *out_color(const struct ctl *ctl, enum out_color color)
{
	static const char *const codes[] = {
		[OUT_PLAIN] = "\033[0m",  [OUT_BOLD] = "\033[1m",    [OUT_DIM] = "\033[2m",
		[OUT_GREEN] = "\033[32m", [OUT_YELLOW] = "\033[33m", [OUT_RED] = "\033[31m",
	};

	return ctl->color ? codes[color] : "";
}

enum out_color out_verdict_color(const char *verdict)
{
	static const char *const bad[] = {"limit", "refuse", "suspend", "ban"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (strcmp(verdict, bad[i]) == 0)
			return OUT_RED;
	return strcmp(verdict, "allow") == 0 ? OUT_GREEN : OUT_PLAIN;
}

/* Length of a UTF-8 sequence at `c` that a terminal obeys or that hides what it is: C1 controls,
 * zero-width and bidirectional marks (U+200B..F, U+2028..E, U+2060..F). */
static size_t deceptive(const unsigned char *c)
{
	if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
		return 2;
	if (c[0] != 0xe2)
		return 0;
	if (c[1] == 0x80 && ((c[2] >= 0x8b && c[2] <= 0x8f) || (c[2] >= 0xa8 && c[2] <= 0xae)))
		return 3;
	return c[1] == 0x81 && c[2] >= 0xa0 && c[2] <= 0xaf ? 3 : 0;
}

static void clean(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
		else
			memset(c, '?', deceptive(c));
	}
}

const char *out_clean(const char *text)
{
	char *copy = next_text();

	snprintf(copy, TEXT_SIZE, "%s", text);
	clean(copy);
	return copy;
}

const char *out_member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	char *text;

	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (!json_is_number(value))
		return "";
	text = next_text();
	if (json_is_integer(value))
		snprintf(text, TEXT_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		snprintf(text, TEXT_SIZE, "%.1f", json_real_value(value));
	return text;
}

const char *out_time(const char *utc)
{
	char *text = next_text();
	int64_t wall_ns;
	time_t seconds;
	struct tm tm;
	size_t n;

	if (clock_parse(utc, &wall_ns) < 0)
		return utc;
	seconds = wall_ns / (int64_t)CLOCK_NS_PER_S;
	if (!localtime_r(&seconds, &tm))
		return utc;
	n = strftime(text, TEXT_SIZE, "%Y-%m-%dT%H:%M:%S%z", &tm);
	if (n < 5)
		return utc;
	/* +0100 to +01:00 */
	memmove(text + n - 1, text + n - 2, 3);
	text[n - 2] = ':';
	return text;
}

const char *out_bytes(json_int_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	char *text = next_text();
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(text, TEXT_SIZE, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}

struct out_table *out_table_new(const char *const *titles, unsigned columns)
{
	struct out_table *table = calloc(1, sizeof(*table));

	if (!table || columns > COLUMNS_MAX)
		abort(); /* a table of this program is wrong, or there is no memory to say so */
	table->titles = titles;
	table->columns = columns;
	return table;
}

void out_table_add(struct out_table *table, enum out_color color, const char *const *cells)
{
	struct row *row;

	if (table->n == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		table->rows = realloc(table->rows, table->room * sizeof(*table->rows));
		if (!table->rows)
			abort();
	}
	row = &table->rows[table->n++];
	row->color = color;
	for (unsigned i = 0; i < table->columns; i++) {
		row->cells[i] = strdup(cells[i]);
		if (!row->cells[i])
			abort();
		clean(row->cells[i]);
	}
}

/* Columns on the screen: characters, not bytes. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void print_cell(const struct ctl *ctl, const char *text, int width, bool right, bool last)
{
	int pad = width - width_of(text);

	if (right)
		fprintf(ctl->out, "%*s%s", pad, "", text);
	else
		fprintf(ctl->out, "%s%*s", text, last ? 0 : pad, "");
	fputs(last ? "" : "  ", ctl->out);
}

static void print_row(const struct ctl *ctl, const struct out_table *table, const int *widths,
		      const char *const *cells, enum out_color color)
{
	if (color != OUT_PLAIN)
		fputs(out_color(ctl, color), ctl->out);
	for (unsigned i = 0; i < table->columns; i++)
		print_cell(ctl, cells[i], widths[i], table->titles[i][0] == '>',
			   i + 1 == table->columns);
	if (color != OUT_PLAIN)
		fputs(out_color(ctl, OUT_PLAIN), ctl->out);
	fputc('\n', ctl->out);
}

void out_table_print(const struct ctl *ctl, struct out_table *table, const char *empty)
{
	const char *titles[COLUMNS_MAX];
	int widths[COLUMNS_MAX];

	for (unsigned i = 0; i < table->columns; i++) {
		titles[i] = table->titles[i] + (table->titles[i][0] == '>');
		widths[i] = width_of(titles[i]);
		for (size_t j = 0; j < table->n; j++)
			if (width_of(table->rows[j].cells[i]) > widths[i])
				widths[i] = width_of(table->rows[j].cells[i]);
	}
	if (table->n == 0)
		fprintf(ctl->out, "%s\n", empty);
	else
		print_row(ctl, table, widths, titles, OUT_BOLD);
	for (size_t j = 0; j < table->n; j++) {
		print_row(ctl, table, widths, (const char *const *)table->rows[j].cells,
			  table->rows[j].color);
		for (unsigned i = 0; i < table->columns; i++)
			free(table->rows[j].cells[i]);
	}
	free(table->rows);
	free(table);
}

void out_pair(const struct ctl *ctl, const char *name, const char *value)
{
	if (*value)
		fprintf(ctl->out, "%-*s %s\n", NAME_WIDTH, name, value);
}

/* "shop.yaml:12:7: error: …" */
static void out_problem(const struct ctl *ctl, const json_t *problem)
{
	const char *severity = out_member(problem, "severity"), *hint = out_member(problem, "hint");
	const char *path = out_member(problem, "path");

	if (ctl->file)
		fprintf(ctl->err, "%s:", ctl->file);
	if (json_integer_value(json_object_get(problem, "line")) > 0)
		fprintf(ctl->err, "%s:%s:", out_member(problem, "line"),
			out_member(problem, "column"));
	fprintf(ctl->err, "%s%s: %s", ctl->file ? " " : "",
		*severity ? out_clean(severity) : "error",
		out_clean(out_member(problem, "message")));
	if (*path)
		fprintf(ctl->err, " (at %s)", out_clean(path));
	fputc('\n', ctl->err);
	if (*hint)
		fprintf(ctl->err, "    hint: %s\n", out_clean(hint));
}

void out_problems(const struct ctl *ctl, const json_t *problems)
{
	json_t *problem;
	size_t i;

	for (i = 0; (problem = json_array_get(problems, i)); i++)
		out_problem(ctl, problem);
}
