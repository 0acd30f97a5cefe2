/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elf_text.c - what a file says of itself: its build id, and text in its constants.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/kern/elf.h"
#include "user/kern/elf_private.h"

#define NOTES_MAX  65536
#define NEEDLE_MAX 64

static bool find_build_id(const uint8_t *notes, size_t size, char ret_text[ELF_BUILD_ID_TEXT])
{
	size_t at = 0;

	while (at + sizeof(Elf64_Nhdr) <= size) {
		Elf64_Nhdr note;
		size_t name, value;

		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		name = ((size_t)note.n_namesz + 3) & ~(size_t)3;
		value = ((size_t)note.n_descsz + 3) & ~(size_t)3;
		if (name > size - at || value > size - at - name)
			return false;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + at, "GNU", 4) == 0 && note.n_descsz > 0 &&
		    note.n_descsz <= (ELF_BUILD_ID_TEXT - 1) / 2) {
			for (size_t i = 0; i < note.n_descsz; i++)
				snprintf(ret_text + 2 * i, 3, "%02x", notes[at + name + i]);
			return true;
		}
		at += name + value;
	}
	return false;
}

void elf_build_id(struct elf *elf, char ret_text[ELF_BUILD_ID_TEXT])
{
	ret_text[0] = '\0';
	for (size_t i = 0; i < elf->n_segments; i++) {
		const Elf64_Phdr *p = &elf->segments[i];
		_cleanup_free_ void *notes = NULL;

		if (p->p_type != PT_NOTE ||
		    elf_get_table(elf, p->p_offset, p->p_filesz, NOTES_MAX, &notes) < 0)
			continue;
		if (find_build_id(notes, p->p_filesz, ret_text))
			return;
	}
}

static void take_text(const char *at, size_t n, char *ret_text, size_t size)
{
	size_t i = 0;

	while (i < n && i + 1 < size && at[i] >= ' ' && at[i] <= '~') {
		ret_text[i] = at[i];
		i++;
	}
	if (size)
		ret_text[i] = '\0';
}

struct text_search {
	const char *const *needles;
	size_t n;
	bool first; /* is enough */
	uint32_t found;
	int hit;
	char *text;
	size_t size;
};

static void search_piece(struct text_search *search, const char *piece, size_t n)
{
	for (size_t i = 0; i < search->n; i++) {
		const char *hit;

		if (search->found & 1u << i)
			continue;
		hit = memmem(piece, n, search->needles[i], strlen(search->needles[i]));
		if (!hit)
			continue;
		search->found |= 1u << i;
		search->hit = (int)i;
		if (search->first) {
			take_text(hit, n - (size_t)(hit - piece), search->text, search->size);
			return;
		}
	}
}

/* One area, in pieces that overlap by the longest needle. */
static int search_area(struct elf *elf, uint64_t offset, uint64_t n, struct text_search *search)
{
	_cleanup_free_ char *piece = malloc(PIECE);

	if (!piece)
		return -ENOMEM;
	if (!elf_within(offset, n, elf->size))
		return -EBADMSG;
	while (n > 0 && !(search->first && search->found)) {
		size_t now = n < PIECE ? n : PIECE;
		int r = elf_get(elf, offset, piece, now);

		if (r < 0)
			return r;
		search_piece(search, piece, now);
		if (now == n)
			break;
		now -= NEEDLE_MAX;
		offset += now;
		n -= now;
	}
	return 0;
}

static int search_text(struct elf *elf, struct text_search *search, uint64_t limit)
{
	static const char *const places[] = {".rodata", ".gopclntab", ".go.buildinfo"};
	bool anywhere = true;
	int r = 0;

	if (search->n > 32)
		return -E2BIG;
	for (size_t i = 0; i < search->n; i++)
		if (strlen(search->needles[i]) >= NEEDLE_MAX)
			return -E2BIG;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++) {
		const Elf64_Shdr *section = elf_section(elf, places[i]);

		if (!section || section->sh_type == SHT_NOBITS)
			continue;
		anywhere = false;
		r = search_area(elf, section->sh_offset,
				section->sh_size < limit ? section->sh_size : limit, search);
	}
	return anywhere ? search_area(elf, 0, elf->size < limit ? elf->size : limit, search) : r;
}

int elf_find_text(struct elf *elf, const char *const *needles, size_t n, uint64_t limit,
		  char *ret_text, size_t size)
{
	struct text_search search = {
		.needles = needles, .n = n, .first = true, .text = ret_text, .size = size};
	int r = search_text(elf, &search, limit);

	if (r < 0)
		return r;
	return search.found ? search.hit : -ENOENT;
}

int elf_scan_text(struct elf *elf, const char *const *needles, size_t n, uint64_t limit,
		  uint32_t *ret_found)
{
	struct text_search search = {.needles = needles, .n = n};
	int r = search_text(elf, &search, limit);

	if (r == 0)
		*ret_found = search.found;
	return r;
}
