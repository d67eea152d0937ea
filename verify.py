#!/usr/bin/env python3
"""Verifies an IOI receipt without any IOI program.

    python3 verify.py receipt.json [--key FILE|FINGERPRINT] [--json]

Checked: canonical form, every leaf and opening, the chain of leaves, the Merkle root, the signed
head, the key's fingerprint, both signatures (Ed25519, strictly, and ML-DSA-65). NOT checked:
whether each decision follows from the policy; `ioi verify` computes the decisions again.

Exit: 0 verified, 2 usage, 4 corrupt, 5 unknown key or signature not checked. Needs Python 3.9 and,
for the signatures, `pip install "cryptography>=48"`. The format: docs/design/receipt.md.
"""
import argparse, hashlib, json, os, re, sys  # noqa: E401

RECEIPT_BYTES_MAX, RECORD_BYTES_MAX, DEPTH_MAX, INTEGER_MAX = 1 << 30, 1 << 24, 24, 2**53 - 1
OPENING_DOMAIN, HEAD_CONTEXT = b"ioi/v1/opening\0", b"ioi/v1/audit-head"

class Corrupt(Exception): """The bytes are not a receipt, or its parts do not agree."""

def need(condition, why):
    if not condition: raise Corrupt(why)

# --- Canonical JSON: one byte string per value; anything else is refused. ---
PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
ESCAPE = re.compile(r'\\(?:(["\\bfnrt])|u00(0[0-7bef]|1[0-9a-f]))')
NUMBER = re.compile(r"(?!-0)-?(?:0|[1-9][0-9]{0,15})(?![0-9.eE+-])")
SHORT = {'"': '"', "\\": "\\", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

class Reader:
    """Reads canonical values from a text, starting at `at`."""

    def __init__(self, text): self.text, self.at = text, 0

    def next_is(self, token):
        found = self.text.startswith(token, self.at)
        self.at += len(token) if found else 0
        return found

    def literal(self, token):
        need(self.next_is(token), f"expected {token!r} at character {self.at}")

    def string(self):
        self.literal('"')
        parts = []
        while True:
            plain = PLAIN.match(self.text, self.at)
            parts.append(plain.group())
            self.at = plain.end()
            if self.next_is('"'): return "".join(parts)
            escape = ESCAPE.match(self.text, self.at)
            need(escape, f"a string that ends or is not canonical at character {self.at}")
            parts.append(SHORT[escape[1]] if escape[1] else chr(int(escape[2], 16)))
            self.at = escape.end()

    def value(self, depth=DEPTH_MAX):
        if self.text.startswith('"', self.at): return self.string()
        need(depth > 0 or self.text[self.at:self.at + 1] not in "{[", "ends early, or nested too deep")
        if self.next_is("{"): return {key: self.value(depth - 1) for key in self.keys()}
        if self.next_is("["): return [self.value(depth - 1) for _ in self.elements("]")]
        if self.next_is("true"): return True
        if self.next_is("false"): return False
        number = NUMBER.match(self.text, self.at)
        need(number and abs(int(number.group())) <= INTEGER_MAX, f"no canonical value at character {self.at}")
        self.at = number.end()
        return int(number.group())

    def elements(self, close):
        """Stands before each element in turn; the caller reads it."""
        more = not self.next_is(close)
        while more:
            yield
            more = not self.next_is(close)
            self.literal("," if more else "")

    def keys(self):
        """Each key in turn; the caller reads the value."""
        last = None
        for _ in self.elements("}"):
            key = self.string()
            need(key.isascii() and key.isprintable(), "a key outside printable ASCII")
            need(last is None or last < key, f"the key {key[:80]!r} is unsorted or duplicate")
            self.literal(":")
            yield key
            last = key

    def raw(self):
        """A value and its bytes."""
        start = self.at
        value = self.value()
        return value, self.text[start:self.at].encode()

# --- Shapes: an object has exactly the fields named here; `?` may be absent, `*` is a list. ---
def matches(pattern): return lambda v: type(v) is str and re.fullmatch(pattern, v)
def integer(low, high): return lambda v: type(v) is int and low <= v <= high
def layers(v): return type(v) is dict and all(fits(item, "text*") for item in v.values())

BASIC = {
    "one": integer(1, 1), "count": integer(0, INTEGER_MAX), "i32": integer(-2**31, 2**31 - 1), "layers": layers,
    "text": lambda v: type(v) is str, "bool": lambda v: type(v) is bool, "map": lambda v: type(v) is dict,
    "sha256": matches("sha256:[0-9a-f]{64}"), "digest": matches("(sha256|blake3):[0-9a-f]{64}"),
    "class": matches("effect|observation|local"), "verdict": matches("allow|ask|deny"),
    "status": matches("ok|failed|refused|unknown"),
    **{f"hex{size}": matches("[0-9a-f]{%d}" % (2 * size)) for size in (8, 16, 32, 64, 1952, 3309)},
}
COMMON = "kind=text prev=sha256 seq=count session=hex8 time_ms=count v=one "
SHAPES = {name: dict(field.split("=") for field in spec.split()) for name, spec in {
    "open": COMMON + "log=hex16 boot=hex16 command=text policy=sha256 engine=text sandboxed=bool processes=profile*",
    "intent": COMMON + "class=class principals=text* action=text args=sha256 facts=map verdict=verdict origin=text"
                       " rule?=rule",
    "outcome": COMMON + "intent=count status=status code?=text results=result*",
    "slice": COMMON + "region=count digest=digest bytes=count by=text from=text to=text labels=text*",
    "started": COMMON + "instance=count process=profile",
    "ended": COMMON + "instance=count name=text code=i32 signal=count",
    "close": COMMON + "leaves=count task=sha256 answer?=sha256 citations?=sha256 policy=sha256 processes=profile*"
                      " slices=summary*",
    "rule": "id=text line=count", "result": "what=text digest=digest bytes=count by=text",
    "summary": "seq=count digest=digest bytes=count by=text",
    "profile": "name=text executable=digest properties=layers notes=text* memory_bytes_max?=count pids_max?=count",
    "keys": "ed25519=hex32 ml_dsa=hex1952 suite=one", "signatures": "ed25519=hex64 ml_dsa=hex3309",
    "citation": "path=text document=digest offset=count length=count quote=text",
    "policy": "name=text text=text context=map",
}.items()}
KINDS = ("open", "intent", "outcome", "slice", "started", "ended", "close")
COMMITMENTS = {"args": "map", "task": "map", "answer": "map", "citations": "citation*", "policy": "policy"}

def fits(value, shape):
    if shape.endswith("*"): return type(value) is list and all(fits(item, shape[:-1]) for item in value)
    if shape in BASIC: return bool(BASIC[shape](value))
    spec = SHAPES[shape]
    return (type(value) is dict and all(name in spec or name + "?" in spec for name in value)
            and all(fits(value[name.rstrip("?")], inner) if name.rstrip("?") in value else name.endswith("?")
                    for name, inner in spec.items()))

# --- The session: leaves that follow one another, and the root over them. ---
class Session:
    def __init__(self):
        self.size, self.prev, self.time_ms, self.closed = 0, "sha256:" + "0" * 64, 0, False
        self.log, self.session = None, None
        self.pending, self.processes, self.slices, self.commitments, self.subtrees = {}, [], [], {}, []

    def leaf(self, leaf, raw):
        where, kind = f"leaf {self.size}", leaf.get("kind") if type(leaf) is dict else None
        need(kind in KINDS and fits(leaf, kind) and len(raw) <= RECORD_BYTES_MAX, f"{where} is not a record")
        need(not self.closed, f"{where} stands after `close`")
        need((kind == "open") == (self.size == 0), f"{where} breaks the rule that exactly the first is `open`")
        self.session = self.session or leaf["session"]
        need(leaf["seq"] == self.size, f"{where} has another number")
        need(leaf["session"] == self.session, f"{where} is of another session")
        need(leaf["prev"] == self.prev, f"{where} does not name the leaf before it")
        need(leaf["time_ms"] >= self.time_ms, f"{where} is earlier than the leaf before it")
        self.body(kind, leaf, where)
        if kind in ("intent", "close"):
            self.commitments.update((leaf[name], shape) for name, shape in COMMITMENTS.items() if name in leaf)
        hashed = hashlib.sha256(b"\0" + raw).digest()
        self.size, self.prev, self.time_ms = self.size + 1, "sha256:" + hashed.hex(), leaf["time_ms"]
        self.subtrees.append(hashed)
        for _ in range((self.size & -self.size).bit_length() - 1): self.join()  # one for each trailing zero bit

    def body(self, kind, leaf, where):
        if kind == "open":
            self.log, self.processes = leaf["log"], list(leaf["processes"])
        elif kind == "intent":
            self.pending[leaf["seq"]] = leaf["verdict"]
        elif kind == "outcome":
            need(leaf["intent"] in self.pending, f"{where} is the outcome of no pending intent")
            allowed, status = self.pending.pop(leaf["intent"]) == "allow", leaf["status"]
            need(status == "unknown" or allowed == (status != "refused"), f"{where} contradicts its verdict")
            need((status == "failed") == ("code" in leaf), f"{where} has a code without a failure, or none with one")
        elif kind == "slice":
            self.slices.append({name: leaf[name] for name in ("by", "bytes", "digest", "seq")})
        elif kind == "started":
            self.processes.append(leaf["process"])
        elif kind == "close":
            need(not self.pending, "the session is closed while an intent has no outcome")
            need(leaf["leaves"] == self.size + 1, "`close` counts another number of leaves")
            need((leaf["processes"], leaf["slices"]) == (self.processes, self.slices), "`close` lists other parts")
            self.closed = True

    def join(self):
        right = self.subtrees.pop()
        self.subtrees.append(hashlib.sha256(b"\1" + self.subtrees.pop() + right).digest())

def check_opening(name, reader, session):
    need(name in session.commitments, f"the opening of {name[:80]!r} opens nothing")
    reader.literal('{"salt":')
    salt = reader.string()
    reader.literal(',"value":')
    value, raw = reader.raw()
    reader.literal("}")
    need(fits(salt, "hex16") and fits(value, session.commitments[name]), f"the opening of {name} has another shape")
    hashed = hashlib.sha256(OPENING_DOMAIN + bytes.fromhex(salt) + raw).hexdigest()
    need(name == "sha256:" + hashed, f"the opening of {name} does not match it")

# --- Signatures. The library accepts small-order Ed25519 keys, so they are refused here first. ---
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
ORDER_8 = int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little")
SMALL_ORDER = (0, 1, P - 1, ORDER_8, P - ORDER_8)

def check_signatures(keys, signatures, head):
    """Returns False when this installation can't check both signatures."""
    ed_key, ml_key = bytes.fromhex(keys["ed25519"]), bytes.fromhex(keys["ml_dsa"])
    ed_signature, ml_signature = bytes.fromhex(signatures["ed25519"]), bytes.fromhex(signatures["ml_dsa"])
    for point in (ed_key, ed_signature[:32]):
        y = int.from_bytes(point, "little") % 2**255
        need(y < P and y not in SMALL_ORDER, "an Ed25519 point is not canonical or has small order")
    need(int.from_bytes(ed_signature[32:], "little") < L, "the Ed25519 signature is not canonical")
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
    except ImportError:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(ed_key).verify(ed_signature, head)
        MLDSA65PublicKey.from_public_bytes(ml_key).verify(ml_signature, head, HEAD_CONTEXT)
    except UnsupportedAlgorithm:
        return False
    except (InvalidSignature, ValueError):
        raise Corrupt("a signature does not verify") from None
    return True

def fingerprint(keys):
    return "sha256:" + hashlib.sha256(b"\x01" + bytes.fromhex(keys["ed25519"] + keys["ml_dsa"])).hexdigest()

def verify(data, trusted):
    """Exit code and report of a receipt's bytes; `trusted` is a fingerprint or None."""
    try:
        return check(data, trusted)
    except (Corrupt, UnicodeDecodeError) as error:
        return 4, {"result": "corrupt", "reason": str(error)[:300]}

def check(data, trusted):
    need(len(data) <= RECEIPT_BYTES_MAX, "longer than a receipt may be")
    reader, session = Reader(data.decode()), Session()
    reader.literal('{"head":')
    head = reader.string()
    need(re.fullmatch("(?:[0-9a-f]{2})+", head), "the head is not hexadecimal")
    reader.literal(',"keys":')
    keys = reader.value()
    need(fits(keys, "keys"), "the keys are not those of suite 1")
    reader.literal(',"leaves":[')
    for _ in reader.elements("]"):
        session.leaf(*reader.raw())
    need(session.closed, "the last leaf is not `close`")
    reader.literal(',"openings":{')
    opened = {name for name in reader.keys() if check_opening(name, reader, session) is None}
    reader.literal(',"signatures":')
    signatures = reader.value()
    need(fits(signatures, "signatures"), "the signatures are not those of suite 1")
    reader.literal(',"version":1}\n')
    need(reader.at == len(reader.text), "bytes after the receipt")
    head, start = bytes.fromhex(head), HEAD_CONTEXT + b"\0\x01" + bytes.fromhex(session.log)
    for _ in session.subtrees[1:]: session.join()
    body = (40).to_bytes(4, "little") + session.size.to_bytes(8, "little") + session.subtrees[0]
    need(head.startswith(start) and len(head) == len(start) + 100, "the head is not a statement on this log")
    counter, previous = int.from_bytes(head[len(start):][:8], "little"), head[len(start) + 8:][:32]
    need(counter > 0 and (counter == 1) == (previous == bytes(32)), "the head's counter does not fit its predecessor")
    need(head[len(start) + 56:] == body, "the head is over other leaves")
    checked, name = check_signatures(keys, signatures, head), fingerprint(keys)
    report = {"result": "verified", "key": name, "log": session.log, "leaves": session.size, "opened": len(opened),
              "closed": len(session.commitments) - len(opened), "decisions": "not recomputed; `ioi verify` does",
              "freshness": "not known"}
    if not checked:
        return 5, {**report, "result": "signature not checked", "reason": "needs the package cryptography >= 48"}
    return (0, report) if name == trusted else (5, {**report, "result": "unknown key"})

def trusted_fingerprint(key):
    """The fingerprint meant by --key; None when none was given and this machine has no guardian."""
    if key and fits(key, "sha256"): return key
    home, data = os.environ.get("IOI_HOME"), os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    default = os.path.join(home or os.path.join(data, "ioi"), "guardian.pub")
    if not key and not os.path.exists(default): return None
    with open(key or default, "rb") as file:
        reader = Reader(file.read(8192).decode())
    keys = reader.value()
    reader.literal("\n")
    need(fits(keys, "keys") and reader.at == len(reader.text), "not a guardian's public key")
    return fingerprint(keys)

def main():
    parser = argparse.ArgumentParser(description="Verifies an IOI receipt; does not recompute decisions.")
    parser.add_argument("receipt")
    parser.add_argument("--key", help="a public key file or fingerprint (default: this machine's guardian)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args()
    try:
        trusted = trusted_fingerprint(options.key)
        with open(options.receipt, "rb") as file:
            data = file.read(RECEIPT_BYTES_MAX + 1)
        code, report = verify(data, trusted)
    except (OSError, Corrupt, ValueError, MemoryError) as error:
        print(f"verify.py: {ascii(str(error) or 'not enough memory')[1:-1]}", file=sys.stderr)
        return 2
    out = json.dumps(report) if options.json else "\n".join(f"{name}: {value}" for name, value in report.items())
    try: print(out, flush=True)
    except OSError: os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads on; the exit code still tells
    return code

if __name__ == "__main__":
    sys.exit(main())
