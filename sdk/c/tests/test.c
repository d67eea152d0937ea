// Reads the golden vectors and the hostile messages through the C reader.
//
//   cc -std=c11 -Wall -Wextra -Werror -I ../include test.c -o test && ./test ../../../schema/vectors/data
//
// It reports as Rust's tests do: a line for each test, and their sum in the last.
#define _POSIX_C_SOURCE 200809L // open_memstream

#include "ioi_cell.h"
#include "show_data.h"

#include <dirent.h>
#include <stdlib.h>

typedef struct file {
    uint8_t *bytes; // At a multiple of 16, and exactly as long as the file.
    size_t count;
} file;

static const char *folder;
static int passed, failures;

static void result(bool good, const char *name, const char *why) {
    printf("test %s ... %s%s\n", name, good ? "ok" : "FAILED: ", good ? "" : why);
    passed += good;
    failures += !good;
}

static bool is_there(const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *from = fopen(path, "rb");
    if (from) {
        fclose(from);
    }
    return from != NULL;
}

static file read_file(const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *from = fopen(path, "rb");
    if (!from) {
        printf("%s: it cannot be opened\n", path);
        exit(1);
    }
    fseek(from, 0, SEEK_END);
    file read = {NULL, (size_t)ftell(from)};
    rewind(from);
    read.bytes = malloc(read.count ? read.count : 1);
    if (!read.bytes || fread(read.bytes, 1, read.count, from) != read.count) {
        printf("%s: it cannot be read\n", path);
        exit(1);
    }
    fclose(from);
    return read;
}

// Opens and reads all of it; what it holds goes to `out`.
static ioi_error read_all(FILE *out, const char *type, const void *bytes, size_t count) {
    ioi_message message;
    show to = {out, 1};
    ioi_error error = ioi_message_open(&message, bytes, count);
    return error ? error : show_root(&to, type, &message);
}

// What validating says. What was found good is read without an error by every accessor.
static ioi_error validate_and_read(const char *type, const void *bytes, size_t count) {
    ioi_error error = validate_root(type, bytes, count), read = read_all(NULL, type, bytes, count);
    if (!error && read) {
        result(false, "what is valid can be read", ioi_error_name(read));
    }
    return error;
}

// --- Golden vectors. ---

typedef struct vector {
    const char *name, *type;
    uint32_t type_id;
} vector;

static const vector vectors[] = {
    {"handle", "Handle", IOI_CELL_TYPE_ID_HANDLE},
    {"reference", "Reference", IOI_CELL_TYPE_ID_REFERENCE},
    {"metadata", "Metadata", IOI_CELL_TYPE_ID_METADATA},
    {"envelope", "Envelope", IOI_CELL_TYPE_ID_ENVELOPE},
    {"envelope-empty", "Envelope", IOI_CELL_TYPE_ID_ENVELOPE},
    {"tensor", "Tensor", IOI_CELL_TYPE_ID_TENSOR},
    {"tensor-scalar", "Tensor", IOI_CELL_TYPE_ID_TENSOR},
    {"tensor-no-elements", "Tensor", IOI_CELL_TYPE_ID_TENSOR},
    {"agent_context", "AgentContext", IOI_CELL_TYPE_ID_AGENT_CONTEXT},
    {"agent_context-empty", "AgentContext", IOI_CELL_TYPE_ID_AGENT_CONTEXT},
    {"chunk", "Chunk", IOI_CELL_TYPE_ID_CHUNK},
    {"leaf_proof", "LeafProof", IOI_CELL_TYPE_ID_LEAF_PROOF},
    {"retrieval_proof", "RetrievalProof", IOI_CELL_TYPE_ID_RETRIEVAL_PROOF},
    {"context_slice", "ContextSlice", IOI_CELL_TYPE_ID_CONTEXT_SLICE},
    {"context_slice-empty", "ContextSlice", IOI_CELL_TYPE_ID_CONTEXT_SLICE},
    {"inference_request", "InferenceRequest", IOI_CELL_TYPE_ID_INFERENCE_REQUEST},
    {"inference_output", "InferenceOutput", IOI_CELL_TYPE_ID_INFERENCE_OUTPUT},
    {"block", "Block", IOI_CELL_TYPE_ID_BLOCK},
    {"envelope-empty-canonical", "Envelope", IOI_CELL_TYPE_ID_ENVELOPE},
    {"context_slice-empty-canonical", "ContextSlice", IOI_CELL_TYPE_ID_CONTEXT_SLICE},
    {"retrieval_proof-empty-canonical", "RetrievalProof", IOI_CELL_TYPE_ID_RETRIEVAL_PROOF},
    {"inference_request-empty-canonical", "InferenceRequest", IOI_CELL_TYPE_ID_INFERENCE_REQUEST},
    {"tensor-canonical", "Tensor", IOI_CELL_TYPE_ID_TENSOR},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

// `prefix` is a language that has written the same value, or nothing.
static void check_vector(const char *prefix, const vector *of) {
    char name[128], expected_id[64];
    snprintf(name, sizeof name, "%s%s.bin", prefix, of->name);
    file binary = read_file(name);
    snprintf(name, sizeof name, "%s.json", of->name);
    file json = read_file(name);

    char *shown = NULL;
    size_t shown_bytes = 0;
    FILE *out = open_memstream(&shown, &shown_bytes);
    ioi_error error = validate_root(of->type, binary.bytes, binary.count);
    error = error ? error : read_all(out, of->type, binary.bytes, binary.count);
    fputs("\n}\n", out);
    fclose(out);

    // The value is the last member of the file.
    size_t value = json.count > shown_bytes ? json.count - shown_bytes : 0;
    bool same = json.count > shown_bytes && memcmp(json.bytes + value, shown, shown_bytes) == 0;
    snprintf(name, sizeof name, "%s%s", prefix, of->name);
    result(!error && same, name, error ? ioi_error_name(error) : shown);
    snprintf(expected_id, sizeof expected_id, "\"typeId\": %" PRIu32 ",", of->type_id);
    char *head = calloc(1, value + 1);
    memcpy(head, json.bytes, value);
    result(strstr(head, expected_id) != NULL, "its type id", expected_id);
    free(head);
    free(shown);
    free(binary.bytes);
    free(json.bytes);
}

static bool is_canonical(const char *name) {
    const char end[] = "-canonical";
    size_t length = strlen(name);
    return length >= sizeof end && strcmp(name + length + 1 - sizeof end, end) == 0;
}

// What other languages have written: every value, in their own order. The canonical form of a value is
// no other value.
static void check_foreign(const char *prefix) {
    for (size_t at = 0; at < COUNT(vectors); at++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s.bin", prefix, vectors[at].name);
        if (is_canonical(vectors[at].name)) {
            continue;
        }
        if (is_there(name)) {
            check_vector(prefix, &vectors[at]);
        } else {
            result(false, name, "there is no such file");
        }
    }
}

// Every value of the folder is in the table above.
static void check_that_no_vector_is_forgotten(void) {
    DIR *open = opendir(folder);
    size_t count = 0;
    for (struct dirent *entry; open && (entry = readdir(open));) {
        size_t length = strlen(entry->d_name);
        count += length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
    }
    if (open) {
        closedir(open);
    }
    result(count == COUNT(vectors), "every vector is tested", "the folder has others");
}

// --- Hostile messages. ---

typedef struct hostile {
    const char *name, *type;
    ioi_error error;
} hostile;

static const hostile refused[] = {
    {"nothing", "Envelope", IOI_SHORT},
    {"half-a-head", "Envelope", IOI_SHORT},
    {"no-root", "Envelope", IOI_OUTSIDE},
    {"shorter-than-its-head-says", "Envelope", IOI_LENGTH},
    {"longer-than-its-head-says", "Envelope", IOI_LENGTH},
    {"two-segments", "Envelope", IOI_SEGMENTS},
    {"a-million-segments", "Envelope", IOI_SEGMENTS},
    {"segment-count-max", "Envelope", IOI_SEGMENTS},
    {"far-pointer-to-itself", "Envelope", IOI_FAR},
    {"far-pointer-loop", "Envelope", IOI_FAR},
    {"double-far-pointer-loop", "Envelope", IOI_FAR},
    {"root-beyond-the-end", "Envelope", IOI_OUTSIDE},
    {"root-before-the-start", "Envelope", IOI_OUTSIDE},
    {"root-is-a-list", "Envelope", IOI_KIND},
    {"text-without-nul", "Envelope", IOI_UNTERMINATED},
    {"text-of-no-bytes", "Envelope", IOI_UNTERMINATED},
    {"text-beyond-the-end", "Envelope", IOI_OUTSIDE},
    {"text-not-utf8", "Envelope", IOI_UTF8},
    {"text-of-words", "Envelope", IOI_ELEMENT},
    {"text-is-a-struct", "Envelope", IOI_KIND},
    {"text-is-a-capability", "Envelope", IOI_KIND},
    {"list-of-nothing", "AgentContext", IOI_ELEMENT},
    {"list-of-empty-structs", "AgentContext", IOI_BUDGET},
    {"list-beyond-the-end", "AgentContext", IOI_OUTSIDE},
    {"list-overruns-its-words", "AgentContext", IOI_OVERRUN},
    {"list-of-lists", "AgentContext", IOI_ELEMENT},
    {"list-is-a-struct", "AgentContext", IOI_KIND},
    {"one-text-a-thousand-times", "ContextSlice", IOI_BUDGET},
    {"digest-of-31-bytes", "ContextSlice", IOI_SIZE},
    {"tensor-too-short", "Tensor", IOI_TENSOR_LENGTH},
    {"tensor-too-long", "Tensor", IOI_TENSOR_LENGTH},
    {"tensor-of-no-size", "Tensor", IOI_TENSOR_SHAPE},
    {"tensor-of-2-to-the-64-bytes", "Tensor", IOI_TENSOR_SHAPE},
    {"tensor-of-no-elements-with-data", "Tensor", IOI_TENSOR_LENGTH},
    {"element-type-99", "Tensor", IOI_ENUM},
};

static void check_refused(const hostile *of) {
    char name[128];
    snprintf(name, sizeof name, "bad/%s.bin", of->name);
    file binary = read_file(name);
    ioi_error error = validate_root(of->type, binary.bytes, binary.count);
    result(error == of->error, of->name, ioi_error_name(error));
    error = read_all(NULL, of->type, binary.bytes, binary.count);
    result(error == of->error, of->name, ioi_error_name(error));
    free(binary.bytes);
}

// Every file of the folder is in the table above: its index says how many there are.
static void check_that_none_is_forgotten(void) {
    file index = read_file("bad/index.json");
    size_t count = 0;
    for (size_t at = 0; at + 7 <= index.count; at++) {
        count += memcmp(index.bytes + at, "\"file\":", 7) == 0;
    }
    result(count == COUNT(refused), "every hostile message is tested", "the index has others");
    free(index.bytes);
}

// --- Bytes that nobody wrote. ---

// Whatever the bytes say, reading them ends and stays inside; the sanitizers see to the latter.
static void check_damaged(const vector *of) {
    char name[128];
    snprintf(name, sizeof name, "%s.bin", of->name);
    file binary = read_file(name);
    for (size_t at = 0; at < binary.count * 8; at++) {
        binary.bytes[at / 8] ^= (uint8_t)(1u << at % 8);
        validate_and_read(of->type, binary.bytes, binary.count);
        binary.bytes[at / 8] ^= (uint8_t)(1u << at % 8);
    }
    bool refuses = true;
    for (size_t count = 0; count < binary.count; count++) {
        // A buffer of its own, so that a read beyond its end is seen.
        uint8_t *cut = malloc(count ? count : 1);
        memcpy(cut, binary.bytes, count);
        refuses &= validate_and_read(of->type, cut, count) != IOI_OK;
        free(cut);
    }
    result(refuses, "every cut is refused", of->name);
    free(binary.bytes);
}

static void check_random(void) {
    uint64_t state = 0x9e3779b97f4a7c15, accepted = 0;
    for (int round = 0; round < 200000; round++) {
        uint64_t words[24] = {0};
        for (size_t at = 1; at < COUNT(words); at++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            // Small fields, so that many pointers lead somewhere.
            words[at] = state & UINT64_C(0x0003000300000037);
        }
        words[0] = (uint64_t)(COUNT(words) - 1) << 32;
        accepted += validate_and_read(vectors[(size_t)round % COUNT(vectors)].type, words, sizeof words) == IOI_OK;
    }
    result(accepted > 0, "random words are read or refused", "none was ever accepted, so little was read");
}

// --- Shapes. ---

// A tensor of bytes with these sizes, and with data of up to eight bytes.
static ioi_error check_shape_of(uint64_t a, uint64_t b, uint64_t c, uint64_t data_bytes) {
    uint64_t words[] = {
        UINT64_C(8) << 32, UINT64_C(0x0002000100000000), // The head; the root: one word, two pointers.
        IOI_ELEMENT_TYPE_U8, UINT64_C(3) << 35 | UINT64_C(5) << 32 | 1 << 2 | 1, data_bytes << 35 | UINT64_C(2) << 32 | 3 << 2 | 1,
        a, b, c, 0,
    };
    return validate_and_read("Tensor", words, sizeof words);
}

static void check_shapes(void) {
    const uint64_t large = UINT64_C(1) << 40, max = UINT64_MAX, half = UINT64_C(1) << 63;
    bool empty = check_shape_of(large, large, 0, 0) == IOI_OK && check_shape_of(large, 0, large, 0) == IOI_OK &&
                 check_shape_of(0, large, large, 0) == IOI_OK;
    result(empty, "a size of 0 makes a shape empty, wherever it stands", "");
    result(check_shape_of(large, large, 0, 1) == IOI_TENSOR_LENGTH, "a shape with a size of 0 has no data", "");
    result(check_shape_of(max, 1, 1, 0) == IOI_TENSOR_LENGTH, "a shape of 2^64 - 1 bytes is one", "");
    bool too_large = check_shape_of(half, 2, 1, 0) == IOI_TENSOR_SHAPE && check_shape_of(1, 2, half, 0) == IOI_TENSOR_SHAPE &&
                     check_shape_of(large, 1, large, 0) == IOI_TENSOR_SHAPE;
    result(too_large, "a shape of 2^64 bytes and more is none", "");
}

// --- Validating. ---

// Metadata, up to all three texts of which are the same seven letters.
static ioi_error validate_metadata(int texts, bool is_only_read) {
    const uint64_t text = UINT64_C(8) << 35 | UINT64_C(2) << 32 | 1;
    uint64_t words[] = {UINT64_C(5) << 32, UINT64_C(3) << 48, text | 2 << 2, texts > 1 ? text | 1 << 2 : 0, texts > 2 ? text : 0,
                        UINT64_C(0x0061616161616161)};
    return is_only_read ? read_all(NULL, "Metadata", words, sizeof words) : validate_root("Metadata", words, sizeof words);
}

static void check_validating(void) {
    result(validate_metadata(1, false) == IOI_OK, "what is reached once is valid", "");
    result(validate_metadata(3, false) == IOI_BUDGET, "what is reached again and again is not", "");
    result(validate_metadata(3, true) == IOI_OK, "what is not validated may be reached again and again", "");
}

// --- Limits. ---

// A struct whose one pointer is the next such struct.
static ioi_error follow_chain(int length) {
    uint64_t words[80] = {(uint64_t)(COUNT(words) - 1) << 32};
    for (size_t at = 1; at < COUNT(words); at++) {
        words[at] = UINT64_C(1) << 48;
    }
    ioi_message message;
    ioi_struct at;
    ioi_error error = ioi_message_open(&message, words, sizeof words);
    error = error ? error : ioi_message_root(&message, &at);
    for (int followed = 1; !error && followed < length; followed++) {
        error = ioi_struct_struct(&at, 0, &at);
    }
    return error;
}

static void check_limits(void) {
    result(follow_chain(64) == IOI_OK, "64 pointers deep can be read", "");
    result(follow_chain(65) == IOI_NESTING, "65 deep cannot", "");
    uint64_t words[7] = {UINT64_C(6) << 32, UINT64_C(0x0004000100000000)};
    bool all = true;
    for (size_t beyond = 1; beyond < 8; beyond++) {
        all &= read_all(NULL, "Envelope", (uint8_t *)words + beyond, 8) == IOI_UNALIGNED;
    }
    result(all, "a start between words is refused", "");
    ioi_message message;
    ioi_struct root;
    ioi_error error = ioi_message_open(&message, words, sizeof words);
    int times = 0;
    while (!error && times < 100) {
        error = ioi_message_root(&message, &root);
        times += !error;
    }
    result(error == IOI_BUDGET && times == 9, "a message can be walked eight times, its root's pointer being free", ioi_error_name(error));
    // A list of structs over four words, of which it says that they hold nothing.
    uint64_t empty[] = {UINT64_C(7) << 32, UINT64_C(1) << 48, UINT64_C(4) << 35 | UINT64_C(7) << 32 | 1, 0, 0, 0, 0, 0};
    ioi_list list;
    error = ioi_message_open(&message, empty, sizeof empty);
    error = error ? error : ioi_message_root(&message, &root);
    for (times = 0; !error && times < 100; times += !error) {
        error = ioi_struct_list(&root, 0, IOI_ELEMENT_STRUCT, &list);
    }
    result(error == IOI_BUDGET && times == 11, "words of a list that holds nothing are paid for", ioi_error_name(error));
    ioi_u32_list none = {0};
    uint32_t value;
    result(ioi_u32_list_get(none, 0, &value) == IOI_INDEX, "no element of an empty list is read", "");
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: test FOLDER (schema/vectors/data)\n");
        return 2;
    }
    folder = argv[1];
    for (size_t at = 0; at < COUNT(vectors); at++) {
        check_vector("", &vectors[at]);
        check_damaged(&vectors[at]);
    }
    check_foreign("later-");
    check_foreign("go-");
    check_foreign("python-");
    check_foreign("typescript-");
    check_that_no_vector_is_forgotten();
    for (size_t at = 0; at < COUNT(refused); at++) {
        check_refused(&refused[at]);
    }
    check_that_none_is_forgotten();
    check_random();
    check_shapes();
    check_validating();
    check_limits();
    printf("test result: %s. %d passed; %d failed; 0 ignored\n", failures ? "FAILED" : "ok", passed, failures);
    return failures != 0;
}
