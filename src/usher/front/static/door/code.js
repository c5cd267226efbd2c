// What a ticket's QR code says, read and verified in the browser: ticket/code.py has the same.
// "UT1:" and Base45 (RFC 9285) of an Ed25519 signature, then a MessagePack array of the ids of key,
// event and booking (one after the other), seat, serial, label.

const PREFIX = "UT1:";
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const SIGNATURE = 64;
const KID = 4;
const ID = 10;

function base45(text) {
  const bytes = [];
  for (let at = 0; at < text.length; at += 3) {
    const signs = [...text.slice(at, at + 3)].map((sign) => ALPHABET.indexOf(sign));
    if (signs.length === 1 || signs.includes(-1)) throw new Error("not Base45");
    const number = signs.reduceRight((sum, digit) => sum * 45 + digit, 0);
    if (number >= 256 ** (signs.length - 1)) throw new Error("not Base45");
    if (signs.length === 3) bytes.push(number >> 8);
    bytes.push(number & 255);
  }
  return new Uint8Array(bytes);
}

/** The few kinds of MessagePack that a code is made of. */
function unpack(bytes) {
  let at = 0;
  const take = (count) => {
    if (at + count > bytes.length) throw new Error("cut short");
    at += count;
    return bytes.subarray(at - count, at);
  };
  const word = (raw) => new TextDecoder("utf-8", { fatal: true }).decode(raw);
  function value() {
    const [kind] = take(1);
    if (kind < 0x80) return kind;
    if (kind >= 0xa0 && kind < 0xc0) return word(take(kind & 31));
    if (kind === 0xc4) return take(take(1)[0]);
    if (kind === 0xd9) return word(take(take(1)[0]));
    const size = { 0xcc: 1, 0xcd: 2, 0xce: 4 }[kind];
    if (!size) throw new Error("not a code");
    return take(size).reduce((sum, byte) => sum * 256 + byte, 0);
  }
  const [count] = take(1);
  if (count !== 0x94) throw new Error("not a code");
  const values = [value(), value(), value(), value()];
  if (at !== bytes.length) throw new Error("too long");
  return values;
}

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** What a code says, unverified; null for what is no code. */
export function readCode(text) {
  try {
    if (!text.startsWith(PREFIX)) return null;
    const raw = base45(text.slice(PREFIX.length));
    const payload = raw.subarray(SIGNATURE);
    const [ids, seat, serial, label] = unpack(payload);
    if (ids.length !== KID + 2 * ID || !Number.isInteger(seat + serial)) return null;
    const signed = new Uint8Array([...new TextEncoder().encode(PREFIX), ...payload]);
    return {
      kid: hex(ids.subarray(0, KID)),
      event: `evt_${hex(ids.subarray(KID, KID + ID))}`,
      booking: hex(ids.subarray(KID + ID)),
      seat,
      serial,
      label: String(label),
      signature: raw.subarray(0, SIGNATURE),
      signed,
    };
  } catch {
    return null;
  }
}

/** The number of a ticket: {booking, seat}; null for what is none. */
export function readNumber(text) {
  const found = /^tkt_([0-9a-f]{20})_(0|[1-9][0-9]{0,5})$/.exec(text);
  return found && { booking: found[1], seat: Number(found[2]) };
}

/** Whether one of `keys` (JSON Web Keys) has signed a code; null where this browser cannot tell. */
export async function isSigned(code, keys) {
  const key = keys.find((each) => each.kid === code.kid);
  if (!key) return false;
  try {
    const { kty, crv, x } = key;
    const known = await crypto.subtle.importKey("jwk", { kty, crv, x }, { name: "Ed25519" }, false, [
      "verify",
    ]);
    return await crypto.subtle.verify({ name: "Ed25519" }, known, code.signature, code.signed);
  } catch {
    return null; // an old browser, or a page without https
  }
}
