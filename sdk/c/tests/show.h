// Values as the JSON of the golden vectors is written: indented by two, members by name.
#ifndef IOI_SHOW_H
#define IOI_SHOW_H

#include "ioi_lens.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct show {
    FILE *file; // None to read everything and print nothing.
    int depth;
} show;

static void show_line(show *out) {
    if (out->file) {
        fprintf(out->file, "\n%*s", 2 * out->depth, "");
    }
}

// `{` or `,`, and the name.
static void show_member(show *out, char opening, const char *name) {
    out->depth += opening == '{';
    if (out->file) {
        fputc(opening, out->file);
        show_line(out);
        fprintf(out->file, "\"%s\": ", name);
    }
}

// `[` or `,`.
static void show_element(show *out, char opening) {
    out->depth += opening == '[';
    if (out->file) {
        fputc(opening, out->file);
        show_line(out);
    }
}

static void show_end(show *out, char closing) {
    out->depth -= 1;
    show_line(out);
    if (out->file) {
        fputc(closing, out->file);
    }
}

static void show_list_end(show *out, uint32_t count) {
    if (count > 0) {
        show_end(out, ']');
    } else if (out->file) {
        fputs("[]", out->file);
    }
}

static ioi_error show_literal(show *out, const char *literal) {
    if (out->file) {
        fputs(literal, out->file);
    }
    return IOI_OK;
}

static ioi_error show_u32(show *out, uint32_t value) {
    if (out->file) {
        fprintf(out->file, "%" PRIu32, value);
    }
    return IOI_OK;
}

// Not every language's numbers hold 64 bits.
static ioi_error show_u64(show *out, uint64_t value) {
    if (out->file) {
        fprintf(out->file, "\"%" PRIu64 "\"", value);
    }
    return IOI_OK;
}

static ioi_error show_f32(show *out, float value) {
    char text[32];
    snprintf(text, sizeof text, "%.9g", (double)value);
    if (out->file) {
        fprintf(out->file, "%s%s", text, strpbrk(text, ".en") ? "" : ".0");
    }
    return IOI_OK;
}

// Every byte is looked at even where nothing is printed.
static ioi_error show_text(show *out, ioi_bytes text) {
    unsigned sum = 0;
    if (out->file) {
        fputc('"', out->file);
    }
    for (uint32_t at = 0; at < text.count; at++) {
        uint8_t byte = text.start[at];
        sum += byte;
        if (!out->file) {
            continue;
        }
        if (byte == '\n') {
            fputs("\\n", out->file);
        } else if (byte == '"' || byte == '\\') {
            fprintf(out->file, "\\%c", byte);
        } else if (byte < 0x20) {
            fprintf(out->file, "\\u%04x", byte);
        } else {
            fputc(byte, out->file);
        }
    }
    if (out->file) {
        fputc('"', out->file);
    }
    volatile unsigned seen = sum;
    (void)seen;
    return IOI_OK;
}

static ioi_error show_bytes(show *out, ioi_bytes bytes) {
    unsigned sum = 0;
    show_literal(out, "\"");
    for (uint32_t at = 0; at < bytes.count; at++) {
        sum += bytes.start[at];
        if (out->file) {
            fprintf(out->file, "%02x", bytes.start[at]);
        }
    }
    volatile unsigned seen = sum;
    (void)seen;
    return show_literal(out, "\"");
}

#endif
