// A reader of Cap'n Proto messages, in place: it copies nothing, allocates nothing, and looks at no
// byte outside the message, whatever the message says. C11, no libraries.
//
// A message is one segment: a head of 8 bytes (a zero u32, then the number of words that follow), and
// the words. Anything else is refused, and so are pointers out of the message, far pointers, and lists
// whose elements have another size than the schema says. The bytes must not change while they are
// read: read only sealed memory, or memory that nobody else can write.
//
// A pointer that is not there is an empty text, data or list, or a struct of zeros. Every pointer that is
// followed is paid for out of the message's budget, so a small message can't stand for a large one.
#ifndef IOI_LENS_H
#define IOI_LENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum ioi_error {
    IOI_OK = 0,
    IOI_UNALIGNED,    // The bytes do not start at a multiple of 8.
    IOI_SHORT,        // No room for a head.
    IOI_SEGMENTS,     // More than one segment.
    IOI_LENGTH,       // The head and the number of bytes disagree.
    IOI_OUTSIDE,      // A pointer leads out of the message.
    IOI_KIND,         // A pointer to something else than the schema says.
    IOI_FAR,          // A far pointer, which one segment has no use for.
    IOI_ELEMENT,      // A list of elements of another size than the schema says.
    IOI_OVERRUN,      // Structs that need more words than their list has.
    IOI_BUDGET,       // More was followed than the message is large, eight times over.
    IOI_NESTING,      // Pointers nested more than 64 deep.
    IOI_UNTERMINATED, // A text that does not end with NUL.
    IOI_UTF8,         // A text that is not UTF-8.
    IOI_SIZE,         // Data that must have a certain size and have another.
    IOI_INDEX,        // An element beyond the end of a list.
    IOI_ENUM,         // A value that the schema has no name for.
    IOI_TENSOR_SHAPE, // A shape whose product is larger than any memory.
    IOI_TENSOR_LENGTH // Data of another length than shape and element type say.
} ioi_error;

static inline const char *ioi_error_name(ioi_error error) {
    static const char *const names[] = {
        "ok",      "unaligned", "short", "segments",     "length",      "outside", "kind", "far",   "element", "overrun",
        "budget",  "nesting",   "unterminated", "utf8", "size", "index",   "enum", "tensor shape", "tensor length",
    };
    return (size_t)error < sizeof names / sizeof *names ? names[error] : "unknown";
}

#define IOI_WORD_BYTES 8u
#define IOI_NESTING_MAX 64
#define IOI_TRAVERSALS_MAX 8u

// A message that is being read. Readers point to it, so it must stay where it is.
typedef struct ioi_message {
    const uint8_t *words; // After the head.
    uint64_t count;       // Of words.
    uint64_t budget;      // Words that may still be followed.
} ioi_message;

// Bytes inside the message. A text's NUL follows its last byte and is not counted.
typedef struct ioi_bytes {
    const uint8_t *start;
    uint32_t count;
} ioi_bytes;

typedef struct ioi_struct {
    ioi_message *message; // None for a struct that is not there: all of it is zero.
    uint64_t data;        // First word of the data section; the pointers follow it.
    uint16_t data_words;
    uint16_t pointers;
    int nesting; // How many pointers may still be followed from here.
} ioi_struct;

typedef enum ioi_element {
    IOI_ELEMENT_FOUR_BYTES = 4,
    IOI_ELEMENT_EIGHT_BYTES = 5,
    IOI_ELEMENT_POINTER = 6,
    IOI_ELEMENT_STRUCT = 7
} ioi_element;

typedef struct ioi_list {
    ioi_message *message;
    uint64_t first; // Word of the first element.
    uint32_t count; // Of elements.
    uint16_t data_words; // Of each struct.
    uint16_t pointers;   // Of each struct.
    int nesting;
} ioi_list;

typedef struct ioi_u32_list {
    ioi_list inner;
} ioi_u32_list;
typedef struct ioi_u64_list {
    ioi_list inner;
} ioi_u64_list;
typedef struct ioi_text_list {
    ioi_list inner;
} ioi_text_list;
typedef struct ioi_data_list {
    ioi_list inner;
} ioi_data_list;
typedef struct ioi_digest_list {
    ioi_list inner;
} ioi_digest_list;

// --- Numbers, wherever they lie. ---

static inline uint64_t ioi_load(const uint8_t *at, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

static inline uint64_t ioi_word(const ioi_message *message, uint64_t word) {
    return ioi_load(message->words + word * IOI_WORD_BYTES, IOI_WORD_BYTES);
}

// --- Pointers. ---

// Where a pointer's target starts, if all its words lie in the message. `at` is the pointer's own word.
static inline ioi_error ioi_target(const ioi_message *message, uint64_t at, uint64_t pointer, uint64_t words,
                                   uint64_t *first) {
    // The offset is the upper 30 bits of the lower half, signed, from the word after the pointer.
    int64_t offset = (int64_t)((pointer & UINT64_C(0xffffffff)) >> 2);
    if (offset >= INT64_C(1) << 29) {
        offset -= INT64_C(1) << 30;
    }
    int64_t start = (int64_t)at + 1 + offset;
    if (start < 0 || (uint64_t)start > message->count || words > message->count - (uint64_t)start) {
        return IOI_OUTSIDE;
    }
    *first = (uint64_t)start;
    return IOI_OK;
}

static inline ioi_error ioi_pay(ioi_message *message, uint64_t words) {
    if (words > message->budget) {
        message->budget = 0;
        return IOI_BUDGET;
    }
    message->budget -= words;
    return IOI_OK;
}

static inline ioi_error ioi_expect(uint64_t pointer, unsigned kind) {
    unsigned found = pointer & 3;
    return found == kind ? IOI_OK : found == 2 ? IOI_FAR : IOI_KIND;
}

static inline ioi_error ioi_follow_struct(ioi_message *message, uint64_t at, int nesting, ioi_struct *out) {
    uint64_t pointer = ioi_word(message, at);
    *out = (ioi_struct){0};
    if (pointer == 0) {
        return IOI_OK;
    }
    ioi_error error = ioi_expect(pointer, 0);
    if (error) {
        return error;
    }
    if (nesting <= 0) {
        return IOI_NESTING;
    }
    uint16_t data_words = (uint16_t)(pointer >> 32), pointers = (uint16_t)(pointer >> 48);
    uint64_t words = (uint64_t)data_words + pointers, first;
    if ((error = ioi_target(message, at, pointer, words, &first)) || (error = ioi_pay(message, words))) {
        return error;
    }
    *out = (ioi_struct){message, first, data_words, pointers, nesting - 1};
    return IOI_OK;
}

// Lists of structs: a tag, shaped like a pointer to a struct, tells their number and size.
static inline ioi_error ioi_follow_structs(ioi_message *message, uint64_t at, uint64_t pointer, int nesting,
                                           ioi_list *out) {
    uint64_t words = pointer >> 35, first;
    ioi_error error = ioi_target(message, at, pointer, words + 1, &first);
    if (error) {
        return error;
    }
    uint64_t tag = ioi_word(message, first);
    if ((tag & 3) != 0) {
        return IOI_ELEMENT;
    }
    uint32_t count = (uint32_t)((tag & UINT64_C(0xffffffff)) >> 2);
    uint16_t data_words = (uint16_t)(tag >> 32), pointers = (uint16_t)(tag >> 48);
    uint64_t step = (uint64_t)data_words + pointers;
    if (count * step > words) {
        return IOI_OVERRUN;
    }
    // Elements of no words cost one each, or a few bytes could make a reader loop for ever.
    if ((error = ioi_pay(message, words + 1 + (step == 0 ? count : 0)))) {
        return error;
    }
    *out = (ioi_list){message, first + 1, count, data_words, pointers, nesting - 1};
    return IOI_OK;
}

static inline ioi_error ioi_follow_list(ioi_message *message, uint64_t at, int nesting, ioi_element element,
                                        ioi_list *out) {
    uint64_t pointer = ioi_word(message, at);
    *out = (ioi_list){0};
    if (pointer == 0) {
        return IOI_OK;
    }
    ioi_error error = ioi_expect(pointer, 1);
    if (error) {
        return error;
    }
    if (nesting <= 0) {
        return IOI_NESTING;
    }
    if (((pointer >> 32) & 7) != (unsigned)element) {
        return IOI_ELEMENT;
    }
    if (element == IOI_ELEMENT_STRUCT) {
        return ioi_follow_structs(message, at, pointer, nesting, out);
    }
    uint64_t count = pointer >> 35, first;
    uint64_t words = element == IOI_ELEMENT_FOUR_BYTES ? (count + 1) / 2 : count;
    if ((error = ioi_target(message, at, pointer, words, &first)) || (error = ioi_pay(message, words))) {
        return error;
    }
    *out = (ioi_list){message, first, (uint32_t)count, 0, 0, nesting - 1};
    return IOI_OK;
}

static inline ioi_error ioi_follow_bytes(ioi_message *message, uint64_t at, int nesting, bool *is_there,
                                         ioi_bytes *out) {
    uint64_t pointer = ioi_word(message, at);
    *out = (ioi_bytes){(const uint8_t *)"", 0};
    *is_there = pointer != 0;
    if (pointer == 0) {
        return IOI_OK;
    }
    ioi_error error = ioi_expect(pointer, 1);
    if (error) {
        return error;
    }
    if (nesting <= 0) {
        return IOI_NESTING;
    }
    if (((pointer >> 32) & 7) != 2) {
        return IOI_ELEMENT;
    }
    uint64_t count = pointer >> 35, words = (count + 7) / 8, first;
    if ((error = ioi_target(message, at, pointer, words, &first)) || (error = ioi_pay(message, words))) {
        return error;
    }
    *out = (ioi_bytes){message->words + first * IOI_WORD_BYTES, (uint32_t)count};
    return IOI_OK;
}

// --- Texts. ---

// How many bytes the character at the start takes; 0 if it is none. Overlong forms, surrogates and
// what lies beyond the last character are none.
static inline uint32_t ioi_utf8_character(const uint8_t *at, uint32_t left) {
    uint8_t lead = at[0];
    if (lead < 0x80) {
        return 1;
    }
    uint32_t bytes = lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
    if (bytes == 0 || bytes > left) {
        return 0;
    }
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high) {
        return 0;
    }
    for (uint32_t i = 2; i < bytes; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return bytes;
}

static inline bool ioi_is_utf8(ioi_bytes text) {
    for (uint32_t at = 0; at < text.count;) {
        uint32_t bytes = ioi_utf8_character(text.start + at, text.count - at);
        if (bytes == 0) {
            return false;
        }
        at += bytes;
    }
    return true;
}

static inline ioi_error ioi_follow_text(ioi_message *message, uint64_t at, int nesting, ioi_bytes *out) {
    bool is_there;
    ioi_error error = ioi_follow_bytes(message, at, nesting, &is_there, out);
    if (error || !is_there) {
        return error;
    }
    if (out->count == 0 || out->start[out->count - 1] != 0) {
        return IOI_UNTERMINATED;
    }
    out->count -= 1;
    return ioi_is_utf8(*out) ? IOI_OK : IOI_UTF8;
}

// Data of a certain size; none at all is read as zeros.
static inline ioi_error ioi_follow_exact(ioi_message *message, uint64_t at, int nesting, uint32_t size,
                                         ioi_bytes *out) {
    static const uint8_t zeros[32] = {0};
    bool is_there;
    ioi_error error = ioi_follow_bytes(message, at, nesting, &is_there, out);
    if (error) {
        return error;
    }
    if (out->count == 0 && size <= sizeof zeros) {
        *out = (ioi_bytes){zeros, size};
    }
    return out->count == size ? IOI_OK : IOI_SIZE;
}

// --- Messages and structs. ---

static inline ioi_error ioi_message_open(ioi_message *message, const void *bytes, size_t count) {
    const uint8_t *start = bytes;
    *message = (ioi_message){0};
    if ((uintptr_t)start % IOI_WORD_BYTES != 0) {
        return IOI_UNALIGNED;
    }
    if (count < IOI_WORD_BYTES) {
        return IOI_SHORT;
    }
    if (ioi_load(start, 4) != 0) {
        return IOI_SEGMENTS;
    }
    uint64_t words = ioi_load(start + 4, 4);
    if (words * IOI_WORD_BYTES != count - IOI_WORD_BYTES) {
        return IOI_LENGTH;
    }
    *message = (ioi_message){start + IOI_WORD_BYTES, words, words * IOI_TRAVERSALS_MAX};
    return IOI_OK;
}

static inline ioi_error ioi_message_root(ioi_message *message, ioi_struct *out) {
    *out = (ioi_struct){0};
    return message->count == 0 ? IOI_OUTSIDE : ioi_follow_struct(message, 0, IOI_NESTING_MAX, out);
}

// The number of this size at this position; 0 where an older writer had no such field.
static inline uint64_t ioi_struct_number(const ioi_struct *from, uint32_t slot, unsigned bytes) {
    uint64_t at = (uint64_t)slot * bytes;
    if (at + bytes > (uint64_t)from->data_words * IOI_WORD_BYTES) {
        return 0;
    }
    return ioi_load(from->message->words + from->data * IOI_WORD_BYTES + at, bytes);
}

static inline uint8_t ioi_struct_u8(const ioi_struct *from, uint32_t slot) {
    return (uint8_t)ioi_struct_number(from, slot, 1);
}

static inline uint16_t ioi_struct_u16(const ioi_struct *from, uint32_t slot) {
    return (uint16_t)ioi_struct_number(from, slot, 2);
}

static inline uint32_t ioi_struct_u32(const ioi_struct *from, uint32_t slot) {
    return (uint32_t)ioi_struct_number(from, slot, 4);
}

static inline uint64_t ioi_struct_u64(const ioi_struct *from, uint32_t slot) {
    return ioi_struct_number(from, slot, 8);
}

static inline bool ioi_struct_bool(const ioi_struct *from, uint32_t slot) {
    return (ioi_struct_u8(from, slot / 8) >> (slot % 8)) & 1;
}

static inline float ioi_struct_f32(const ioi_struct *from, uint32_t slot) {
    uint32_t bits = ioi_struct_u32(from, slot);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double ioi_struct_f64(const ioi_struct *from, uint32_t slot) {
    uint64_t bits = ioi_struct_u64(from, slot);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// The word of this pointer; false where an older writer had no such field.
static inline bool ioi_struct_pointer(const ioi_struct *from, uint32_t slot, uint64_t *at) {
    *at = from->data + from->data_words + slot;
    return slot < from->pointers;
}

// `from` and `out` may be the same struct.
static inline ioi_error ioi_struct_struct(const ioi_struct *from, uint32_t slot, ioi_struct *out) {
    uint64_t at;
    ioi_struct own = *from;
    *out = (ioi_struct){0};
    return ioi_struct_pointer(&own, slot, &at) ? ioi_follow_struct(own.message, at, own.nesting, out) : IOI_OK;
}

static inline ioi_error ioi_struct_list(const ioi_struct *from, uint32_t slot, ioi_element element, ioi_list *out) {
    uint64_t at;
    *out = (ioi_list){0};
    return ioi_struct_pointer(from, slot, &at) ? ioi_follow_list(from->message, at, from->nesting, element, out) : IOI_OK;
}

static inline ioi_error ioi_struct_text(const ioi_struct *from, uint32_t slot, ioi_bytes *out) {
    uint64_t at;
    *out = (ioi_bytes){(const uint8_t *)"", 0};
    return ioi_struct_pointer(from, slot, &at) ? ioi_follow_text(from->message, at, from->nesting, out) : IOI_OK;
}

static inline ioi_error ioi_struct_data(const ioi_struct *from, uint32_t slot, ioi_bytes *out) {
    uint64_t at;
    bool is_there;
    *out = (ioi_bytes){(const uint8_t *)"", 0};
    return ioi_struct_pointer(from, slot, &at) ? ioi_follow_bytes(from->message, at, from->nesting, &is_there, out)
                                               : IOI_OK;
}

static inline ioi_error ioi_struct_exact(const ioi_struct *from, uint32_t slot, uint32_t size, ioi_bytes *out) {
    static const uint8_t zeros[32] = {0};
    uint64_t at;
    if (ioi_struct_pointer(from, slot, &at)) {
        return ioi_follow_exact(from->message, at, from->nesting, size, out);
    }
    *out = (ioi_bytes){zeros, size};
    return size <= sizeof zeros ? IOI_OK : IOI_SIZE;
}

// --- Elements of lists. ---

static inline ioi_error ioi_list_struct(const ioi_list *from, uint32_t at, ioi_struct *out) {
    *out = (ioi_struct){0};
    if (at >= from->count) {
        return IOI_INDEX;
    }
    uint64_t step = (uint64_t)from->data_words + from->pointers;
    *out = (ioi_struct){from->message, from->first + at * step, from->data_words, from->pointers, from->nesting};
    return IOI_OK;
}

static inline ioi_error ioi_u32_list_get(ioi_u32_list from, uint32_t at, uint32_t *out) {
    if (at >= from.inner.count) {
        return IOI_INDEX;
    }
    *out = (uint32_t)ioi_load(from.inner.message->words + from.inner.first * IOI_WORD_BYTES + (uint64_t)at * 4, 4);
    return IOI_OK;
}

static inline ioi_error ioi_u64_list_get(ioi_u64_list from, uint32_t at, uint64_t *out) {
    if (at >= from.inner.count) {
        return IOI_INDEX;
    }
    *out = ioi_word(from.inner.message, from.inner.first + at);
    return IOI_OK;
}

static inline ioi_error ioi_text_list_get(ioi_text_list from, uint32_t at, ioi_bytes *out) {
    const ioi_list *list = &from.inner;
    return at < list->count ? ioi_follow_text(list->message, list->first + at, list->nesting, out) : IOI_INDEX;
}

static inline ioi_error ioi_data_list_get(ioi_data_list from, uint32_t at, ioi_bytes *out) {
    const ioi_list *list = &from.inner;
    bool is_there;
    return at < list->count ? ioi_follow_bytes(list->message, list->first + at, list->nesting, &is_there, out)
                            : IOI_INDEX;
}

static inline ioi_error ioi_digest_list_get(ioi_digest_list from, uint32_t at, ioi_bytes *out) {
    const ioi_list *list = &from.inner;
    return at < list->count ? ioi_follow_exact(list->message, list->first + at, list->nesting, 32, out) : IOI_INDEX;
}

#endif
